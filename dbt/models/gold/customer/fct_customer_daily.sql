{%- set sums = ['paying', 'mrr', 'seats', 'notice', 'paused', 'trial', 'free', 'open_tickets', 'open_invoices'] -%}
{%- set dates = [
    'first_paid_date', 'subscribed_since_date', 'first_purchase_date', 'last_purchase_date', 'comeback_date'
] -%}
with customers as (
    select * from {{ ref('customers') }}
),

subscription_periods as (
    select * from {{ ref('subscription_periods') }}
),

subscription_versions as (
    select * from {{ ref('subscription_versions') }}
),

tickets as (
    select *
    from {{ ref('tickets') }}
    where customer_id is not null
),

spend_changes as (
    select * from {{ ref('spend_changes') }}
),

open_amount_changes as (
    select * from {{ ref('open_amount_changes') }}
),

fct_usage_daily as (
    select * from {{ ref('fct_usage_daily') }}
),

data_window as (
    select * from {{ ref('data_window') }}
),

covered_days as (
    select
        last_date - {{ customer_daily_days() }} + 1 as first_date,
        last_date
    from data_window
),

paid_periods as (
    select * replace (coalesce(mrr_amount, 0) as mrr_amount)
    from subscription_periods
    where coalesce(mrr_amount > 0, true)
),

paused_periods as (
    select *
    from subscription_periods
    where (is_paused or status = 'paused') and not is_trial
),

trial_periods as (
    select *
    from subscription_periods
    where is_trial
),

free_periods as (
    select *
    from subscription_periods
    where mrr_amount = 0 and status = 'active' and not is_trial and not is_paused
),

notices as (
    select
        customer_id,
        valid_from,
        least(valid_to, ended_at) as valid_to
    from subscription_versions
    where is_paid_status and (is_cancel_at_period_end or status in ('past_due', 'unpaid'))
),

purchase_days as (
    select distinct
        customer_id,
        cast(purchased_at as date) as purchase_date
    from spend_changes
    where is_purchase
),

purchase_days_in_order as (
    select
        customer_id,
        purchase_date,
        lag(purchase_date) over (partition by customer_id order by purchase_date) as previous_purchase_date
    from purchase_days
),

comebacks as (
    select *
    from purchase_days_in_order
    where purchase_date - previous_purchase_date > {{ lost_buyer_days() }}
),

changes as (
    {{ moments('customers', 'known', 'customer_since_date') }}
    union all
    {{ span_changes('paid_periods', 'paying', '1', 'valid_from', 'valid_to') }}
    union all
    {{ span_changes('paid_periods', 'mrr', 'mrr_amount', 'valid_from', 'valid_to') }}
    union all
    {{ span_changes('paid_periods', 'seats', 'seat_count', 'valid_from', 'valid_to') }}
    union all
    {{ span_changes('notices', 'notice', '1', 'valid_from', 'valid_to') }}
    union all
    {{ span_changes('paused_periods', 'paused', '1', 'valid_from', 'valid_to') }}
    union all
    {{ span_changes('trial_periods', 'trial', '1', 'valid_from', 'valid_to') }}
    union all
    {{ span_changes('free_periods', 'free', '1', 'valid_from', 'valid_to') }}
    union all
    {{ span_changes('tickets', 'open_tickets', '1', 'opened_at', 'solved_at') }}
    union all
    select
        customer_id,
        cast(changed_at as date) as change_date,
        'open_invoices' as measure,
        open_change_amount as added
    from open_amount_changes
    union all
    {{ moments('purchase_days', 'purchase', 'purchase_date') }}
    union all
    {{ moments('comebacks', 'comeback', 'purchase_date') }}
),

changes_per_day as (
    select
        changes.customer_id,
        changes.change_date,
        {%- for measure in sums %}
        sum(case when changes.measure = '{{ measure }}' then changes.added else 0 end) as {{ measure }},
        {%- endfor %}
        max(case when changes.measure = 'purchase' then changes.change_date end) as purchase_date,
        max(case when changes.measure = 'comeback' then changes.change_date end) as comeback_date
    from changes
    inner join covered_days on changes.change_date <= covered_days.last_date
    group by changes.customer_id, changes.change_date
),

-- What holds from one change of a customer to the next.
states as (
    select
        customer_id,
        change_date,
        lead(change_date, 1, cast({{ open_end() }} as date)) over same_customer as next_change_date,
        {%- for measure in sums %}
        sum({{ measure }}) over so_far as {{ measure }},
        {%- endfor %}
        min(purchase_date) over so_far as first_purchase_date,
        max(purchase_date) over so_far as last_purchase_date,
        max(comeback_date) over so_far as comeback_date
    from changes_per_day
    window
        same_customer as (partition by customer_id order by change_date),
        so_far as (
            partition by customer_id order by change_date rows between unbounded preceding and current row
        )
),

-- Who pauses is still a subscriber: the return from a pause is no return from having left.
states_with_breaks as (
    select
        *,
        paying + paused > 0
        and coalesce(lag(paying + paused) over (partition by customer_id order by change_date), 0) = 0 as is_begin
    from states
),

states_with_begins as (
    select
        *,
        min(case when paying > 0 then change_date end) over so_far as first_paid_date,
        max(case when is_begin then change_date end) over so_far as subscribed_since_date
    from states_with_breaks
    window
        so_far as (
            partition by customer_id order by change_date rows between unbounded preceding and current row
        )
),

covered_states as (
    select
        states.*,
        greatest(states.change_date, covered_days.first_date) as first_date,
        least(states.next_change_date - 1, covered_days.last_date) as last_date
    from states_with_begins as states
    inner join covered_days on states.next_change_date > covered_days.first_date
),

customer_days as (
    {{ days_between('covered_states', 'first_date', 'last_date', 'date', ['customer_id'] + sums + dates) }}
),

with_usage as (
    select
        customer_days.customer_id,
        customer_days.date,
        {{ lifecycle_stage() }} as lifecycle_stage,
        customer_days.paying > 0 as is_subscriber,
        customer_days.trial > 0 as is_trial,
        customer_days.paused > 0 as is_paused,
        cast(customer_days.mrr as decimal(18, 2)) as mrr_amount,
        cast(customer_days.seats as bigint) as seat_count,
        coalesce(fct_usage_daily.active_user_count, 0) as active_user_count,
        coalesce(fct_usage_daily.event_count, 0) as event_count,
        cast(customer_days.open_tickets as bigint) as open_ticket_count,
        cast(customer_days.open_invoices as decimal(18, 2)) as open_invoice_amount
    from customer_days
    left join fct_usage_daily
        on
            customer_days.customer_id = fct_usage_daily.customer_id
            and customer_days.date = fct_usage_daily.usage_date
)

select * from with_usage
