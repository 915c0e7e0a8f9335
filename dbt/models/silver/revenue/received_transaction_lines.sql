{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key=['invoice_ref', 'line_ref']) }}
{%- set facts = [
    'line_kind', 'is_proration', 'subscription_ref', 'subscription_item_ref', 'price_ref', 'product_ref', 'description',
    'unit_minor_amount', 'billing_interval', 'interval_count', 'usage_type', 'quantity', 'line_amount',
    'discount_amount', 'discounted_by', 'tax_amount', 'included_tax_amount', 'currency', 'period_started_at',
    'period_ends_at', 'created_at'
] %}

with stripe__invoice_lines as (
    select * from {{ changed_rows('stripe__invoice_lines', 'line_ref') }}
),

-- Two versions of one second: any, but always the same one.
newest_versions as (
    select
        invoice_ref,
        line_ref,
        modified_at,
        {{ facts | join(',\n        ') }}
    from stripe__invoice_lines
    qualify row_number() over (
        partition by invoice_ref, line_ref
        order by modified_at desc, {{ facts | join(' desc nulls last, ') }} desc nulls last
    ) = 1
)

select * from newest_versions
