with user_versions as (
    select * from {{ ref('zendesk__users') }}
),

ticket_versions as (
    select * from {{ ref('zendesk__tickets') }}
),

ticket_events as (
    {{ latest_versions(ref('zendesk__ticket_events'), 'event_ref', 'created_at') }}
),

metric_events as (
    select * from {{ ref('zendesk__ticket_metric_events') }}
),

known_agents as (
    select
        user_ref,
        min(modified_at) as agent_from_at
    from user_versions
    where role in ('agent', 'admin')
    group by user_ref
),

requesters as (
    select distinct
        ticket_ref,
        requester_ref as user_ref
    from ticket_versions
),

-- What somebody did to a ticket of somebody else; who is an agent by any version needs no further proof.
strangers_events as (
    select
        events.*,
        known_agents.user_ref is not null or coalesce(events.author_role in ('agent', 'admin'), false) as is_known_agent
    from ticket_events as events
    left join requesters
        on events.ticket_ref = requesters.ticket_ref and events.author_ref = requesters.user_ref
    left join known_agents on events.author_ref = known_agents.user_ref
    where
        events.author_ref is not null
        and requesters.user_ref is null
        and coalesce(events.author_role in ('agent', 'admin'), true)
),

public_comments as (
    select *
    from strangers_events
    where event_kind = 'comment' and is_public
),

-- A ticket can only be assigned to an agent.
assignments as (
    select
        assignee_ref as user_ref,
        modified_at as acted_at
    from ticket_versions
    where assignee_ref is not null
    union all
    select
        value as user_ref,
        created_at as acted_at
    from ticket_events
    where field_name = 'assignee_id' and value is not null
    union all
    select
        previous_value as user_ref,
        created_at as acted_at
    from ticket_events
    where field_name = 'assignee_id' and previous_value is not null
),

-- Customers can open the ticket of a colleague again, but not put it off or solve it.
handlings as (
    select
        author_ref as user_ref,
        created_at as acted_at
    from strangers_events
    where
        field_name = 'status'
        and value in ('pending', 'hold', 'solved', 'closed')
        and not {{ is_by_rule('via') }}
),

-- Zendesk's own clock stops only when an agent replies: to the second in metric events, to the minute in the ticket.
replies_by_clock as (
    select
        ticket_ref,
        occurred_at as from_at,
        {{ moment_after('occurred_at', 'seconds', 1) }} as to_at
    from metric_events
    where metric = 'reply_time' and event_kind = 'fulfill'
    union all
    select distinct
        ticket_ref,
        {{ moment_after('created_at', 'minutes', 'first_reply_calendar_minutes - 1') }} as from_at,
        {{ moment_after('created_at', 'minutes', 'first_reply_calendar_minutes + 1') }} as to_at
    from ticket_versions
    where first_reply_calendar_minutes is not null
),

comments_at_the_clock as (
    select
        answers.author_ref,
        answers.created_at,
        bool_or(answers.is_known_agent) over (partition by answers.ticket_ref, clock_times.from_at) as is_explained
    from public_comments as answers
    inner join replies_by_clock as clock_times
        on
            answers.ticket_ref = clock_times.ticket_ref
            and answers.created_at >= clock_times.from_at
            and answers.created_at <= clock_times.to_at
),

clocked_replies as (
    select
        author_ref as user_ref,
        created_at as acted_at
    from comments_at_the_clock
    where not is_explained
),

-- Other people may join a conversation: those who are copied in, and colleagues of the requester.
copied_users as (
    select distinct
        ticket_ref,
        {{ listed_refs('collaborator_refs') }} as user_ref
    from ticket_versions
    where json_valid(collaborator_refs)
),

organizations_of_tickets as (
    select distinct
        ticket_ref,
        organization_ref
    from ticket_versions
    where organization_ref is not null
),

organizations_of_users as (
    select distinct
        user_ref,
        organization_ref
    from user_versions
    where organization_ref is not null
),

colleagues as (
    select distinct
        answers.ticket_ref,
        answers.author_ref as user_ref
    from public_comments as answers
    inner join organizations_of_tickets as tickets on answers.ticket_ref = tickets.ticket_ref
    inner join organizations_of_users as members
        on answers.author_ref = members.user_ref and tickets.organization_ref = members.organization_ref
),

askers as (
    select distinct user_ref from requesters
),

-- Who never asked anything, was not copied in and is no colleague has no other reason to answer.
unasked_answers as (
    select
        answers.author_ref as user_ref,
        answers.created_at as acted_at
    from public_comments as answers
    left join copied_users
        on answers.ticket_ref = copied_users.ticket_ref and answers.author_ref = copied_users.user_ref
    left join askers on answers.author_ref = askers.user_ref
    left join colleagues
        on answers.ticket_ref = colleagues.ticket_ref and answers.author_ref = colleagues.user_ref
    where
        copied_users.user_ref is null
        and askers.user_ref is null
        and colleagues.user_ref is null
),

acts as (
    select * from assignments
    union all
    select * from handlings
    union all
    select * from clocked_replies
    union all
    select * from unasked_answers
),

all_staff as (
    select user_ref from known_agents
    union distinct
    select user_ref from acts
),

-- What was done after somebody was first seen as an agent says nothing about the time before.
staff as (
    select
        all_staff.user_ref,
        max(known_agents.agent_from_at) as agent_from_at,
        max(acts.acted_at) filter (
            where coalesce(acts.acted_at < known_agents.agent_from_at, true)
        ) as acted_until_at
    from all_staff
    left join known_agents on all_staff.user_ref = known_agents.user_ref
    left join acts on all_staff.user_ref = acts.user_ref
    group by all_staff.user_ref
)

select * from staff
