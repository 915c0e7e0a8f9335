{%- set end = run_ends_at() -%}
-- What was closed after the newest day was open on it.
with received_invoices as (
    select
        * replace (
            if(closed_at >= {{ end }}, 'open', status) as status,
            if(closed_at < {{ end }}, closed_at, null) as closed_at
        )
    from {{ ref('received_invoices') }}
    where status <> 'draft'
),

settled_amounts as (
    select
        invoice_ref,
        sum(settled_amount) filter (where settlement_kind <> 'written_off') as settled_amount,
        sum(settled_amount) filter (where settlement_kind = 'credited') as credited_before_amount,
        sum(settled_amount) filter (where settlement_kind = 'balance') as from_balance_amount,
        sum(settled_amount) filter (where settlement_kind = 'paid') as received_amount,
        max(settled_at) filter (where settlement_kind = 'paid') as last_paid_at
    from {{ ref('invoice_settlements') }}
    where settled_at < {{ end }}
    group by invoice_ref
),

charges as (
    select * from {{ ref('charges') }}
),

money_back as (
    select * from {{ ref('money_back') }}
    where created_at < {{ end }}
),

credit_notes as (
    select * from {{ ref('credit_notes') }}
),

files__transactions as (
    select * from {{ ref('files__transactions') }}
),

stripe_identities as (
    {{ customer_of('stripe', 'customers') }}
    union all
    {{ customer_of('marketing', 'emails') }}
),

file_identities as (
    {{ customer_of('files', 'customers') }}
),

-- The method of the payment that came last: the one that settled the invoice.
invoice_payment_methods as (
    select
        invoice_ref,
        arg_max(payment_method, created_at) as payment_method
    from charges
    where status = 'succeeded' and payment_method is not null
    group by invoice_ref
),

refunded_amounts as (
    select
        refunded_ref,
        sum(amount) as refunded_amount
    from money_back
    where refunded_ref is not null
    group by refunded_ref
),

credited_after_amounts as (
    select
        invoice_ref,
        coalesce(sum(credited_after_amount) filter (where created_at < {{ end }}), 0) as credited_after_amount,
        coalesce(sum(to_balance_amount) filter (where created_at < {{ end }}), 0) as to_balance_amount
    from credit_notes
    group by invoice_ref
),

-- Where the credit notes themselves are not delivered, the invoice says what they came to; it went to the balance.
credited_invoices as (
    select
        invoices.*,
        coalesce(settled.settled_amount, 0) as settled_amount,
        settled.last_paid_at,
        coalesce(settled.received_amount, 0) as received_amount,
        coalesce(settled.credited_before_amount, 0) as credited_before_amount,
        coalesce(refunded.refunded_amount, 0) as refunded_amount,
        coalesce(settled.from_balance_amount, 0) as from_balance_amount,
        credited.to_balance_amount,
        case
            when credited.invoice_ref is not null then credited.credited_after_amount
            when invoices.status = 'paid'
                then greatest(
                    coalesce(invoices.credited_after_payment_amount, 0) - coalesce(refunded.refunded_amount, 0), 0
                )
            else 0
        end as credited_after_amount
    from received_invoices as invoices
    left join settled_amounts as settled on invoices.invoice_ref = settled.invoice_ref
    left join refunded_amounts as refunded on invoices.invoice_ref = refunded.refunded_ref
    left join credited_after_amounts as credited on invoices.invoice_ref = credited.invoice_ref
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
        invoices.due_at,
        case
            when invoices.status = 'paid' then coalesce(invoices.paid_at, invoices.closed_at)
            when invoices.status = 'uncollectible' then invoices.last_paid_at
        end as paid_at,
        invoices.closed_at,
        invoices.total_amount as original_amount,
        coalesce(invoices.discount_amount, 0) as original_discount_amount,
        coalesce(invoices.tax_amount, 0) as original_tax_amount,
        if(invoices.status in ('paid', 'void'), 0, invoices.total_amount - invoices.settled_amount) as unpaid_amount,
        invoices.refunded_amount,
        if(invoices.status = 'void', 0, invoices.credited_before_amount + invoices.credited_after_amount)
            as credited_amount,
        case
            when invoices.status = 'void' then 0
            else
                invoices.from_balance_amount
                - coalesce(invoices.to_balance_amount, invoices.credited_after_amount)
        end as balance_amount,
        if(
            invoices.status = 'paid',
            invoices.credited_before_amount + invoices.from_balance_amount,
            invoices.total_amount - invoices.received_amount
        ) as not_spent_amount,
        invoices.currency,
        methods.payment_method
    from credited_invoices as invoices
    inner join stripe_identities on invoices.customer_ref = stripe_identities.source_ref
    left join invoice_payment_methods as methods on invoices.invoice_ref = methods.invoice_ref
),

