{{ config(severity='warn') }}

-- A returned row is a ticket that was answered or solved before it was opened, by its source. That duration is empty.
with fct_tickets as (
    select * from {{ ref('fct_tickets') }}
),

backward_tickets as (
    select
        ticket_id,
        opened_at,
        first_reply_at,
        first_solved_at,
        solved_at
    from fct_tickets
    where first_reply_at < opened_at or first_solved_at < opened_at or solved_at < opened_at
)

select * from backward_tickets
