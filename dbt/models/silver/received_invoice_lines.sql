{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='line_ref') }}

with stripe__invoice_lines as (
    {{ latest_versions(changed_rows('stripe__invoice_lines', 'line_ref'), 'line_ref') }}
),

described as (
    select
        line_ref,
        invoice_ref,
        subscription_ref,
        case
            when coalesce(is_proration, false) then 'proration'
            when line_kind = 'subscription' then 'subscription'
            else 'one_off'
        end as line_kind,
        description,
        product_ref,
        quantity,
        line_amount,
        coalesce(discount_amount, 0) as discount_amount,
        coalesce(tax_amount, 0) as tax_amount,
        currency,
        period_started_at,
        period_ends_at,
        created_at
    from stripe__invoice_lines
)

select * from described