-- A charge without an invoice is a purchase of its own: of what was taken, or while it is under way, of what is asked.
stripe_charges as (
    select
        'stripe' as system,
        charges.charge_ref as transaction_ref,
        stripe_identities.customer_id,
        'charge' as kind,
        if(charges.status = 'pending', 'open', 'paid') as status,
        cast(null as text) as subscription_id,
        cast(null as text) as refunded_transaction_id,
        charges.created_at as occurred_at,
        cast(null as timestamp) as due_at,
        if(charges.status = 'pending', null, charges.created_at) as paid_at,
        if(charges.status = 'pending', null, charges.created_at) as closed_at,
        if(charges.status = 'pending', charges.amount, charges.taken_amount) as original_amount,
        0 as original_discount_amount,
        0 as original_tax_amount,
        if(charges.status = 'pending', charges.amount, 0) as unpaid_amount,
        coalesce(refunded.refunded_amount, 0) as refunded_amount,
        0 as credited_amount,
        0 as balance_amount,
        if(charges.status = 'pending', charges.amount, 0) as not_spent_amount,
        charges.currency,
        charges.payment_method
    from charges
    inner join stripe_identities on charges.payer_ref = stripe_identities.source_ref
    left join refunded_amounts as refunded on charges.charge_ref = refunded.refunded_ref
    where charges.is_transaction
),

-- What an invoice or a charge counts as paid back is not counted a second time here.
stripe_money_back as (
    select
        'stripe' as system,
        money_back.transaction_ref,
        stripe_identities.customer_id,
        money_back.kind,
        'paid' as status,
        cast(null as text) as subscription_id,
        'stripe:' || money_back.refunded_ref as refunded_transaction_id,
        money_back.created_at as occurred_at,
        cast(null as timestamp) as due_at,
        money_back.created_at as paid_at,
        money_back.created_at as closed_at,
        money_back.amount as original_amount,
        0 as original_discount_amount,
        0 as original_tax_amount,
        0 as unpaid_amount,
        if(money_back.refunded_ref is null, money_back.amount, 0) as refunded_amount,
        0 as credited_amount,
        0 as balance_amount,
        0 as not_spent_amount,
        money_back.currency,
        money_back.payment_method
    from money_back
    inner join stripe_identities on money_back.payer_ref = stripe_identities.source_ref
),

stripe_credit_notes as (
    select
        'stripe' as system,
        notes.credit_note_ref as transaction_ref,
        stripe_identities.customer_id,
        'credit_note' as kind,
        'paid' as status,
        cast(null as text) as subscription_id,
        'stripe:' || notes.invoice_ref as refunded_transaction_id,
        notes.created_at as occurred_at,
        cast(null as timestamp) as due_at,
        notes.created_at as paid_at,
        notes.created_at as closed_at,
        notes.credited_after_amount as original_amount,
        0 as original_discount_amount,
        0 as original_tax_amount,
        0 as unpaid_amount,
        0 as refunded_amount,
        0 as credited_amount,
        0 as balance_amount,
        notes.to_balance_amount as not_spent_amount,
        notes.currency,
        cast(null as text) as payment_method
    from credit_notes as notes
    inner join stripe_identities on notes.customer_ref = stripe_identities.source_ref
    where notes.credited_after_amount > 0
),

