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

both_kinds as (
    select
        refund_ref as transaction_ref,
        'refund' as kind,
        charge_ref,
        amount,
        currency,
        created_at
    from received_refunds
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
