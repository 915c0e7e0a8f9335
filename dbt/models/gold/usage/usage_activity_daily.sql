{%- set keys = {'user': 'customer_id, user_ref', 'customer': 'customer_id'} -%}
{%- set counts = [
    ('daily', 1, 'user'), ('weekly', 7, 'user'), ('monthly', 28, 'user'),
    ('daily', 1, 'customer'), ('weekly', 7, 'customer'), ('monthly', 28, 'customer')
] -%}
with usage_events as (
    select
        customer_id,
        user_ref,
        cast(occurred_at as date) as usage_date
    from {{ ref('usage_events') }}
),

data_window as (
    select * from {{ ref('data_window') }}
),

usage_range as (
    select
        min(usage_events.usage_date) as first_date,
        max(data_window.last_date) as last_date
    from usage_events
    cross join data_window
),

calendar as (
    {{ days_between('usage_range', 'first_date', 'last_date', 'usage_date') }}
),

-- A user is known by customer and reference: two customers may both have a user 1.
user_days as (
    select distinct
        customer_id,
        user_ref,
        usage_date
    from usage_events
    where user_ref is not null
),

customer_days as (
    select distinct
        customer_id,
        usage_date
    from usage_events
),

{% for who, key in keys.items() -%}
{{ who }}_days_in_order as (
    select
        usage_date,
        lead(usage_date) over (partition by {{ key }} order by usage_date) as next_usage_date
    from {{ who }}_days
),

{% endfor -%}
-- Who is active on a day stays in the window for so many days: one more at its begin, one less at its end. A window
-- that reaches the next active day is cut there, so that nobody counts twice. No row per day of a window is made.
window_changes as (
    {%- for period, days, who in counts %}
    select
        usage_date as change_date,
        '{{ period }} {{ who }}' as counted,
        1 as added
    from {{ who }}_days_in_order
    union all
    select
        least(usage_date + {{ days }}, coalesce(next_usage_date, usage_date + {{ days }})) as change_date,
        '{{ period }} {{ who }}' as counted,
        -1 as added
    from {{ who }}_days_in_order
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

changes_per_day as (
    select
        {%- for period, days, who in counts %}
        sum(case when counted = '{{ period }} {{ who }}' then added else 0 end) as {{ period }}_{{ who }}_added,
        {%- endfor %}
        change_date
    from window_changes
    group by change_date
),

active_counts as (
    select
        {%- for period, days, who in counts %}
        cast(sum(coalesce(changes_per_day.{{ period }}_{{ who }}_added, 0)) over in_order as bigint)
            as {{ period }}_active_{{ who }}_count,
        {%- endfor %}
        calendar.usage_date,
        calendar.usage_date >= usage_range.first_date + 27 as is_complete_month
    from calendar
    cross join usage_range
    left join changes_per_day on calendar.usage_date = changes_per_day.change_date
    window in_order as (order by calendar.usage_date)
),

-- In the first days the month looks back to before the data: its share would be too high.
with_stickiness as (
    select
        usage_date,
        {%- for period, days, who in counts %}
        {{ period }}_active_{{ who }}_count,
        {%- endfor %}
        case
            when is_complete_month
                then cast(daily_active_user_count as double) / nullif(monthly_active_user_count, 0)
        end as user_stickiness_share,
        case
            when is_complete_month
                then cast(daily_active_customer_count as double) / nullif(monthly_active_customer_count, 0)
        end as customer_stickiness_share
    from active_counts
)

select * from with_stickiness
