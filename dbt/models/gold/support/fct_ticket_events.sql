with ticket_events as (
    select * from {{ ref('ticket_events') }}
),

described as (
    select
        event_id,
        ticket_id,
        customer_id,
        system,
        event_kind,
        field_name,
        previous_value,
        new_value,
        author_role,
        is_public,
        sla_target_minutes,
        occurred_at,
        cast(occurred_at as date) as event_date
    from ticket_events
)

select * from described
