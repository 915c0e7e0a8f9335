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

-- Since which version it has been solved: the only time of it where neither events nor metrics tell one.
last_unsolved_versions as (
    select
        ticket_ref,
        max(modified_at) as unsolved_at
    from ticket_versions
    where status not in ('solved', 'closed')
    group by ticket_ref
),

solved_versions as (
    select
        versions.ticket_ref,
        min(versions.modified_at) as solved_since_at
    from ticket_versions as versions
    left join last_unsolved_versions on versions.ticket_ref = last_unsolved_versions.ticket_ref
    where
        versions.status in ('solved', 'closed')
        and versions.modified_at >= coalesce(last_unsolved_versions.unsolved_at, versions.modified_at)
    group by versions.ticket_ref
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
        if(tickets.status in ('solved', 'closed'), solved_versions.solved_since_at, null) as solved_since_at,
        tickets.priority,
        tickets.channel,
        tickets.status,
        tickets.issue_type,
        tickets.reopen_count,
        coalesce(tickets.is_escalated, false) as is_escalated,
        if(tickets.is_escalated, escalations.escalated_at, null) as escalated_at,
        tickets.status = 'closed' and {{ has_merge_tag('tickets.tags') }} as has_merge_tag,
        coalesce(tickets.via_relation = 'follow_up', false) as is_follow_up,
        tickets.modified_at
    from latest_tickets as tickets
    left join escalations on tickets.ticket_ref = escalations.ticket_ref
    left join solved_versions on tickets.ticket_ref = solved_versions.ticket_ref
)

select * from described
