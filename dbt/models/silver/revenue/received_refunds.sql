{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='refund_ref') }}
{%- set facts = ['status', 'amount', 'charge_ref', 'payment_intent_ref', 'reason', 'currency', 'created_at'] %}

with stripe__refunds as (
    select * from {{ changed_rows('stripe__refunds', 'refund_ref') }}
),

-- Of two versions of one second the one with the later status counts: in the alphabet they stand in their order.
newest_versions as (
    select
        refund_ref,
        modified_at,
        {{ facts | join(',\n        ') }}
    from stripe__refunds
    qualify row_number() over (
        partition by refund_ref
        order by modified_at desc, {{ facts | join(' desc nulls last, ') }} desc nulls last
    ) = 1
)

select * from newest_versions
