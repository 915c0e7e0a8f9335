{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='payment_ref') }}
{%- set facts = [
    'status', 'amount', 'captured_amount', 'is_captured', 'customer_ref', 'billing_email', 'receipt_email', 'invoice_ref', 'payment_intent_ref',
    'failure_code', 'payment_method', 'currency', 'created_at'
] %}

with stripe__charges as (
    select * from {{ changed_rows('stripe__charges', 'charge_ref') }}
),

-- Of two versions of one second the one with the later status counts: in the alphabet they stand in their order.
newest_versions as (
    select
        charge_ref as payment_ref,
        modified_at,
        {{ facts | join(',\n        ') }}
    from stripe__charges
    qualify row_number() over (
        partition by charge_ref
        order by modified_at desc, {{ facts | join(' desc nulls last, ') }} desc nulls last
    ) = 1
)

select * from newest_versions
