-- A returned row is a day on which the active customers of `usage_activity_daily` are not those of `fct_usage_daily`.
with usage_activity_daily as (
    select * from {{ ref('usage_activity_daily') }}
),

fct_usage_daily as (
    select * from {{ ref('fct_usage_daily') }}
),

customers_per_day as (
    select
        usage_date,
        count(*) as customer_count
    from fct_usage_daily
    group by usage_date
),

differing as (
    select
        coalesce(usage_activity_daily.usage_date, customers_per_day.usage_date) as usage_date,
        usage_activity_daily.daily_active_customer_count,
        customers_per_day.customer_count
    from usage_activity_daily
    full outer join customers_per_day on usage_activity_daily.usage_date = customers_per_day.usage_date
    where coalesce(usage_activity_daily.daily_active_customer_count, 0) <> coalesce(customers_per_day.customer_count, 0)
)

select * from differing
