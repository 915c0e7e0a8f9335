with charges as (
    {{ latest_versions(ref('stripe__charges'), 'charge_ref') }}
),

stripe_payments as (
    select
        'stripe:' || charges.charge_ref as payment_id,
        customers.customer_id,
        charges.status,
        charges.created_at as attempted_at
    from charges
    inner join {{ customer_of('stripe', 'customers') }} as customers
        on charges.customer_ref = customers.source_ref
),

file_payments as (
    select
        'files:' || transactions.transaction_ref as payment_id,
        customers.customer_id,
        if(transactions.status = 'failed', 'failed', 'succeeded') as status,
        transactions.occurred_at as attempted_at
    from {{ ref('files__transactions') }} as transactions
    inner join {{ customer_of('files', 'customers') }} as customers
        on transactions.customer_ref = customers.source_ref
    where coalesce(transactions.status, 'paid') in ('paid', 'refunded', 'failed')
),

all_payments as (
    select * from stripe_payments
    union all
    select * from file_payments
)

select * from all_payments
