{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='line_ref') }}
{%- set facts = [
    'invoice_ref', 'line_kind', 'is_proration', 'subscription_ref', 'price_ref', 'product_ref', 'description',
    'quantity', 'line_amount', 'discount_amount', 'tax_amount', 'currency', 'period_started_at', 'period_ends_at',
    'created_at'
] %}

with stripe__invoice_lines as (
    select * from {{ changed_rows('stripe__invoice_lines', 'line_ref') }}
),

-- Two versions of one second: any, but always the same one.
newest_versions as (
    select
        line_ref,
        modified_at,
        {{ facts | join(',\n        ') }}
    from stripe__invoice_lines
    qualify row_number() over (
        partition by line_ref
        order by modified_at desc, {{ facts | join(' desc nulls last, ') }} desc nulls last
    ) = 1
)

select * from newest_versions
