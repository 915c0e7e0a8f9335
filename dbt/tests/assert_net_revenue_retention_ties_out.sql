-- Months in which the groups of a dimension do not begin with all revenue of 12 months before, or in which what is left
-- of it is not that plus all movements since of those who paid then.
with net_revenue_retention as (
    select * from {{ ref('net_revenue_retention_monthly') }}
),

revenue_monthly as (
    select * from {{ ref('revenue_monthly') }}
),

mrr_monthly as (
    select * from {{ ref('customer_mrr_monthly') }}
),

movements as (
    select * from {{ ref('fct_mrr_movements') }}
),

per_dimension as (
    select
        month_start_date,
        dimension_name,
        sum(starting_mrr_amount) as starting_mrr_amount,
        sum(ending_mrr_amount) as ending_mrr_amount
    from net_revenue_retention
    group by month_start_date, dimension_name
),

moved as (
    select
        cast(mrr_monthly.month_start_date + interval 12 month as date) as month_start_date,
        sum(movements.movement_mrr_amount) as movement_mrr_amount
    from mrr_monthly
    inner join movements
        on
            mrr_monthly.customer_id = movements.customer_id
            and mrr_monthly.month_start_date < movements.month_start_date
            and cast(mrr_monthly.month_start_date + interval 12 month as date) >= movements.month_start_date
    group by mrr_monthly.month_start_date
),

differing as (
    select
        per_dimension.month_start_date,
        per_dimension.dimension_name
    from per_dimension
    left join revenue_monthly
        on cast(per_dimension.month_start_date - interval 12 month as date) = revenue_monthly.month_start_date
    left join moved on per_dimension.month_start_date = moved.month_start_date
    where
        per_dimension.starting_mrr_amount is distinct from revenue_monthly.ending_mrr_amount
        or per_dimension.ending_mrr_amount
        <> per_dimension.starting_mrr_amount + coalesce(moved.movement_mrr_amount, 0)
)

select * from differing
