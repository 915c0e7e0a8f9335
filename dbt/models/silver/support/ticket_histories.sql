with attributed_ticket_events as (
    select * from {{ ref('attributed_ticket_events') }}
),

received_tickets as (
    select * from {{ ref('received_tickets') }}
),

-- An agent who asks for something themselves speaks as the requester.
described_events as (
    select
        events.*,
        coalesce(events.author_role in ('agent', 'admin'), false)
        and coalesce(events.author_ref <> tickets.requester_ref, true) as is_by_agent,
        {{ is_by_merge('events.via') }} as is_by_merge
    from attributed_ticket_events as events
    left join received_tickets as tickets on events.ticket_ref = tickets.ticket_ref
),

-- What happens in one second is told apart by the reference, which grows.
delivered_statuses as (
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

last_statuses as (
    select
        ticket_ref,
        count(*) as event_count,
        max(occurred_at) as status_changed_at,
        max_by(status, event_number) as status
    from delivered_statuses
    group by ticket_ref
),

-- The ticket itself may say that it is solved where no event does.
unsolved_by_events as (
    select
        tickets.ticket_ref,
        tickets.status,
        coalesce(last_statuses.event_count, 0) + 1 as event_number,
        if(
            coalesce(tickets.solved_at >= last_statuses.status_changed_at, tickets.solved_at is not null),
            tickets.solved_at,
            tickets.solved_since_at
        ) as occurred_at
    from received_tickets as tickets
    left join last_statuses on tickets.ticket_ref = last_statuses.ticket_ref
    where
        tickets.solved_since_at is not null
        and coalesce(
            last_statuses.status not in ('solved', 'closed')
            and last_statuses.status_changed_at <= greatest(tickets.solved_since_at, tickets.solved_at),
            true
        )
),

status_events as (
    select * from delivered_statuses
    union all
    select
        ticket_ref,
        occurred_at,
        cast(null as text) as previous_value,
        status,
        event_number
    from unsolved_by_events
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
        max(occurred_at) filter (where status = 'closed') as closed_at,
        count(*) filter (where was_solved and not is_solved) as reopen_count,
        min(occurred_at) filter (where was_solved and not is_solved) as first_reopened_at,
        max(occurred_at) filter (where was_solved and not is_solved) as last_reopened_at,
        list(occurred_at order by event_number) filter (where is_solved <> was_solved) as turned_at
    from statuses
    group by ticket_ref
),

-- A follow-up takes over the tags of the closed ticket; whoever was merged got the tag later.
merge_events as (
    select
        events.ticket_ref,
        bool_or(
            {{ has_merge_tag('events.value') }} and not {{ has_merge_tag('events.previous_value') }}
            and events.occurred_at > tickets.opened_at
        ) filter (where events.field_name in ('tags', 'current_tags')) as has_got_tag,
        bool_or(
            {{ has_merge_tag('events.value') }} and events.occurred_at <= tickets.opened_at
        ) filter (where events.field_name in ('tags', 'current_tags')) as was_opened_with_tag,
        bool_or(events.is_by_merge and events.field_name = 'status' and events.value = 'closed') as is_closed_by_merge
    from described_events as events
    inner join received_tickets as tickets on events.ticket_ref = tickets.ticket_ref
    group by events.ticket_ref
),

merged_tickets as (
    select
        tickets.ticket_ref,
        coalesce(
            merge_events.is_closed_by_merge
            or (merge_events.has_got_tag and tickets.status = 'closed')
            or (
                tickets.has_merge_tag
                and not tickets.is_follow_up
                and not coalesce(merge_events.was_opened_with_tag, false)
            ),
            false
        ) as is_merged
    from received_tickets as tickets
    left join merge_events on tickets.ticket_ref = merge_events.ticket_ref
),

-- What a merge writes answers nobody: neither on the ticket that it closes nor on the one that goes on.
public_replies as (
    select
        events.ticket_ref,
        events.occurred_at,
        row_number() over (partition by events.ticket_ref order by events.occurred_at) as reply_number
    from described_events as events
    left join merged_tickets on events.ticket_ref = merged_tickets.ticket_ref
    left join resolutions on events.ticket_ref = resolutions.ticket_ref
    where
        events.event_kind = 'comment'
        and events.is_by_agent
        and events.is_public
        and not events.is_by_merge
        and not coalesce(merged_tickets.is_merged and events.occurred_at >= resolutions.closed_at, false)
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
        coalesce(merged_tickets.is_merged, false) as is_merged,
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
        resolutions.turned_at,
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
    left join merged_tickets on agents.ticket_ref = merged_tickets.ticket_ref
    left join resolutions on agents.ticket_ref = resolutions.ticket_ref
    left join replies on agents.ticket_ref = replies.ticket_ref
    left join requester_returns on agents.ticket_ref = requester_returns.ticket_ref
    left join escalations on agents.ticket_ref = escalations.ticket_ref
)

select * from histories
