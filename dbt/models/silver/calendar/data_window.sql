{%- set activity_clocks = [
    ('transactions', 'occurred_at'), ('usage_events', 'occurred_at'), ('tickets', 'opened_at'),
    ('touchpoints', 'occurred_at'), ('survey_responses', 'responded_at')
] -%}
with activity_days as (
    {%- for relation, clock in activity_clocks %}
    select
        cast(min({{ clock }}) as date) as first_date,
        cast(max({{ clock }}) as date) as last_date
    from {{ ref(relation) }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

subscription_days as (
    select
        cast(min(started_at) as date) as first_date,
        cast(max(known_at) as date) as last_date
    from {{ ref('subscription_versions') }}
),

-- Activity shows since when the systems were watched. Subscriptions reach further back, but only those do that were
-- still running then: who had left before is not in the data.
activity as (
    select
        min(first_date) as first_date,
        max(last_date) as last_date
    from activity_days
),

data_window as (
    select
        coalesce(activity.first_date, subscription_days.first_date) as first_date,
        greatest(activity.last_date, subscription_days.last_date) as last_date
    from activity
    cross join subscription_days
)

select * from data_window
