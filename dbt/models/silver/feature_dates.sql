with data_window as (
    select * from {{ ref('data_window') }}
),

month_ends as (
    select cast(unnest(generate_series(
        date_trunc('month', first_date) + interval 1 month,
        cast(last_date + 1 as timestamp),
        interval 1 month
    )) as date) - 1 as as_of_date
    from data_window
)

select * from month_ends
