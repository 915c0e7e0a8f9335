-- A returned row is a customer whose sessions and days of use do not hold the same events, time and sessions.
with usage_events as (
    select * from {{ ref('usage_events') }}
),

fct_sessions as (
    select * from {{ ref('fct_sessions') }}
),

fct_usage_daily as (
    select * from {{ ref('fct_usage_daily') }}
),

in_events as (
    select
        customer_id,
        count(*) as event_count,
        sum(duration_seconds) as duration_seconds
    from usage_events
    group by customer_id
),

in_sessions as (
    select
        customer_id,
        sum(event_count) as event_count,
        sum(duration_seconds) as duration_seconds,
        count(*) as session_count
    from fct_sessions
    group by customer_id
),

in_days as (
    select
        customer_id,
        sum(event_count) as event_count,
        sum(duration_seconds) as duration_seconds,
        sum(session_count) as session_count
    from fct_usage_daily
    group by customer_id
),

differing as (
    select
        in_events.customer_id,
        in_events.event_count,
        in_sessions.event_count as event_in_session_count,
        in_days.event_count as event_in_day_count
    from in_events
    left join in_sessions on in_events.customer_id = in_sessions.customer_id
    left join in_days on in_events.customer_id = in_days.customer_id
    where
        in_sessions.event_count is distinct from in_events.event_count
        or in_days.event_count is distinct from in_events.event_count
        or in_sessions.duration_seconds is distinct from in_events.duration_seconds
        or in_days.duration_seconds is distinct from in_events.duration_seconds
        or in_days.session_count is distinct from in_sessions.session_count
)

select * from differing
