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
        subscription_id,
        refunded_transaction_id,
        occurred_at,
        due_at,
        paid_at,
        closed_at,
        cast(occurred_at as date) as transaction_date,
        gross_amount,
        discount_amount,
        tax_amount,
        transaction_amount,
        billed_amount,
        paid_amount,
        open_amount,
        refunded_amount,
        written_off_amount,
        credited_amount,
        net_spend_amount,
        original_amount,
        currency,
        exchange_rate,
        rate_date,
        payment_method
    from transactions
)

select * from described
