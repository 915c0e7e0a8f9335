with usage_events as (
    select
        *,
        cast(occurred_at as date) as usage_date
    from {{ ref('usage_events') }}
),

fct_sessions as (
    select * from {{ ref('fct_sessions') }}
),

sessions_per_day as (
    select
        customer_id,
        session_date,
        count(*) as session_count
    from fct_sessions
    group by customer_id, session_date
),

per_day as (
    select
        customer_id,
        usage_date,
        count(*) as event_count,
        cast(sum(quantity) as bigint) as use_count,
        count(distinct user_ref) as active_user_count,
        count(distinct feature) as feature_count,
        cast(sum(duration_seconds) as bigint) as duration_seconds,
        cast(sum(error_count) as bigint) as error_count
    from usage_events
    group by customer_id, usage_date
),

with_sessions as (
    select
        per_day.customer_id,
        per_day.usage_date,
        per_day.event_count,
        per_day.use_count,
        per_day.active_user_count,
        per_day.feature_count,
        coalesce(sessions_per_day.session_count, 0) as session_count,
        per_day.duration_seconds,
        per_day.error_count
    from per_day
    left join sessions_per_day
        on
            per_day.customer_id = sessions_per_day.customer_id
            and per_day.usage_date = sessions_per_day.session_date
)

select * from with_sessions
