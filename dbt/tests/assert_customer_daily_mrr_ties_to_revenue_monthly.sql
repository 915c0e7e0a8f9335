-- A returned row is a month whose ending revenue is not the sum of what the customers have on its last day.
with fct_customer_daily as (
    select * from {{ ref('fct_customer_daily') }}
),

revenue_monthly as (
    select * from {{ ref('revenue_monthly') }}
),

data_window as (
    select * from {{ ref('data_window') }}
),

covered_months as (
    select
        revenue_monthly.month_start_date,
        revenue_monthly.ending_mrr_amount,
        least(revenue_monthly.month_end_date, data_window.last_date) as closing_date
    from revenue_monthly
    cross join data_window
    where
        least(revenue_monthly.month_end_date, data_window.last_date)
        > data_window.last_date - {{ customer_daily_days() }}
),

from_days as (
    select
        covered_months.month_start_date,
        covered_months.ending_mrr_amount,
        coalesce(sum(fct_customer_daily.mrr_amount), 0) as daily_mrr_amount
    from covered_months
    left join fct_customer_daily on covered_months.closing_date = fct_customer_daily.date
    group by covered_months.month_start_date, covered_months.ending_mrr_amount
),

differing as (
    select *
    from from_days
    where ending_mrr_amount <> daily_mrr_amount
)

select * from differing
