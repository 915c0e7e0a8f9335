{{ config(materialized='view') }}

with attributed_ticket_events as (
    select * from {{ ref('attributed_ticket_events') }}
),

tickets as (
    select * from {{ ref('tickets') }}
),

metric_events as (
    {{ latest_versions(ref('zendesk__ticket_metric_events'), 'event_ref', 'occurred_at') }}
),

delivered_events as (
    select
        'zendesk:' || events.event_ref as event_id,
        tickets.ticket_id,
        tickets.customer_id,
        tickets.system,
        events.event_kind,
        events.field_name,
        events.previous_value,
        events.value as new_value,
        events.author_role,
        events.is_public,
        events.occurred_at
    from attributed_ticket_events as events
    inner join tickets on events.ticket_ref = tickets.ticket_ref
    where tickets.system = 'zendesk'
),

-- What Zendesk's clocks and the account's service levels did: the targets that were set, and those that were missed.
clock_events as (
    select
        'zendesk:clock:' || events.event_ref as event_id,
        tickets.ticket_id,
        tickets.customer_id,
        tickets.system,
        'clock' as event_kind,
        events.metric as field_name,
        cast(null as text) as previous_value,
        events.event_kind as new_value,
        'system' as author_role,
        cast(null as boolean) as is_public,
        events.occurred_at,
        events.sla_target_minutes
    from metric_events as events
    inner join tickets on events.ticket_ref = tickets.ticket_ref
    where tickets.system = 'zendesk' and not coalesce(events.is_withdrawn, false)
),

-- Of a ticket whose system delivers no events, the moments that the ticket itself gives.
opened_tickets as (
    select
        ticket_id || ':opened' as event_id,
        ticket_id,
        customer_id,
        system,
        'create' as event_kind,
        cast(null as text) as field_name,
        cast(null as text) as previous_value,
        cast(null as text) as new_value,
        'end-user' as author_role,
        cast(null as boolean) as is_public,
        opened_at as occurred_at
    from tickets
    where not has_events
),

replied_tickets as (
    select
        ticket_id || ':replied' as event_id,
        ticket_id,
        customer_id,
        system,
        'comment' as event_kind,
        cast(null as text) as field_name,
        cast(null as text) as previous_value,
        cast(null as text) as new_value,
        'agent' as author_role,
        true as is_public,
        first_reply_at as occurred_at
    from tickets
    where not has_events and first_reply_at is not null
),

solved_tickets as (
    select
        ticket_id || ':solved' as event_id,
        ticket_id,
        customer_id,
        system,
        'change' as event_kind,
        'status' as field_name,
        cast(null as text) as previous_value,
        'solved' as new_value,
        cast(null as text) as author_role,
        cast(null as boolean) as is_public,
        solved_at as occurred_at
    from tickets
    where not has_events and solved_at is not null
),

all_events as (
    select * from clock_events
    union all by name
    select * from delivered_events
    union all by name
    select * from opened_tickets
    union all by name
    select * from replied_tickets
    union all by name
    select * from solved_tickets
),

within_the_run as (
    select *
    from all_events
    where occurred_at < {{ run_ends_at() }}
)

select * from within_the_run
