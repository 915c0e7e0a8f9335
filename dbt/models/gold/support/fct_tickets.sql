with tickets as (
    select
        *,
        if(exclusion_reason is null, first_solved_at, null) as first_resolved_at,
        if(exclusion_reason is null, solved_at, null) as resolved_at
    from {{ ref('tickets') }}
),

business_hours as (
    select * from {{ ref('business_hours') }}
),

first_reply_targets as (
    select * from {{ ref('first_reply_targets') }}
),

with_durations as (
    select
        tickets.ticket_id,
        tickets.customer_id,
        tickets.system,
        tickets.schedule_id,
        tickets.opened_at,
        tickets.first_reply_at,
        tickets.first_solved_at,
        tickets.solved_at,
        cast(tickets.opened_at as date) as opened_date,
        tickets.first_reply_calendar_minutes,
        {{ business_minutes(
            'tickets.schedule_id', 'at_opening', 'tickets.opened_at', 'at_first_reply', 'tickets.first_reply_at'
        ) }} as first_reply_business_minutes,
        {{ whole_minutes('tickets.opened_at', 'tickets.first_resolved_at') }} as first_resolution_calendar_minutes,
        {{ business_minutes(
            'tickets.schedule_id', 'at_opening', 'tickets.opened_at', 'at_first_solution', 'tickets.first_resolved_at'
        ) }} as first_resolution_business_minutes,
        {{ whole_minutes('tickets.opened_at', 'tickets.resolved_at') }} as resolution_calendar_minutes,
        {{ business_minutes(
            'tickets.schedule_id', 'at_opening', 'tickets.opened_at', 'at_solution', 'tickets.resolved_at'
        ) }} as resolution_business_minutes,
        tickets.priority,
        tickets.channel,
        tickets.status,
        tickets.issue_type,
        tickets.public_reply_count,
        tickets.agent_count,
        tickets.reopen_count,
        tickets.reopen_count > 0 as is_reopened,
        tickets.last_reopened_at,
        tickets.is_escalated,
        tickets.escalated_at,
        tickets.is_one_touch,
        tickets.is_first_contact_resolution,
        tickets.sla_breach_count,
        tickets.exclusion_reason,
        if(tickets.exclusion_reason is null, tickets.csat_rating, null) as csat_rating,
        tickets.rated_at,
        tickets.sentiment_polarity,
        if(tickets.exclusion_reason is null, targets.first_reply_target_minutes, null) as first_reply_target_minutes
    from tickets
    left join first_reply_targets as targets on lower(tickets.priority) = targets.priority
    {{ join_business_hours('business_hours', 'at_opening', 'tickets.schedule_id', 'tickets.opened_at') }}
    {{ join_business_hours('business_hours', 'at_first_reply', 'tickets.schedule_id', 'tickets.first_reply_at') }}
    {{ join_business_hours('business_hours', 'at_first_solution', 'tickets.schedule_id', 'tickets.first_resolved_at') }}
    {{ join_business_hours('business_hours', 'at_solution', 'tickets.schedule_id', 'tickets.resolved_at') }}
),

with_target as (
    select
        *,
        first_reply_business_minutes <= first_reply_target_minutes as is_first_reply_in_target
    from with_durations
)

select * from with_target
