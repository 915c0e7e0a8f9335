-- Newer words: an invoice lists its payments, each with what it paid of this invoice, instead of naming one charge.
with with_payment_list as (
    select
        invoice_ref,
        created_at,
        {{ minor_unit() }} as _minor_unit,
        {{ json_parts('payments', '$.data[*]') }} as payment_list
    from {{ ref('received_invoices') }}
    where status <> 'draft' and payments is not null
),

payments_of_invoices as (
    select
        * exclude (payment_list),
        unnest(payment_list) as payment,
        unnest(generate_series(1, len(payment_list))) as payment_number
    from with_payment_list
),

-- A payment is a charge, a payment intent with charges of its own, or money that was received outside of Stripe.
described as (
    select
        invoice_ref,
        coalesce(json_extract_string(payment, '$.id'), cast(payment_number as text)) as invoice_payment_ref,
        json_extract_string(payment, '$.status') as status,
        {{ nested_id('payment', '$.payment.charge') }} as charge_ref,
        {{ nested_id('payment', '$.payment.payment_intent') }} as payment_intent_ref,
        case
            when status = 'paid' then {{ json_number('payment', '$.amount_paid', 'decimal(16, 0)') }} * _minor_unit
        end as amount,
        coalesce(
            {{ json_moment('payment', '$.status_transitions.paid_at') }},
            {{ json_moment('payment', '$.created') }},
            created_at
        ) as paid_at
    from payments_of_invoices
),

-- No payment stands in a list twice; were it so, one counts, and always the same.
invoice_payments as (
    select
        * exclude (amount),
        cast(coalesce(amount, 0) as decimal(18, 2)) as paid_amount
    from described
    qualify row_number() over (
        partition by invoice_ref, invoice_payment_ref
        order by amount desc nulls last, paid_at asc, charge_ref asc, payment_intent_ref asc
    ) = 1
)

select * from invoice_payments
