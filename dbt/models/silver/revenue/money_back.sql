with received_refunds as (
    select * from {{ ref('received_refunds') }}
    where status = 'succeeded'
),

lost_disputes as (
    select * from {{ ref('received_disputes') }}
    where status = 'lost'
),

charges as (
    select * from {{ ref('charges') }}
),

charges_by_intent as (
    select
        payment_intent_ref,
        min(charge_ref) as charge_ref
    from charges
    where payment_intent_ref is not null and status = 'succeeded'
    group by payment_intent_ref
),

-- A refund names its charge, or where the method of payment knows no charges the payment intent.
both_kinds as (
    select
        refunds.refund_ref as transaction_ref,
        'refund' as kind,
        coalesce(refunds.charge_ref, by_intent.charge_ref) as charge_ref,
        refunds.amount,
        refunds.currency,
        refunds.created_at
    from received_refunds as refunds
    left join charges_by_intent as by_intent on refunds.payment_intent_ref = by_intent.payment_intent_ref
    union all
    select
        dispute_ref as transaction_ref,
        'chargeback' as kind,
        charge_ref,
        amount,
        currency,
        created_at
    from lost_disputes
),

-- Money that goes back belongs to the invoice of the charge that took it, or to the charge itself. An authorization
-- that was let go, and what a capture left of one, are refunds to Stripe too: they give back what was never taken.
money_back as (
    select
        both_kinds.*,
        charges.payer_ref,
        charges.payment_method,
        if(charges.is_transaction, charges.charge_ref, charges.invoice_ref) as refunded_ref
    from both_kinds
    inner join charges on both_kinds.charge_ref = charges.charge_ref
    qualify
        both_kinds.kind <> 'refund'
        or both_kinds.amount <> charges.released_amount
        or row_number() over (
            partition by both_kinds.charge_ref, both_kinds.kind, both_kinds.amount
            order by both_kinds.created_at, both_kinds.transaction_ref
        ) > 1
)

select * from money_back
