with payments as (
    select * from {{ ref('payments') }}
),

described as (
    select
        payment_id,
        customer_id,
        system,
        transaction_id,
        attempt_number,
        status,
        failure_code,
        payment_method,
        attempted_at,
        cast(attempted_at as date) as payment_date,
        payment_amount,
        original_amount,
        currency,
        exchange_rate,
        rate_date
    from payments
    where attempted_at < {{ run_ends_at() }}
)

select * from described
