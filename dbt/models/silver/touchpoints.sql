with marketing__touchpoints as (
    {{ latest_versions(ref('marketing__touchpoints'), 'touchpoint_ref', 'occurred_at') }}
),

files__touchpoints as (
    select * from {{ ref('files__touchpoints') }}
),

email_identities as (
    {{ customer_of('marketing', 'emails') }}
),

file_identities as (
    {{ customer_of('files', 'customers') }}
),

marketing_touchpoints as (
    select
        'marketing:' || touchpoints.touchpoint_ref as touchpoint_id,
        email_identities.customer_id,
        touchpoints.occurred_at,
        touchpoints.channel,
        touchpoints.campaign_ref,
        touchpoints.direction,
        touchpoints.outcome,
        {{ in_reporting_currency('touchpoints.cost_amount', "'USD'") }} as cost_amount
    from marketing__touchpoints as touchpoints
    inner join email_identities on lower(touchpoints.email) = email_identities.source_ref
),

file_touchpoints as (
    select
        'files:' || touchpoints.touchpoint_ref as touchpoint_id,
        file_identities.customer_id,
        touchpoints.occurred_at,
        touchpoints.channel,
        touchpoints.campaign_ref,
        touchpoints.direction,
        touchpoints.outcome,
        touchpoints.cost_amount
    from files__touchpoints as touchpoints
    inner join file_identities on touchpoints.customer_ref = file_identities.source_ref
),

all_touchpoints as (
    select * from marketing_touchpoints
    union all
    select * from file_touchpoints
)

select * from all_touchpoints
