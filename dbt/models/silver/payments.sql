with charges as (
    {{ latest_versions(ref('stripe__charges'), 'charge_ref') }}
),

files__transactions as (
    select * from {{ ref('files__transactions') }}
),

stripe_identities as (
    {{ customer_of('stripe', 'customers') }}
),

file_identities as (
    {{ customer_of('files', 'customers') }}
),

stripe_payments as (
    select
        'stripe:' || charges.charge_ref as payment_id,
        stripe_identities.customer_id,
        charges.status,
        charges.created_at as attempted_at
    from charges
    inner join stripe_identities on charges.customer_ref = stripe_identities.source_ref
),

file_payments as (
    select
        'files:' || transactions.transaction_ref as payment_id,
        file_identities.customer_id,
        if(transactions.status = 'failed', 'failed', 'succeeded') as status,
        transactions.occurred_at as attempted_at
    from files__transactions as transactions
    inner join file_identities on transactions.customer_ref = file_identities.source_ref
    where coalesce(transactions.status, 'paid') in ('paid', 'refunded', 'failed')
),

all_payments as (
    select * from stripe_payments
    union all
    select * from file_payments
)

select * from all_payments
