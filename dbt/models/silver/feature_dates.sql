with bounds as (
    select min(first_date) as first_date, max(last_date) as last_date from {{ ref('data_days') }}
),

month_ends as (
    select cast(unnest(generate_series(
        date_trunc('month', first_date) + interval 1 month,
        cast(last_date + 1 as timestamp),
        interval 1 month
    )) as date) - 1 as as_of_date
    from bounds
)

select as_of_date from month_ends
