-- Months whose bridge does not close to the cent, or does not start where the month before ended.
with revenue_monthly as (
    select * from {{ ref('revenue_monthly') }}
),

with_previous_end as (
    select
        *,
        lag(ending_mrr_amount, 1, 0) over (order by month_start_date) as previous_ending_mrr_amount,
        lag(ending_customer_count, 1, 0) over (order by month_start_date) as previous_ending_customer_count
    from revenue_monthly
),

open_bridges as (
    select
        month_start_date,
        ending_mrr_amount
    from with_previous_end
    where
        starting_mrr_amount + new_mrr_amount + expansion_mrr_amount + contraction_mrr_amount + churn_mrr_amount
        + reactivation_mrr_amount <> ending_mrr_amount
        or starting_customer_count + new_customer_count - churned_customer_count + reactivated_customer_count
        <> ending_customer_count
        or starting_mrr_amount <> previous_ending_mrr_amount
        or starting_customer_count <> previous_ending_customer_count
)

select * from open_bridges
