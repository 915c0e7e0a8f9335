with transactions as (
    select * from {{ ref('transactions') }}
),

paid_purchases as (
    select
        customer_id,
        cast(paid_at as date) as purchase_date,
        net_spend_amount
    from transactions
    where
        paid_at is not null
        and net_spend_amount is not null
        and not {{ gives_back('kind') }}
        and transaction_amount >= 0
),

purchase_days as (
    select
        customer_id,
        purchase_date,
        count(*) as purchase_count,
        cast(sum(net_spend_amount) as decimal(18, 2)) as gross_spend_amount
    from paid_purchases
    group by customer_id, purchase_date
)

select * from purchase_days
