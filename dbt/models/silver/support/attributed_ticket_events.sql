{{ config(materialized='view') }}

with received_ticket_events as (
    select * from {{ ref('received_ticket_events') }}
),

support_staff as (
    select * from {{ ref('support_staff') }}
),

user_versions as (
    {{ latest_versions(ref('zendesk__users'), 'user_ref, modified_at') }}
),

-- The first version that is delivered is taken to hold since ever.
role_spans as (
    select
        user_ref,
        role,
        if(
            row_number() over (partition by user_ref order by modified_at) = 1, timestamp '0001-01-01', modified_at
        ) as valid_from,
        lead(modified_at, 1, {{ open_end() }}) over (partition by user_ref order by modified_at) as valid_to
    from user_versions
),

-- A live account names the author alone, and the author may be delivered after the event: hence a view. Whoever left
-- is an end-user today, and was an agent as long as they did what only agents can do.
with_roles as (
    select
        events.event_ref,
        events.ticket_ref,
        events.author_ref,
        case
            when events.author_role is not null then events.author_role
            when role_spans.role in ('agent', 'admin') then role_spans.role
            when support_staff.acted_until_at >= events.occurred_at then 'agent'
            else role_spans.role
        end as author_role,
        events.event_kind,
        events.field_name,
        events.previous_value,
        events.value,
        events.is_public,
        events.via,
        events.occurred_at
    from received_ticket_events as events
    left join role_spans
        on
            events.author_ref = role_spans.user_ref
            and events.occurred_at >= role_spans.valid_from
            and events.occurred_at < role_spans.valid_to
    left join support_staff on events.author_ref = support_staff.user_ref
)

select * from with_roles
