with data_window as (
    select * from {{ ref('data_window') }}
),

-- `fct_customer_daily` may begin before all activity.
days as (
    select
        unnest(generate_series(
            date_trunc('year', least(first_date, oldest_date, last_date - {{ customer_daily_days() }} + 1)),
            date_trunc('year', last_date) + interval 2 year - interval 1 day,
            interval 1 day
        )) as midnight
    from data_window
),

dates as (
    select cast(midnight as date) as date
    from days
),

described as (
    select
        date,
        cast(extract(year from date) as bigint) as year,
        cast(extract(quarter from date) as bigint) as quarter,
        cast(extract(month from date) as bigint) as month,
        monthname(date) as month_name,
        cast(extract(isodow from date) as bigint) as iso_weekday,
        dayname(date) as weekday_name,
        extract(isodow from date) >= 6 as is_weekend,
        cast(date_trunc('month', date) as date) as month_start_date,
        last_day(date) as month_end_date
    from dates
)

select * from described
