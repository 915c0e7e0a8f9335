with received_credit_notes as (
    select * from {{ ref('received_credit_notes') }}
    where status = 'issued'
),

received_invoices as (
    select * from {{ ref('received_invoices') }}
    where status <> 'draft'
),

received_refunds as (
    select * from {{ ref('received_refunds') }}
    where status = 'succeeded'
),

-- A credit note before payment lowers what is asked for. One after it gives something back: by a refund, which speaks
-- for itself, or to the balance or outside of Stripe, which only the credit note knows. One may do both.
credit_notes as (
    select
        notes.credit_note_ref,
        notes.invoice_ref,
        notes.currency,
        notes.created_at,
        invoices.customer_ref,
        coalesce(notes.credit_note_kind = 'pre_payment', coalesce(notes.created_at < invoices.paid_at, true))
            as is_before_payment,
        coalesce(notes.before_payment_amount, if(is_before_payment, notes.total_amount, 0)) as credited_before_amount,
        greatest(
            coalesce(notes.after_payment_amount, notes.total_amount - credited_before_amount)
            - coalesce(notes.refunded_amount, refunds.amount, 0),
            0
        ) as credited_after_amount,
        greatest(credited_after_amount - coalesce(notes.out_of_band_amount, 0), 0) as to_balance_amount
    from received_credit_notes as notes
    inner join received_invoices as invoices on notes.invoice_ref = invoices.invoice_ref
    left join received_refunds as refunds on notes.refund_ref = refunds.refund_ref
)

select * from credit_notes
