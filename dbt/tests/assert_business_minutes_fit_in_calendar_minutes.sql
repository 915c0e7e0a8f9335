-- A returned row is a ticket with more business time than time.
with fct_tickets as (
    select * from {{ ref('fct_tickets') }}
),

impossible_tickets as (
    select
        ticket_id,
        first_reply_calendar_minutes,
        first_reply_business_minutes,
        first_resolution_calendar_minutes,
        first_resolution_business_minutes,
        resolution_calendar_minutes,
        resolution_business_minutes
    from fct_tickets
    where
        first_reply_business_minutes not between 0 and first_reply_calendar_minutes
        or first_resolution_business_minutes not between 0 and first_resolution_calendar_minutes
        or resolution_business_minutes not between 0 and resolution_calendar_minutes
)

select * from impossible_tickets
