with subscription_periods as (
    select * from {{ ref('subscription_periods') }}
),

data_window as (
    select * from {{ ref('data_window') }}
),

first_paid_day as (
    select
        min(subscription_periods.valid_from) as first_day,
        min(data_window.last_date) as last_day
    from subscription_periods
    cross join data_window
    where subscription_periods.mrr_amount > 0
),

months as (
    {{ months_between('first_paid_day', 'first_day', 'last_day') }}
),

-- The revenue of a month is that of its last moment; of the month that still runs, that of the last moment with data.
-- Of months before the data begin only the subscriptions are known that outlived them: such a month is not complete.
with_moments as (
    select
        months.month_start_date,
        last_day(months.month_start_date) as month_end_date,
        cast(least(last_day(months.month_start_date), data_window.last_date) + 1 as timestamp) as closes_at,
        last_day(months.month_start_date) <= data_window.last_date
        and coalesce(months.month_start_date >= data_window.first_date, true) as is_complete_month
    from months
    cross join data_window
)

select * from with_moments
