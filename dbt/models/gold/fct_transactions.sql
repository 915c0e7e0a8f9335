with transactions as (
    select * from {{ ref('transactions') }}
),

described as (
    select
        transaction_id,
        customer_id,
        system,
        kind,
        status,
        occurred_at,
        paid_at,
        closed_at,
        cast(occurred_at as date) as transaction_date,
        transaction_amount,
        net_spend_amount,
        original_amount,
        currency,
        payment_method
    from transactions
)

select * from described
