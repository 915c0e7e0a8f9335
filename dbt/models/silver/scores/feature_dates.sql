with data_window as (
    select * from {{ ref('data_window') }}
),

next_months as (
    select
        unnest(generate_series(
            date_trunc('month', first_date) + interval 1 month,
            cast(last_date + 1 as timestamp),
            interval 1 month
        )) as month_start
    from data_window
),

month_ends as (
    select cast(month_start as date) - 1 as as_of_date
    from next_months
)

select * from month_ends
