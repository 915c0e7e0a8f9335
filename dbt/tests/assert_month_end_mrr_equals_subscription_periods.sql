-- Months whose ending revenue is not the sum of the subscription periods that run over their end.
with revenue_monthly as (
    select * from {{ ref('revenue_monthly') }}
),

subscription_periods as (
    select
        mrr_amount,
        valid_from,
        coalesce(valid_to, {{ open_end() }}) as valid_to
    from {{ ref('fct_subscription_periods') }}
),

data_window as (
    select * from {{ ref('data_window') }}
),

month_ends as (
    select
        revenue_monthly.month_start_date,
        revenue_monthly.ending_mrr_amount,
        least(revenue_monthly.month_end_date, data_window.last_date) + 1 as closing_day
    from revenue_monthly
    cross join data_window
),

from_periods as (
    select
        month_ends.month_start_date,
        month_ends.ending_mrr_amount,
        coalesce(sum(periods.mrr_amount), 0) as period_mrr_amount
    from month_ends
    left join subscription_periods as periods
        on
            month_ends.closing_day > periods.valid_from
            and month_ends.closing_day <= periods.valid_to
    group by month_ends.month_start_date, month_ends.ending_mrr_amount
),

differing_months as (
    select
        month_start_date,
        ending_mrr_amount,
        period_mrr_amount
    from from_periods
    where ending_mrr_amount <> period_mrr_amount
)

select * from differing_months
