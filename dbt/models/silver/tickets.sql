with zendesk__tickets as (
    select * from {{ ref('zendesk__tickets') }}
),

latest_zendesk_tickets as (
    {{ latest_versions(ref('zendesk__tickets'), 'ticket_ref') }}
),

latest_ratings as (
    {{ latest_versions(ref('zendesk__satisfaction_ratings'), 'rating_ref') }}
),

files__tickets as (
    select * from {{ ref('files__tickets') }}
),

organization_identities as (
    {{ customer_of('zendesk', 'organizations') }}
),

user_identities as (
    {{ customer_of('zendesk', 'users') }}
),

file_identities as (
    {{ customer_of('files', 'customers') }}
),

ticket_sentiments as (
    select * from {{ source('resolved', 'ticket_sentiments') }}
),

escalations as (
    select
        ticket_ref,
        min(modified_at) as escalated_at
    from zendesk__tickets
    where is_escalated
    group by ticket_ref
),

-- One rating per ticket: the last one given. Zendesk knows good and bad only; they are the ends of the 1-5 scale.
ratings as (
    select
        ticket_ref,
        if(score = 'good', 5.0, 1.0) as csat_rating,
        created_at as rated_at
    from latest_ratings
    where score in ('good', 'bad')
    qualify row_number() over (partition by ticket_ref order by created_at desc, rating_ref desc) = 1
),

zendesk_tickets as (
    select
        'zendesk' as system,
        tickets.ticket_ref,
        coalesce(organization_identities.customer_id, user_identities.customer_id) as customer_id,
        tickets.created_at as opened_at,
        tickets.solved_at,
        tickets.first_reply_calendar_minutes,
        tickets.priority,
        tickets.channel,
        tickets.status,
        tickets.issue_type,
        tickets.reopen_count,
        coalesce(tickets.is_escalated, false) as is_escalated,
        escalations.escalated_at,
        cast(ratings.csat_rating as double) as csat_rating,
        ratings.rated_at
    from latest_zendesk_tickets as tickets
    left join organization_identities on tickets.organization_ref = organization_identities.source_ref
    left join user_identities on tickets.requester_ref = user_identities.source_ref
    left join escalations on tickets.ticket_ref = escalations.ticket_ref
    left join ratings on tickets.ticket_ref = ratings.ticket_ref
),

file_tickets as (
    select
        'files' as system,
        tickets.ticket_ref,
        file_identities.customer_id,
        tickets.opened_at,
        tickets.solved_at,
        date_diff('minute', tickets.opened_at, tickets.first_reply_at) as first_reply_calendar_minutes,
        tickets.priority,
        tickets.channel,
        coalesce(tickets.status, if(tickets.solved_at is null, 'open', 'solved')) as status,
        tickets.issue_type,
        tickets.reopen_count,
        coalesce(tickets.is_escalated, false) as is_escalated,
        if(tickets.is_escalated, coalesce(tickets.solved_at, tickets.opened_at), null) as escalated_at,
        tickets.csat_rating,
        if(tickets.csat_rating is null, null, coalesce(tickets.solved_at, tickets.opened_at)) as rated_at
    from files__tickets as tickets
    inner join file_identities on tickets.customer_ref = file_identities.source_ref
),

all_tickets as (
    select * from zendesk_tickets
    union all
    select * from file_tickets
),

with_sentiment as (
    select
        all_tickets.system || ':' || all_tickets.ticket_ref as ticket_id,
        all_tickets.*,
        ticket_sentiments.polarity as sentiment_polarity
    from all_tickets
    left join ticket_sentiments
        on
            all_tickets.system = ticket_sentiments.system
            and all_tickets.ticket_ref = ticket_sentiments.ticket_ref
)

select * from with_sentiment
