with tickets as (
    select * from {{ ref('tickets') }}
),

with_durations as (
    select
        ticket_id,
        customer_id,
        system,
        opened_at,
        solved_at,
        cast(opened_at as date) as opened_date,
        first_reply_calendar_minutes,
        date_diff('minute', opened_at, solved_at) as resolution_calendar_minutes,
        priority,
        channel,
        status,
        issue_type,
        reopen_count,
        is_escalated,
        csat_rating,
        sentiment_polarity
    from tickets
)

select * from with_durations
