{%- set activity_clocks = [
    ('transactions', 'occurred_at'), ('usage_events', 'occurred_at'), ('tickets', 'opened_at'),
    ('touchpoints', 'occurred_at'), ('survey_responses', 'responded_at'), ('visits', 'occurred_at'),
    ('loyalty_events', 'occurred_at')
] -%}
with run_days as (
    select * from {{ source('bookkeeping', 'run_days') }}
),

activity_days as (
    {%- for relation, clock in activity_clocks %}
    select distinct cast({{ clock }} as date) as activity_date
    from {{ ref(relation) }}
    {{ 'union distinct' if not loop.last }}
    {%- endfor %}
),

-- A year without anything ends what came before: the strays of a clock that is years behind are no begin of the data.
stretches as (
    select
        activity_date,
        activity_date - lag(activity_date) over (order by activity_date) as days_without
    from activity_days
),

activity_begin as (
    select max(activity_date) as first_date
    from stretches
    where coalesce(days_without > 365, true)
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
            (select activity_begin.first_date from activity_begin),
            (select first_date from subscription_days)
        ) as first_date,
        (select min(activity_date) from activity_days) as oldest_date,
        coalesce(
            (select max(as_of_date) from run_days),
            (select cast(max(loaded_at) as date) - 1 from loads)
        ) as last_date
),

data_window as (
    select
        least(first_date, last_date) as first_date,
        oldest_date,
        last_date
    from both_ends
)

select * from data_window
