with received_payments as (
    select * from {{ ref('received_payments') }}
),

received_invoices as (
    select * from {{ ref('received_invoices') }}
    where status <> 'draft'
),

invoice_payments as (
    select * from {{ ref('invoice_payments') }}
),

-- What an invoice says of its payments: one charge and one payment intent, or in newer words a list of them.
named_charges as (
    select
        charge_ref,
        invoice_ref
    from received_invoices
    union all
    select
        charge_ref,
        invoice_ref
    from invoice_payments
),

named_intents as (
    select
        payment_intent_ref,
        invoice_ref
    from received_invoices
    union all
    select
        payment_intent_ref,
        invoice_ref
    from invoice_payments
),

invoices_by_charge as (
    select
        charge_ref,
        min(invoice_ref) as invoice_ref
    from named_charges
    where charge_ref is not null
    group by charge_ref
),

invoices_by_intent as (
    select
        payment_intent_ref,
        min(invoice_ref) as invoice_ref
    from named_intents
    where payment_intent_ref is not null
    group by payment_intent_ref
),

-- The charge names its invoice, or the invoice its charges, or both the same payment intent. An invoice that was never
-- delivered cannot stand for the money: then the charge stands for itself.
with_invoice as (
    select
        payments.*,
        coalesce(named.invoice_ref, by_charge.invoice_ref, by_intent.invoice_ref) as billed_invoice_ref
    from received_payments as payments
    left join received_invoices as named on payments.invoice_ref = named.invoice_ref
    left join invoices_by_charge as by_charge on payments.payment_ref = by_charge.charge_ref
    left join invoices_by_intent as by_intent on payments.payment_intent_ref = by_intent.payment_intent_ref
),

-- An authorization takes nothing; a capture may take less than was authorized. A guest is known by the address alone.
with_taken_amount as (
    select
        payment_ref as charge_ref,
        coalesce(customer_ref, {{ email_ref('coalesce(billing_email, receipt_email)') }}) as payer_ref,
        billed_invoice_ref as invoice_ref,
        payment_intent_ref,
        status,
        failure_code,
        payment_method,
        currency,
        amount,
        case
            when status <> 'succeeded' or not coalesce(is_captured, true) then 0
            else coalesce(captured_amount, amount)
        end as taken_amount,
        billed_invoice_ref is null
        and (status = 'pending' or (status = 'succeeded' and coalesce(is_captured, true))) as is_transaction,
        created_at
    from with_invoice
),

charges as (
    select
        *,
        if(status = 'succeeded', amount - taken_amount, 0) as released_amount
    from with_taken_amount
)

select * from charges
