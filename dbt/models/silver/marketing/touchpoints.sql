{{ config(materialized='view') }}

with received_touchpoints as (
    select * from {{ ref('received_touchpoints') }}
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
        {{ at_exchange_rate('touchpoints.usd_cost_amount', 'rates.exchange_rate') }} as cost_amount,
        touchpoints.usd_cost_amount as original_cost_amount,
        'USD' as currency,
        rates.rate_date
    from received_touchpoints as touchpoints
    inner join email_identities on touchpoints.email_ref = email_identities.source_ref
    {{ join_exchange_rate('rates', "'USD'", 'touchpoints.occurred_at') }}
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
        touchpoints.cost_amount,
        touchpoints.cost_amount as original_cost_amount,
        {{ reporting_currency() }} as currency,
        cast(null as date) as rate_date
    from files__touchpoints as touchpoints
    inner join file_identities on touchpoints.customer_ref = file_identities.source_ref
),

all_touchpoints as (
    select * from marketing_touchpoints
    union all
    select * from file_touchpoints
),

within_the_run as (
    select *
    from all_touchpoints
    where occurred_at < {{ run_ends_at() }}
)

select * from within_the_run
