{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='touchpoint_ref') }}

with marketing__touchpoints as (
    {{ latest_versions(
        '(select * from ' ~ changed_rows('marketing__touchpoints', 'touchpoint_ref')
        ~ ' where ' ~ arrived_in_time('marketing__touchpoints', 'occurred_at') ~ ')',
        'touchpoint_ref', 'occurred_at'
    ) }}
),

described as (
    select
        touchpoint_ref,
        {{ email_ref('email') }} as email_ref,
        occurred_at,
        channel,
        campaign_ref,
        direction,
        outcome,
        cost_amount as usd_cost_amount
    from marketing__touchpoints
)

select * from described
