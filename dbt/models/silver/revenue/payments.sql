with charges as (
    select * from {{ ref('charges') }}
),

files__transactions as (
    select * from {{ ref('files__transactions') }}
),

transactions as (
    select * from {{ ref('transactions') }}
),

stripe_identities as (
    {{ customer_of('stripe', 'customers') }}
    union all
    {{ customer_of('marketing', 'emails') }}
),

file_identities as (
    {{ customer_of('files', 'customers') }}
),

stripe_payments as (
    select
        'stripe:' || charges.charge_ref as payment_id,
        'stripe' as system,
        stripe_identities.customer_id,
        transactions.transaction_id,
        charges.status,
        charges.failure_code,
        charges.payment_method,
        charges.created_at as attempted_at,
        charges.amount as original_amount,
        charges.currency
    from charges
    inner join stripe_identities on charges.payer_ref = stripe_identities.source_ref
    left join transactions
        on transactions.transaction_id = 'stripe:' || coalesce(charges.invoice_ref, charges.charge_ref)
),

-- The file drop tells of a payment only through what became of the transaction.
file_payments as (
    select
        'files:' || files.transaction_ref as payment_id,
        'files' as system,
        file_identities.customer_id,
        'files:' || files.transaction_ref as transaction_id,
        if(files.status = 'failed', 'failed', 'succeeded') as status,
        cast(null as text) as failure_code,
        files.payment_method,
        files.occurred_at as attempted_at,
        files.amount as original_amount,
        coalesce(files.currency, {{ reporting_currency() }}) as currency
    from files__transactions as files
    inner join file_identities on files.customer_ref = file_identities.source_ref
    where
        coalesce(files.status, 'paid') in ('paid', 'refunded', 'failed')
        and coalesce(files.kind, 'order') <> 'refund'
        and files.amount >= 0
),

all_payments as (
    select * from stripe_payments
    union all
    select * from file_payments
),

with_rate as (
    select
        all_payments.*,
        rates.exchange_rate,
        rates.rate_date
    from all_payments
    {{ join_exchange_rate('rates', 'all_payments.currency', 'all_payments.attempted_at') }}
),

described as (
    select
        payment_id,
        system,
        customer_id,
        transaction_id,
        -- A payment without a transaction stands for itself.
        row_number() over (
            partition by coalesce(transaction_id, payment_id) order by attempted_at, payment_id
        ) as attempt_number,
        status,
        failure_code,
        payment_method,
        attempted_at,
        original_amount,
        currency,
        exchange_rate,
        rate_date,
        {{ at_exchange_rate('original_amount', 'exchange_rate') }} as payment_amount
    from with_rate
)

select * from described
