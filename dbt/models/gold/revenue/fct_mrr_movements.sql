with customer_mrr_monthly as (
    select * from {{ ref('customer_mrr_monthly') }}
),

revenue_months as (
    select * from {{ ref('revenue_months') }}
),

-- Why a customer's last subscription of a month ended.
ends as (
    select
        customer_id,
        cast(date_trunc('month', ended_at) as date) as month_start_date,
        arg_max(cancel_reason, (ended_at, subscription_id)) as churn_reason
    from {{ ref('subscription_terms') }}
    where valid_to = {{ open_end() }} and ended_at is not null and cancel_reason is not null
    group by customer_id, cast(date_trunc('month', ended_at) as date)
),

first_paid_months as (
    select
        customer_id,
        min(month_start_date) as first_paid_month
    from customer_mrr_monthly
    group by customer_id
),

-- What a month ends with, the next one starts with.
month_ends_and_starts as (
    select
        customer_id,
        month_start_date,
        cast(0 as decimal(18, 2)) as starting_mrr_amount,
        mrr_amount as ending_mrr_amount
    from customer_mrr_monthly
    union all
    select
        customer_id,
        cast(month_start_date + interval 1 month as date) as month_start_date,
        mrr_amount as starting_mrr_amount,
        cast(0 as decimal(18, 2)) as ending_mrr_amount
    from customer_mrr_monthly
),

starts_beside_ends as (
    select
        customer_id,
        month_start_date,
        sum(starting_mrr_amount) as starting_mrr_amount,
        sum(ending_mrr_amount) as ending_mrr_amount
    from month_ends_and_starts
    group by customer_id, month_start_date
),

movements as (
    select
        starts_beside_ends.customer_id,
        revenue_months.month_start_date,
        case
            when starts_beside_ends.month_start_date = first_paid_months.first_paid_month then 'new'
            when starts_beside_ends.starting_mrr_amount = 0 then 'reactivation'
            when starts_beside_ends.ending_mrr_amount = 0 then 'churn'
            when starts_beside_ends.ending_mrr_amount > starts_beside_ends.starting_mrr_amount then 'expansion'
            else 'contraction'
        end as movement_kind,
        cast(starts_beside_ends.starting_mrr_amount as decimal(18, 2)) as starting_mrr_amount,
        cast(starts_beside_ends.ending_mrr_amount - starts_beside_ends.starting_mrr_amount as decimal(18, 2))
            as movement_mrr_amount,
        cast(starts_beside_ends.ending_mrr_amount as decimal(18, 2)) as ending_mrr_amount,
        revenue_months.is_complete_month,
        if(starts_beside_ends.ending_mrr_amount = 0, ends.churn_reason, null) as churn_reason
    from starts_beside_ends
    inner join first_paid_months on starts_beside_ends.customer_id = first_paid_months.customer_id
    inner join revenue_months on starts_beside_ends.month_start_date = revenue_months.month_start_date
    left join ends
        on
            starts_beside_ends.customer_id = ends.customer_id
            and starts_beside_ends.month_start_date = ends.month_start_date
    where starts_beside_ends.ending_mrr_amount <> starts_beside_ends.starting_mrr_amount
)

select * from movements
