with zendesk_tickets as (
    {{ latest_versions(ref('zendesk__tickets'), 'ticket_ref') }}
),

file_tickets as (
    select * from {{ ref('files__tickets') }}
),

texts as (
    select
        'zendesk' as system,
        ticket_ref,
        subject,
        body
    from zendesk_tickets
    union all
    select
        'files' as system,
        ticket_ref,
        subject,
        body
    from file_tickets
)

select * from texts
