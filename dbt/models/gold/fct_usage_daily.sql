with usage_events as (
    select
        *,
        cast(occurred_at as date) as usage_date
    from {{ ref('usage_events') }}
),

per_day as (
    select
        customer_id,
        usage_date,
        count(*) as event_count,
        cast(sum(quantity) as bigint) as use_count,
        count(distinct user_ref) as active_user_count,
        count(distinct feature) as feature_count,
        count(distinct session_ref) as session_count,
        cast(sum(duration_seconds) as bigint) as duration_seconds,
        cast(sum(error_count) as bigint) as error_count
    from usage_events
    group by customer_id, usage_date
)

select * from per_day
