{{ config(
    materialized='incremental', incremental_strategy='delete+insert', unique_key='as_of_date',
    on_schema_change='append_new_columns'
) }}

with customers as (
    select
        customer_id,
        as_of_date,
        if(has_ever_subscribed or (purchase_day_count = 0 and has_usage_data), 'use', 'purchases') as basis,
        has_ever_subscribed and not is_subscriber as has_contract_ended,
        least(tenure_days // 7, 13) as trend_week_count
    from {{ ref('customer_features') }}
    where as_of_date = {{ as_of_date() }}
),

activity_days as (
    select * from {{ ref('activity_days') }}
),

days_known_then as (
    select
        customers.customer_id,
        customers.basis,
        customers.trend_week_count,
        activity_days.activity_kind,
        customers.as_of_date - activity_days.activity_date as days_ago
    from customers
    inner join activity_days on customers.customer_id = activity_days.customer_id
    where
        activity_days.activity_date <= customers.as_of_date
        and activity_days.known_at < cast(customers.as_of_date + 1 as timestamp)
),

days_per_window as (
    select
        customer_id,
        count(*) filter (where activity_kind = 'purchases' and days_ago < 7) as purchase_day_last_7_days_count,
        count(*) filter (where activity_kind = 'purchases' and days_ago < 30) as purchase_day_last_30_days_count,
        count(*) filter (where activity_kind = 'purchases' and days_ago < 90) as purchase_day_last_90_days_count,
        count(*) filter (where activity_kind = 'purchases' and days_ago < 365) as purchase_day_last_365_days_count,
        count(*) filter (where activity_kind = 'use' and days_ago < 7) as use_day_last_7_days_count,
        count(*) filter (where activity_kind = 'use' and days_ago < 30) as use_day_last_30_days_count,
        count(*) filter (where activity_kind = 'use' and days_ago < 90) as use_day_last_90_days_count,
        count(*) filter (where activity_kind = 'use' and days_ago < 365) as use_day_last_365_days_count
    from days_known_then
    group by customer_id
),

gaps_of_the_basis as (
    select
        customer_id,
        days_ago,
        lag(days_ago) over (partition by customer_id order by days_ago desc) - days_ago as gap_days
    from days_known_then
    where activity_kind = basis
),

-- Logs are summed as decimals: the order of a parallel sum of floats is not fixed, and its last digit neither.
days_of_the_basis as (
    select
        customer_id,
        count(*) as activity_day_count,
        max(days_ago) - min(days_ago) as activity_span_days,
        cast(sum(cast(ln(gap_days) as decimal(18, 9))) as double) as activity_gap_log_sum,
        min(days_ago) as days_since_last_activity
    from gaps_of_the_basis
    group by customer_id
),

days_per_week as (
    select
        customer_id,
        days_ago // 7 as weeks_ago,
        count(*) as day_count
    from days_known_then
    where activity_kind = basis and days_ago // 7 < trend_week_count
    group by customer_id, weeks_ago
),

trend_sums as (
    select
        customer_id,
        sum(day_count) as trend_day_count,
        sum(weeks_ago * day_count) as trend_weighted_day_count,
        sum(day_count * day_count) as trend_squared_day_count
    from days_per_week
    group by customer_id
),

activity_features as (
    select
        customers.customer_id,
        customers.as_of_date,
        customers.basis,
        customers.has_contract_ended,
        coalesce(days_per_window.purchase_day_last_7_days_count, 0) as purchase_day_last_7_days_count,
        coalesce(days_per_window.purchase_day_last_30_days_count, 0) as purchase_day_last_30_days_count,
        coalesce(days_per_window.purchase_day_last_90_days_count, 0) as purchase_day_last_90_days_count,
        coalesce(days_per_window.purchase_day_last_365_days_count, 0) as purchase_day_last_365_days_count,
        coalesce(days_per_window.use_day_last_7_days_count, 0) as use_day_last_7_days_count,
        coalesce(days_per_window.use_day_last_30_days_count, 0) as use_day_last_30_days_count,
        coalesce(days_per_window.use_day_last_90_days_count, 0) as use_day_last_90_days_count,
        coalesce(days_per_window.use_day_last_365_days_count, 0) as use_day_last_365_days_count,
        coalesce(days_of_the_basis.activity_day_count, 0) as activity_day_count,
        days_of_the_basis.activity_span_days,
        days_of_the_basis.activity_gap_log_sum,
        days_of_the_basis.days_since_last_activity,
        customers.trend_week_count,
        cast(coalesce(trend_sums.trend_day_count, 0) as bigint) as trend_day_count,
        cast(coalesce(trend_sums.trend_weighted_day_count, 0) as bigint) as trend_weighted_day_count,
        cast(coalesce(trend_sums.trend_squared_day_count, 0) as bigint) as trend_squared_day_count
    from customers
    left join days_per_window on customers.customer_id = days_per_window.customer_id
    left join days_of_the_basis on customers.customer_id = days_of_the_basis.customer_id
    left join trend_sums on customers.customer_id = trend_sums.customer_id
)

select * from activity_features
