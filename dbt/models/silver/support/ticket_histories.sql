with attributed_ticket_events as (
    select * from {{ ref('attributed_ticket_events') }}
),

described_events as (
    select
        *,
        coalesce(author_role in ('agent', 'admin'), false) as is_by_agent
    from attributed_ticket_events
),

-- What happens in one second is told apart by the reference, which grows.
status_events as (
    select
        ticket_ref,
        occurred_at,
        previous_value,
        value as status,
        row_number() over (
            partition by ticket_ref order by occurred_at, length(event_ref), event_ref
        ) as event_number
    from described_events
    where field_name = 'status' and value in ('new', 'open', 'pending', 'hold', 'solved', 'closed')
),

statuses as (
    select
        *,
        status in ('solved', 'closed') as is_solved,
        coalesce(
            lag(status) over (partition by ticket_ref order by event_number) in ('solved', 'closed'),
            previous_value in ('solved', 'closed'),
            false
        ) as was_solved
    from status_events
),

resolutions as (
    select
        ticket_ref,
        max(occurred_at) as status_changed_at,
        max_by(status, event_number) as status,
        max_by(is_solved, event_number) as is_solved,
        min(occurred_at) filter (where is_solved and not was_solved) as first_solved_at,
        max(occurred_at) filter (where is_solved and not was_solved) as last_solved_at,
        count(*) filter (where was_solved and not is_solved) as reopen_count,
        min(occurred_at) filter (where was_solved and not is_solved) as first_reopened_at,
        max(occurred_at) filter (where was_solved and not is_solved) as last_reopened_at
    from statuses
    group by ticket_ref
),

public_replies as (
    select
        ticket_ref,
        occurred_at,
        row_number() over (partition by ticket_ref order by occurred_at) as reply_number
    from described_events
    where event_kind = 'comment' and is_by_agent and is_public
),

replies as (
    select
        ticket_ref,
        min(occurred_at) as first_reply_at,
        min(occurred_at) filter (where reply_number = 2) as second_reply_at,
        count(*) as public_reply_count
    from public_replies
    group by ticket_ref
),

requester_returns as (
    select
        events.ticket_ref,
        min(events.occurred_at) as requester_returned_at
    from described_events as events
    inner join replies on events.ticket_ref = replies.ticket_ref
    where
        events.event_kind = 'comment'
        and events.author_role = 'end-user'
        and events.occurred_at > replies.first_reply_at
    group by events.ticket_ref
),

-- Who hands a ticket from one group to another escalates it; the first group that it is given to is no escalation.
escalations as (
    select
        ticket_ref,
        min(occurred_at) as escalated_at
    from described_events
    where
        (field_name = 'group_id' and previous_value <> value)
        or (field_name in ('is_escalated', 'escalated') and lower(value) = 'true')
    group by ticket_ref
),

agents as (
    select
        ticket_ref,
        count(distinct author_ref) filter (where is_by_agent and event_kind <> 'create') as agent_count
    from described_events
    group by ticket_ref
),

histories as (
    select
        agents.ticket_ref,
        agents.agent_count,
        coalesce(replies.public_reply_count, 0) as public_reply_count,
        replies.first_reply_at,
        resolutions.first_solved_at,
        resolutions.last_solved_at,
        resolutions.is_solved,
        resolutions.status,
        resolutions.status_changed_at,
        resolutions.reopen_count,
        resolutions.last_reopened_at,
        escalations.escalated_at,
        coalesce(
            resolutions.is_solved and replies.public_reply_count = 1 and resolutions.reopen_count = 0, false
        ) as is_one_touch,
        coalesce(
            replies.first_reply_at <= resolutions.first_solved_at
            and coalesce(replies.second_reply_at > resolutions.first_solved_at, true)
            and coalesce(requester_returns.requester_returned_at > resolutions.first_solved_at, true)
            and coalesce(
                resolutions.first_reopened_at
                > {{ moment_after('resolutions.first_solved_at', 'days', first_contact_window_days()) }},
                true
            ),
            false
        ) as is_first_contact_resolution
    from agents
    left join resolutions on agents.ticket_ref = resolutions.ticket_ref
    left join replies on agents.ticket_ref = replies.ticket_ref
    left join requester_returns on agents.ticket_ref = requester_returns.ticket_ref
    left join escalations on agents.ticket_ref = escalations.ticket_ref
)

select * from histories
