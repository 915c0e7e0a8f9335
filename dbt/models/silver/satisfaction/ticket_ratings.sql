{{ config(materialized='view') }}

with received_ticket_ratings as (
    select * from {{ ref('received_ticket_ratings') }}
),

tickets as (
    select * from {{ ref('tickets') }}
),

-- Zendesk knows good and bad only; they are the ends of the 1-5 scale.
zendesk_ratings as (
    select
        'zendesk:' || ratings.rating_ref as rating_id,
        tickets.ticket_id,
        tickets.customer_id,
        tickets.system,
        cast(if(ratings.score = 'good', 5, 1) as double) as rating,
        ratings.rated_at,
        tickets.exclusion_reason
    from received_ticket_ratings as ratings
    inner join tickets on ratings.ticket_ref = tickets.ticket_ref
    where tickets.system = 'zendesk' and tickets.customer_id is not null and ratings.score in ('good', 'bad')
),

file_ratings as (
    select
        ticket_id as rating_id,
        ticket_id,
        customer_id,
        system,
        csat_rating as rating,
        rated_at,
        exclusion_reason
    from tickets
    where system = 'files' and csat_rating is not null
),

all_ratings as (
    select * from zendesk_ratings
    union all
    select * from file_ratings
)

select * from all_ratings
