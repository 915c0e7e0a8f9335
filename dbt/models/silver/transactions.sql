with invoices as (
    {{ latest_versions(ref('stripe__invoices'), 'invoice_ref') }}
),

charges as (
    {{ latest_versions(ref('stripe__charges'), 'charge_ref') }}
),

refunds as (
    {{ latest_versions(ref('stripe__refunds'), 'refund_ref') }}
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

paying_charges as (
    select
        invoice_ref,
        min(payment_method) as payment_method
    from charges
    where status = 'succeeded'
    group by invoice_ref
),

stripe_invoices as (
    select
        'stripe' as system,
        invoices.invoice_ref as transaction_ref,
        stripe_identities.customer_id,
        'invoice' as kind,
        if(invoices.status = 'uncollectible', 'failed', invoices.status) as status,
        invoices.created_at as occurred_at,
        if(invoices.status = 'paid', coalesce(invoices.paid_at, invoices.modified_at), null) as paid_at,
        if(
            invoices.status in ('paid', 'void', 'uncollectible'),
            coalesce(invoices.paid_at, invoices.modified_at),
            null
        ) as closed_at,
        invoices.total_amount as original_amount,
        invoices.currency,
        paying_charges.payment_method
    from invoices
    inner join stripe_identities on invoices.customer_ref = stripe_identities.source_ref
    left join paying_charges on invoices.invoice_ref = paying_charges.invoice_ref
    where invoices.status <> 'draft'
),

stripe_refunds as (
    select
        'stripe' as system,
        refunds.refund_ref as transaction_ref,
        stripe_identities.customer_id,
        'refund' as kind,
        'paid' as status,
        refunds.created_at as occurred_at,
        refunds.created_at as paid_at,
        refunds.created_at as closed_at,
        refunds.amount as original_amount,
        refunds.currency,
        charges.payment_method
    from refunds
    inner join charges on refunds.charge_ref = charges.charge_ref
    inner join stripe_identities on charges.customer_ref = stripe_identities.source_ref
    where refunds.status = 'succeeded'
),

file_transactions as (
    select
        'files' as system,
        transactions.transaction_ref,
        file_identities.customer_id,
        coalesce(transactions.kind, 'order') as kind,
        coalesce(transactions.status, 'paid') as status,
        transactions.occurred_at,
        if(coalesce(transactions.status, 'paid') in ('paid', 'refunded'), transactions.occurred_at, null) as paid_at,
        if(coalesce(transactions.status, 'paid') <> 'open', transactions.occurred_at, null) as closed_at,
        transactions.amount as original_amount,
        transactions.currency,
        transactions.payment_method
    from files__transactions as transactions
    inner join file_identities on transactions.customer_ref = file_identities.source_ref
),

all_transactions as (
    select * from stripe_invoices
    union all
    select * from stripe_refunds
    union all
    select * from file_transactions
),

in_money as (
    select
        all_transactions.system || ':' || all_transactions.transaction_ref as transaction_id,
        all_transactions.system,
        all_transactions.transaction_ref,
        all_transactions.customer_id,
        all_transactions.kind,
        all_transactions.status,
        all_transactions.occurred_at,
        all_transactions.paid_at,
        all_transactions.closed_at,
        {{ in_reporting_currency('all_transactions.original_amount', 'all_transactions.currency') }}
            as transaction_amount,
        all_transactions.original_amount,
        coalesce(all_transactions.currency, {{ reporting_currency() }}) as currency,
        all_transactions.payment_method
    from all_transactions
),

-- What a transaction adds to spend: a paid purchase its amount, a refund its amount taken off, anything else nothing.
with_net_spend as (
    select
        *,
        case
            when status <> 'paid' then null
            when kind = 'refund' then -transaction_amount
            else transaction_amount
        end as net_spend_amount
    from in_money
)

select * from with_net_spend
