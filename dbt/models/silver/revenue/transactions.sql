with received_invoices as (
    select * from {{ ref('received_invoices') }}
    where status <> 'draft'
),

received_payments as (
    select * from {{ ref('received_payments') }}
),

received_refunds as (
    select * from {{ ref('received_refunds') }}
    where status = 'succeeded'
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

invoice_payment_methods as (
    select
        invoice_ref,
        min(payment_method) as payment_method
    from received_payments
    where status = 'succeeded'
    group by invoice_ref
),

-- A refund belongs to the invoice of the charge that it pays back.
refunds_of_charges as (
    select
        refunds.refund_ref,
        refunds.amount,
        refunds.currency,
        refunds.created_at,
        payments.customer_ref,
        payments.payment_method,
        invoices.invoice_ref
    from received_refunds as refunds
    inner join received_payments as payments on refunds.charge_ref = payments.payment_ref
    left join received_invoices as invoices on payments.invoice_ref = invoices.invoice_ref
),

refunds_per_invoice as (
    select
        invoice_ref,
        sum(amount) as refunded_amount
    from refunds_of_charges
    where invoice_ref is not null
    group by invoice_ref
),

stripe_invoices as (
    select
        'stripe' as system,
        invoices.invoice_ref as transaction_ref,
        stripe_identities.customer_id,
        'invoice' as kind,
        if(invoices.status = 'uncollectible', 'failed', invoices.status) as status,
        'stripe:' || invoices.subscription_ref as subscription_id,
        cast(null as text) as refunded_transaction_id,
        invoices.created_at as occurred_at,
        if(invoices.status = 'paid', coalesce(invoices.paid_at, invoices.modified_at), null) as paid_at,
        if(
            invoices.status in ('paid', 'void', 'uncollectible'),
            coalesce(invoices.paid_at, invoices.modified_at),
            null
        ) as closed_at,
        invoices.total_amount as original_amount,
        coalesce(invoices.discount_amount, 0) as original_discount_amount,
        coalesce(invoices.tax_amount, 0) as original_tax_amount,
        if(invoices.status = 'paid', invoices.total_amount, coalesce(invoices.paid_amount, 0)) as received_amount,
        coalesce(refunds.refunded_amount, 0) as refunded_amount,
        invoices.currency,
        methods.payment_method
    from received_invoices as invoices
    inner join stripe_identities on invoices.customer_ref = stripe_identities.source_ref
    left join invoice_payment_methods as methods on invoices.invoice_ref = methods.invoice_ref
    left join refunds_per_invoice as refunds on invoices.invoice_ref = refunds.invoice_ref
),

-- What an invoice counts as refunded is not counted a second time here.
stripe_refunds as (
    select
        'stripe' as system,
        refunds.refund_ref as transaction_ref,
        stripe_identities.customer_id,
        'refund' as kind,
        'paid' as status,
        cast(null as text) as subscription_id,
        'stripe:' || refunds.invoice_ref as refunded_transaction_id,
        refunds.created_at as occurred_at,
        refunds.created_at as paid_at,
        refunds.created_at as closed_at,
        refunds.amount as original_amount,
        0 as original_discount_amount,
        0 as original_tax_amount,
        0 as received_amount,
        if(refunds.invoice_ref is null, refunds.amount, 0) as refunded_amount,
        refunds.currency,
        refunds.payment_method
    from refunds_of_charges as refunds
    inner join stripe_identities on refunds.customer_ref = stripe_identities.source_ref
),

file_defaults as (
    select
        * exclude (kind, status),
        coalesce(kind, 'order') as kind,
        -- A refund that was refunded is one that was paid out.
        if(kind = 'refund' and status = 'refunded', 'paid', coalesce(status, 'paid')) as status
    from files__transactions
),

-- The file drop does not say which purchase a refund belongs to: it stands for itself.
file_transactions as (
    select
        'files' as system,
        transactions.transaction_ref,
        file_identities.customer_id,
        transactions.kind,
        transactions.status,
        cast(null as text) as subscription_id,
        cast(null as text) as refunded_transaction_id,
        transactions.occurred_at,
        if(transactions.status in ('paid', 'refunded'), transactions.occurred_at, null) as paid_at,
        if(transactions.status <> 'open', transactions.occurred_at, null) as closed_at,
        transactions.amount as original_amount,
        0 as original_discount_amount,
        0 as original_tax_amount,
        if(transactions.status in ('paid', 'refunded'), transactions.amount, 0) as received_amount,
        if(
            transactions.status = 'refunded' or (transactions.kind = 'refund' and transactions.status = 'paid'),
            transactions.amount,
            0
        ) as refunded_amount,
        transactions.currency,
        transactions.payment_method
    from file_defaults as transactions
    inner join file_identities on transactions.customer_ref = file_identities.source_ref
),

all_transactions as (
    select * from stripe_invoices
    union all
    select * from stripe_refunds
    union all
    select * from file_transactions
),

-- What became of what was billed; a void invoice and a refund bill nothing.
with_settlement as (
    select
        all_transactions.*,
        if(all_transactions.status = 'void' or all_transactions.kind = 'refund', 0, all_transactions.original_amount)
            as billed,
        if(
            all_transactions.status = 'open' and all_transactions.kind <> 'refund',
            all_transactions.original_amount - all_transactions.received_amount,
            0
        ) as still_open,
        if(
            all_transactions.status = 'failed' and all_transactions.kind <> 'refund',
            all_transactions.original_amount - all_transactions.received_amount,
            0
        ) as written_off,
        rates.exchange_rate,
        rates.rate_date
    from all_transactions
    {{ join_exchange_rate('rates', 'all_transactions.currency', 'all_transactions.occurred_at') }}
),

in_money as (
    select
        system || ':' || transaction_ref as transaction_id,
        system,
        transaction_ref,
        customer_id,
        kind,
        status,
        subscription_id,
        refunded_transaction_id,
        occurred_at,
        paid_at,
        closed_at,
        cast(original_amount - original_tax_amount + original_discount_amount as decimal(18, 2))
            as original_gross_amount,
        cast(original_discount_amount as decimal(18, 2)) as original_discount_amount,
        cast(original_tax_amount as decimal(18, 2)) as original_tax_amount,
        original_amount,
        coalesce(currency, {{ reporting_currency() }}) as currency,
        exchange_rate,
        rate_date,
        {{ at_exchange_rate('original_amount - original_tax_amount + original_discount_amount', 'exchange_rate') }}
            as gross_amount,
        {{ part_at_exchange_rate(
            'original_amount - original_tax_amount + original_discount_amount',
            'original_amount - original_tax_amount',
            'exchange_rate'
        ) }} as discount_amount,
        {{ part_at_exchange_rate('original_amount', 'original_amount - original_tax_amount', 'exchange_rate') }}
            as tax_amount,
        {{ at_exchange_rate('original_amount', 'exchange_rate') }} as transaction_amount,
        {{ at_exchange_rate('billed', 'exchange_rate') }} as billed_amount,
        {{ at_exchange_rate('still_open', 'exchange_rate') }} as open_amount,
        {{ part_at_exchange_rate('still_open + written_off', 'still_open', 'exchange_rate') }} as written_off_amount,
        {{ part_at_exchange_rate(
            'still_open + written_off + refunded_amount', 'still_open + written_off', 'exchange_rate'
        ) }} as refunded_amount,
        {{ part_at_exchange_rate('billed', 'still_open + written_off + refunded_amount', 'exchange_rate') }}
            as paid_amount,
        payment_method
    from with_settlement
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
