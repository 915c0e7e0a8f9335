with received_tickets as (
    select * from {{ ref('received_tickets') }}
),

received_ticket_ratings as (
    select * from {{ ref('received_ticket_ratings') }}
),

ticket_histories as (
    select * from {{ ref('ticket_histories') }}
),

files__tickets as (
    select * from {{ ref('files__tickets') }}
),

business_schedules as (
    select * from {{ ref('business_schedules') }}
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

metric_events as (
    {{ latest_versions(ref('zendesk__ticket_metric_events'), 'event_ref', 'occurred_at') }}
),

missed_targets as (
    select
        ticket_ref,
        count(*) filter (where event_kind = 'breach' and not coalesce(is_withdrawn, false)) as sla_breach_count
    from metric_events
    group by ticket_ref
),

ticket_sentiments as (
    select * from {{ source('resolved', 'ticket_sentiments') }}
),

-- One rating per ticket: the last one given, and of one second that with the higher number. Zendesk knows good and bad
-- only; they are the ends of the 1-5 scale.
last_ratings as (
    select
        ticket_ref,
        if(score = 'good', 5.0, 1.0) as csat_rating,
        rated_at
    from received_ticket_ratings
    where score in ('good', 'bad')
    qualify row_number() over (
        partition by ticket_ref order by rated_at desc, length(rating_ref) desc, rating_ref desc
    ) = 1
),

-- A ticket that was merged goes on in another one, and nobody's customer may ask too: neither says how customers are
-- served.
attributed_tickets as (
    select
        tickets.*,
        coalesce(organization_identities.customer_id, user_identities.customer_id) as customer_id,
        coalesce(tickets.solved_at, tickets.solved_since_at) as solved_by_ticket_at,
        case
            when coalesce(histories.is_merged, tickets.has_merge_tag and not tickets.is_follow_up) then 'merged'
            when organization_identities.customer_id is null and user_identities.customer_id is null
                then 'requested by staff'
        end as exclusion_reason
    from received_tickets as tickets
    left join ticket_histories as histories on tickets.ticket_ref = histories.ticket_ref
    left join organization_identities on tickets.organization_ref = organization_identities.source_ref
    left join user_identities on tickets.requester_ref = user_identities.source_ref
    where tickets.status <> 'deleted'
),

-- Where events and the metrics of a ticket both speak, the events are believed; but a solution that is later than all
-- status events stands, because either may be delivered later than the other.
zendesk_tickets as (
    select
        'zendesk' as system,
        tickets.ticket_ref,
        tickets.customer_id,
        tickets.schedule_ref,
        tickets.opened_at,
        coalesce(
            histories.first_reply_at,
            if(
                tickets.exclusion_reason = 'merged' and tickets.first_reply_at >= tickets.solved_by_ticket_at,
                null,
                tickets.first_reply_at
            )
        ) as first_reply_at,
        coalesce(histories.first_solved_at, if(tickets.reopen_count > 0, null, tickets.solved_by_ticket_at))
            as first_solved_at,
        case
            when histories.is_solved then coalesce(histories.last_solved_at, tickets.solved_by_ticket_at)
            when histories.status_changed_at >= tickets.solved_by_ticket_at then null
            else tickets.solved_by_ticket_at
        end as solved_at,
        tickets.priority,
        tickets.channel,
        if(histories.status_changed_at > tickets.modified_at, histories.status, tickets.status) as status,
        tickets.issue_type,
        coalesce(histories.reopen_count, tickets.reopen_count) as reopen_count,
        histories.last_reopened_at,
        histories.turned_at,
        histories.escalated_at is not null or tickets.is_escalated as is_escalated,
        coalesce(histories.escalated_at, tickets.escalated_at) as escalated_at,
        histories.public_reply_count,
        histories.agent_count,
        if(tickets.exclusion_reason is null, histories.is_one_touch, null) as is_one_touch,
        if(tickets.exclusion_reason is null, histories.is_first_contact_resolution, null)
            as is_first_contact_resolution,
        if(tickets.exclusion_reason is null, missed_targets.sla_breach_count, null) as sla_breach_count,
        tickets.exclusion_reason,
        histories.ticket_ref is not null as has_events,
        cast(last_ratings.csat_rating as double) as csat_rating,
        last_ratings.rated_at
    from attributed_tickets as tickets
    left join ticket_histories as histories on tickets.ticket_ref = histories.ticket_ref
    left join missed_targets on tickets.ticket_ref = missed_targets.ticket_ref
    left join last_ratings on tickets.ticket_ref = last_ratings.ticket_ref
),

file_tickets as (
    select
        'files' as system,
        tickets.ticket_ref,
        file_identities.customer_id,
        cast(null as text) as schedule_ref,
        tickets.opened_at,
        tickets.first_reply_at,
        if(tickets.reopen_count > 0, null, tickets.solved_at) as first_solved_at,
        tickets.solved_at,
        tickets.priority,
        tickets.channel,
        case
            when lower(tickets.status) in ('new', 'open', 'pending', 'hold', 'solved', 'closed')
                then lower(tickets.status)
            when tickets.solved_at is null then 'open'
            else 'solved'
        end as status,
        tickets.issue_type,
        tickets.reopen_count,
        cast(null as timestamp) as last_reopened_at,
        cast(null as timestamp[]) as turned_at,
        coalesce(tickets.is_escalated, false) as is_escalated,
        if(tickets.is_escalated, coalesce(tickets.solved_at, tickets.opened_at), null) as escalated_at,
        cast(null as bigint) as public_reply_count,
        cast(null as bigint) as agent_count,
        cast(null as boolean) as is_one_touch,
        cast(null as boolean) as is_first_contact_resolution,
        cast(null as bigint) as sla_breach_count,
        cast(null as text) as exclusion_reason,
        false as has_events,
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

-- The schedule that the ticket names; else the oldest one of its system; else the default one.
named_schedules as (
    select schedule_id from business_schedules
),

system_schedules as (
    select
        system,
        schedule_id
    from business_schedules
    where is_default
),

default_schedule as (
    select max(schedule_id) as schedule_id
    from business_schedules
    where system = 'default'
),

described as (
    select
        all_tickets.system || ':' || all_tickets.ticket_ref as ticket_id,
        all_tickets.* exclude (turned_at),
        -- Where its events do not tell how it ended, it was solved once or not at all.
        if(
            len(coalesce(all_tickets.turned_at, [])) % 2 = if(all_tickets.solved_at is null, 0, 1),
            coalesce(all_tickets.turned_at, []),
            if(all_tickets.solved_at is null, [], [all_tickets.solved_at])
        ) as turned_at,
        {{ whole_minutes('all_tickets.opened_at', 'all_tickets.first_reply_at') }} as first_reply_calendar_minutes,
        coalesce(named_schedules.schedule_id, system_schedules.schedule_id, default_schedule.schedule_id)
            as schedule_id,
        ticket_sentiments.polarity as sentiment_polarity
    from all_tickets
    left join named_schedules
        on all_tickets.system || ':' || all_tickets.schedule_ref = named_schedules.schedule_id
    left join system_schedules on all_tickets.system = system_schedules.system
    cross join default_schedule
    left join ticket_sentiments
        on
            all_tickets.system = ticket_sentiments.system
            and all_tickets.ticket_ref = ticket_sentiments.ticket_ref
    where all_tickets.opened_at < {{ run_ends_at() }}
)

select * from described
