{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='event_ref') }}

with latest_events as (
    {{ latest_versions(changed_rows('zendesk__ticket_events', 'event_ref'), 'event_ref', 'created_at') }}
),

described as (
    select
        event_ref,
        ticket_ref,
        author_ref,
        author_role,
        event_kind,
        field_name,
        previous_value,
        value,
        is_public,
        via,
        created_at as occurred_at
    from latest_events
)

select * from described
