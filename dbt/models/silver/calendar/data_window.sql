{%- set activity_clocks = [
    ('transactions', 'occurred_at'), ('usage_events', 'occurred_at'), ('tickets', 'opened_at'),
    ('touchpoints', 'occurred_at'), ('survey_responses', 'responded_at')
] -%}
with run_days as (
    select * from {{ source('bookkeeping', 'run_days') }}
),

activity_days as (
    {%- for relation, clock in activity_clocks %}
    select cast(min({{ clock }}) as date) as first_date
    from {{ ref(relation) }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

subscription_days as (
    select cast(min(started_at) as date) as first_date
    from {{ ref('subscription_versions') }}
),

loads as (
    {%- for name in bronze_contracts() %}
    select max(_loaded_at) as loaded_at from {{ ref(name) }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

-- Activity shows since when the systems were watched. Subscriptions reach further back, but only those do that were
-- still running then: who had left before is not in the data. Where no run was for a day, the newest load ends time.
both_ends as (
    select
        coalesce(
            (select min(first_date) from activity_days),
            (select first_date from subscription_days)
        ) as first_date,
        coalesce(
            (select max(as_of_date) from run_days),
            (select cast(max(loaded_at) as date) - 1 from loads)
        ) as last_date
),

data_window as (
    select
        least(first_date, last_date) as first_date,
        last_date
    from both_ends
)

select * from data_window
