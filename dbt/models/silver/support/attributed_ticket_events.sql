{{ config(materialized='view') }}

with received_ticket_events as (
    select * from {{ ref('received_ticket_events') }}
),

latest_users as (
    {{ latest_versions(ref('zendesk__users'), 'user_ref') }}
),

-- A live account names the author alone, and the author may be delivered after the event: hence a view.
with_roles as (
    select
        events.event_ref,
        events.ticket_ref,
        events.author_ref,
        coalesce(events.author_role, authors.role) as author_role,
        events.event_kind,
        events.field_name,
        events.previous_value,
        events.value,
        events.is_public,
        events.occurred_at
    from received_ticket_events as events
    left join latest_users as authors on events.author_ref = authors.user_ref
)

select * from with_roles
