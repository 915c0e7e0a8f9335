with delivered_once as (
    {{ latest_versions(ref('marketing__touchpoints'), 'touchpoint_ref', 'occurred_at') }}
),

marketing_touchpoints as (
    select
        'marketing:' || touchpoints.touchpoint_ref as touchpoint_id,
        customers.customer_id,
        touchpoints.occurred_at,
        touchpoints.channel,
        touchpoints.campaign_ref,
        touchpoints.direction,
        touchpoints.outcome,
        {{ in_reporting_currency('touchpoints.cost_amount', "'USD'") }} as cost_amount
    from delivered_once as touchpoints
    inner join {{ customer_of('marketing', 'emails') }} as customers
        on lower(touchpoints.email) = customers.source_ref
),

file_touchpoints as (
    select
        'files:' || touchpoints.touchpoint_ref as touchpoint_id,
        customers.customer_id,
        touchpoints.occurred_at,
        touchpoints.channel,
        touchpoints.campaign_ref,
        touchpoints.direction,
        touchpoints.outcome,
        touchpoints.cost_amount
    from {{ ref('files__touchpoints') }} as touchpoints
    inner join {{ customer_of('files', 'customers') }} as customers
        on touchpoints.customer_ref = customers.source_ref
),

all_touchpoints as (
    select * from marketing_touchpoints
    union all
    select * from file_touchpoints
)

select * from all_touchpoints
