with transactions as (
    select * from {{ ref('transactions') }}
),

-- What a transaction adds to spend: a paid purchase its amount, a refund its amount taken off, anything else nothing.
with_net_spend as (
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
        case
            when status <> 'paid' then null
            when kind = 'refund' then -transaction_amount
            else transaction_amount
        end as net_spend_amount,
        original_amount,
        currency,
        payment_method
    from transactions
)

select * from with_net_spend
