-- What was given up first, and paid or withdrawn later, was no longer open in between.
with invoices as (
    select
        *,
        coalesce(credited_before_payment_amount, 0) as stated_credit_amount,
        case
            when status in ('paid', 'void') then 0
            else coalesce(remaining_amount, total_amount - coalesce(paid_amount, 0) - stated_credit_amount)
        end as left_amount,
        -- What the customer's balance pays, or with an amount below 0 gets; else what no other amount explains.
        coalesce(
            ending_balance_amount - starting_balance_amount,
            if(status = 'void', 0, total_amount - left_amount - stated_credit_amount - paid_amount),
            0
        ) as balance_amount,
        least(closed_at, uncollectible_at) as settled_by_at
    from {{ ref('received_invoices') }}
    where status <> 'draft'
),

charges as (
    select * from {{ ref('charges') }}
),

credit_notes as (
    select * from {{ ref('credit_notes') }}
),

invoice_payments as (
    select * from {{ ref('invoice_payments') }}
    where paid_amount > 0
),

-- Where an invoice lists its payments, the list says what each has paid of it, and when: a charge may take more.
charges_beside_lists as (
    select charges.*
    from charges
    anti join invoice_payments as by_charge
        on charges.invoice_ref = by_charge.invoice_ref and charges.charge_ref = by_charge.charge_ref
    anti join invoice_payments as by_intent
        on
            charges.invoice_ref = by_intent.invoice_ref
            and charges.payment_intent_ref = by_intent.payment_intent_ref
),

dated_parts as (
    select
        invoice_ref,
        'paid' as settlement_kind,
        paid_at as created_at,
        paid_amount as amount
    from invoice_payments
    union all
    select
        invoice_ref,
        'paid' as settlement_kind,
        created_at,
        taken_amount as amount
    from charges_beside_lists
    where invoice_ref is not null and taken_amount > 0
    union all
    select
        invoice_ref,
        'credited' as settlement_kind,
        created_at,
        credited_before_amount as amount
    from credit_notes
    where credited_before_amount > 0
),

-- Nothing is settled before there is a bill, nor after it is closed.
dated_parts_per_moment as (
    select
        invoices.invoice_ref,
        dated_parts.settlement_kind,
        least(greatest(dated_parts.created_at, invoices.created_at), invoices.settled_by_at) as settled_at,
        greatest(invoices.total_amount - invoices.balance_amount - invoices.left_amount, 0) as most_amount,
        sum(dated_parts.amount) as amount
    from dated_parts
    inner join invoices on dated_parts.invoice_ref = invoices.invoice_ref
    group by all
),

settled_so_far as (
    select
        *,
        least(sum(amount) over so_far, most_amount) as so_far_amount
    from dated_parts_per_moment
    window
        so_far as (
            partition by invoice_ref
            order by settled_at, settlement_kind
            rows between unbounded preceding and current row
        )
),

dated_settlements as (
    select
        invoice_ref,
        settlement_kind,
        settled_at,
        so_far_amount - lag(so_far_amount, 1, 0) over (
            partition by invoice_ref order by settled_at, settlement_kind
        ) as settled_amount
    from settled_so_far
),

dated_sums as (
    select
        invoice_ref,
        sum(settled_amount) as settled_amount,
        bool_or(settlement_kind = 'credited') as has_credit_notes
    from dated_settlements
    group by invoice_ref
),

-- What no charge and no credit note explains was settled when the bill was closed; while it is open, or was given up,
-- when it first had what it has left. Where credit notes are not delivered, the invoice says what they came to.
undated_parts as (
    select
        invoices.*,
        if(invoices.status in ('paid', 'void'), invoices.settled_by_at, invoices.remaining_since_at) as settled_at,
        invoices.total_amount - invoices.balance_amount - invoices.left_amount
        - coalesce(dated_sums.settled_amount, 0) as undated_amount,
        if(
            coalesce(dated_sums.has_credit_notes, false),
            0,
            least(invoices.stated_credit_amount, greatest(undated_amount, 0))
        ) as credited_amount
    from invoices
    left join dated_sums on invoices.invoice_ref = dated_sums.invoice_ref
),

all_settlements as (
    select * from dated_settlements
    union all
    select
        invoice_ref,
        'balance' as settlement_kind,
        created_at as settled_at,
        balance_amount as settled_amount
    from invoices
    union all
    select
        invoice_ref,
        'credited' as settlement_kind,
        settled_at,
        credited_amount as settled_amount
    from undated_parts
    union all
    select
        invoice_ref,
        if(status = 'void', 'withdrawn', 'paid') as settlement_kind,
        settled_at,
        undated_amount - credited_amount as settled_amount
    from undated_parts
    union all
    select
        invoice_ref,
        'written_off' as settlement_kind,
        settled_by_at as settled_at,
        left_amount as settled_amount
    from invoices
    where status = 'uncollectible'
),

invoice_settlements as (
    select *
    from all_settlements
    where settled_amount <> 0
)

select * from invoice_settlements
