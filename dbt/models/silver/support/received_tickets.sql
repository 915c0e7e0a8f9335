{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='ticket_ref') }}

with ticket_versions as (
    select * from {{ changed_rows('zendesk__tickets', 'ticket_ref') }} as versions
),

latest_tickets as (
    {{ latest_versions('ticket_versions', 'ticket_ref') }}
),

escalations as (
    select
        ticket_ref,
        min(modified_at) as escalated_at
    from ticket_versions
    where is_escalated
    group by ticket_ref
),

described as (
    select
        tickets.ticket_ref,
        tickets.organization_ref,
        tickets.requester_ref,
        tickets.schedule_ref,
        tickets.created_at as opened_at,
        {{ moment_after('tickets.created_at', 'minutes', 'tickets.first_reply_calendar_minutes') }} as first_reply_at,
        tickets.solved_at,
        tickets.priority,
        tickets.channel,
        tickets.status,
        tickets.issue_type,
        tickets.reopen_count,
        coalesce(tickets.is_escalated, false) as is_escalated,
        if(tickets.is_escalated, escalations.escalated_at, null) as escalated_at,
        tickets.modified_at
    from latest_tickets as tickets
    left join escalations on tickets.ticket_ref = escalations.ticket_ref
)

select * from described