-- Most shops export what they pay back as an amount below 0, under any kind.
file_amounts as (
    select
        * exclude (kind, amount),
        if(amount < 0, 'refund', coalesce(kind, 'order')) as kind,
        abs(amount) as amount
    from files__transactions
),

file_defaults as (
    select
        * exclude (status),
        -- A refund that was refunded is one that was paid out.
        if(kind = 'refund' and status = 'refunded', 'paid', coalesce(status, 'paid')) as status
    from file_amounts
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
        cast(null as timestamp) as due_at,
        if(transactions.status in ('paid', 'refunded'), transactions.occurred_at, null) as paid_at,
        if(transactions.status <> 'open', transactions.occurred_at, null) as closed_at,
        transactions.amount as original_amount,
        0 as original_discount_amount,
        0 as original_tax_amount,
        if(transactions.status in ('open', 'failed'), transactions.amount, 0) as unpaid_amount,
        if(
            transactions.status = 'refunded' or (transactions.kind = 'refund' and transactions.status = 'paid'),
            transactions.amount,
            0
        ) as refunded_amount,
        0 as credited_amount,
        0 as balance_amount,
        if(transactions.status = 'paid', 0, transactions.amount) as not_spent_amount,
        transactions.currency,
        transactions.payment_method
    from file_defaults as transactions
    inner join file_identities on transactions.customer_ref = file_identities.source_ref
),

all_transactions as (
    select * from stripe_invoices
    union all
    select * from stripe_charges
    union all
    select * from stripe_money_back
    union all
    select * from stripe_credit_notes
    union all
    select * from file_transactions
),

-- What became of what was billed; a void invoice and money that goes back bill nothing.
with_settlement as (
    select
        all_transactions.*,
        if(
            all_transactions.status = 'void' or {{ gives_back('all_transactions.kind') }},
            0,
            all_transactions.original_amount
        ) as billed,
        if(
            all_transactions.status = 'open' and not {{ gives_back('all_transactions.kind') }},
            all_transactions.unpaid_amount,
            0
        ) as still_open,
        if(
            all_transactions.status = 'failed' and not {{ gives_back('all_transactions.kind') }},
            all_transactions.unpaid_amount,
            0
        ) as written_off,
        rates.exchange_rate,
        rates.rate_date
    from all_transactions
    {{ join_exchange_rate('rates', 'all_transactions.currency', 'all_transactions.occurred_at') }}
    where all_transactions.occurred_at < {{ end }}
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
        due_at,
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
        {{ part_at_exchange_rate(
            'still_open + written_off + refunded_amount + credited_amount',
            'still_open + written_off + refunded_amount',
            'exchange_rate'
        ) }} as credited_amount,
        {{ part_at_exchange_rate(
            'still_open + written_off + refunded_amount + credited_amount + balance_amount',
            'still_open + written_off + refunded_amount + credited_amount',
            'exchange_rate'
        ) }} as balance_amount,
        {{ part_at_exchange_rate(
            'billed', 'still_open + written_off + refunded_amount + credited_amount + balance_amount', 'exchange_rate'
        ) }} as paid_amount,
        {{ at_exchange_rate('original_amount - not_spent_amount', 'exchange_rate') }} as spent_amount,
        -- Of what is not paid in whole, only what has come in.
        status = 'paid' or original_amount <> not_spent_amount as has_moved_money,
        payment_method
    from with_settlement
),

-- Spend follows the money: a purchase adds what was paid by money, also while the rest is open or was given up,
-- and money that goes back is taken off. What the balance of a customer pays was money before, or never.
with_net_spend as (
    select
        * exclude (spent_amount, has_moved_money),
        case
            when not has_moved_money then null
            when {{ gives_back('kind') }} then -spent_amount
            else spent_amount
        end as net_spend_amount
    from in_money
)

select * from with_net_spend
