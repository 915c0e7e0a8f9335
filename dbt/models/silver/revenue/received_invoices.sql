{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='invoice_ref') }}
{%- set facts = [
    'status', 'paid_at', 'paid_amount', 'remaining_amount', 'total_amount', 'subtotal_amount', 'discount_amount',
    'tax_amount', 'customer_ref', 'subscription_ref', 'billing_reason', 'currency', 'attempt_count', 'created_at'
] %}

with stripe__invoices as (
    select * from {{ changed_rows('stripe__invoices', 'invoice_ref') }}
),

-- Of two versions of one second the one with the later status counts: in the alphabet they stand in their order.
newest_versions as (
    select
        invoice_ref,
        modified_at,
        {{ facts | join(',\n        ') }}
    from stripe__invoices
    qualify row_number() over (
        partition by invoice_ref
        order by modified_at desc, {{ facts | join(' desc nulls last, ') }} desc nulls last
    ) = 1
)

select * from newest_versions
