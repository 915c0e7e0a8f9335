-- One row per support ticket. The data has the day a ticket was opened, not the hour.
select
    ticket_id as ticket_ref,
    account_id as customer_ref,
    submitted_at as opened_at,
    cast(submitted_at as timestamp)
        + to_minutes(cast(first_response_time_minutes as bigint)) as first_reply_at,
    closed_at as solved_at,
    priority,
    case when closed_at is null then 'open' else 'solved' end as status,
    satisfaction_score as csat_score,
    escalation_flag as is_escalated,
    resolution_time_hours
from read_csv('ravenstack_support_tickets.csv', all_varchar = true)
