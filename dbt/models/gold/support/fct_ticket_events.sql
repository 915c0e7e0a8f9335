{#- Fields whose values are references or words of a list; subjects and fields of the account's own are free text. -#}
{%- set listed_fields = [
    'status', 'custom_status_id', 'priority', 'type', 'assignee_id', 'group_id', 'requester_id', 'submitter_id',
    'organization_id', 'brand_id', 'ticket_form_id', 'problem_id', 'satisfaction_score', 'is_escalated', 'escalated',
    'tags', 'current_tags'
] -%}
with ticket_events as (
    select
        *,
        event_kind <> 'change' or list_contains({{ listed_fields }}, field_name) as is_told
    from {{ ref('ticket_events') }}
),

described as (
    select
        event_id,
        ticket_id,
        customer_id,
        system,
        event_kind,
        field_name,
        if(is_told, previous_value, null) as previous_value,
        if(is_told, new_value, null) as new_value,
        author_role,
        is_public,
        sla_target_minutes,
        occurred_at,
        cast(occurred_at as date) as event_date
    from ticket_events
)

select * from described
