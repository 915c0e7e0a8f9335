with usage_events as (
    select * from {{ ref('usage_events') }}
),

-- The session reference of the source is not trusted: each vendor cuts sessions by a rule of its own.
events_with_pauses as (
    select
        *,
        if(user_ref is null, device_ref, null) as stranger_ref,
        {{ starts_new_session('occurred_at', 'lag(occurred_at) over same_visitor') }} as is_first_of_session
    from usage_events
    window same_visitor as (partition by customer_id, user_ref, stranger_ref order by occurred_at, event_id)
),

numbered_events as (
    select
        *,
        sum(is_first_of_session) over (
            partition by customer_id, user_ref, stranger_ref
            order by occurred_at, event_id
            rows between unbounded preceding and current row
        ) as session_number
    from events_with_pauses
),

sessions as (
    select
        -- An event belongs to one session, so that the first event names it.
        max(case when is_first_of_session = 1 then event_id end) as session_id,
        customer_id,
        user_ref,
        cast(min(occurred_at) as date) as session_date,
        min(occurred_at) as started_at,
        max(occurred_at) as ended_at,
        cast({{ seconds_between('min(occurred_at)', 'max(occurred_at)') }} as bigint) as session_duration_seconds,
        count(*) as event_count,
        count(distinct feature) as feature_count,
        cast(sum(quantity) as bigint) as use_count,
        cast(sum(duration_seconds) as bigint) as duration_seconds,
        cast(sum(error_count) as bigint) as error_count,
        count(distinct session_ref) as source_session_count
    from numbered_events
    group by customer_id, user_ref, stranger_ref, session_number
)

select * from sessions
