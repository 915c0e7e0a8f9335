with customer_mrr_monthly as (
    select * from {{ ref('customer_mrr_monthly') }}
),

revenue_months as (
    select * from {{ ref('revenue_months') }}
),

data_window as (
    select * from {{ ref('data_window') }}
),

cohort_members as (
    select
        customer_id,
        month_start_date as cohort_month_date,
        mrr_amount as starting_mrr_amount
    from customer_mrr_monthly
    qualify row_number() over (partition by customer_id order by month_start_date) = 1
),

cohorts as (
    select
        cohort_month_date,
        count(*) as starting_customer_count,
        sum(starting_mrr_amount) as starting_mrr_amount
    from cohort_members
    group by cohort_month_date
),

-- Who pays in a month is retained in it, also after a month without paying.
retained as (
    select
        cohort_members.cohort_month_date,
        customer_mrr_monthly.month_start_date,
        count(*) as retained_customer_count,
        sum(customer_mrr_monthly.mrr_amount) as retained_mrr_amount
    from customer_mrr_monthly
    inner join cohort_members on customer_mrr_monthly.customer_id = cohort_members.customer_id
    group by cohort_members.cohort_month_date, customer_mrr_monthly.month_start_date
),

cohort_months as (
    select
        cohorts.cohort_month_date,
        date_diff('month', cohorts.cohort_month_date, revenue_months.month_start_date) as months_since_first_paid,
        revenue_months.month_start_date,
        revenue_months.is_complete_month,
        cohorts.starting_customer_count,
        coalesce(retained.retained_customer_count, 0) as retained_customer_count,
        coalesce(retained.retained_customer_count, 0) / cast(cohorts.starting_customer_count as double)
            as logo_retention_share,
        cast(cohorts.starting_mrr_amount as decimal(18, 2)) as starting_mrr_amount,
        cast(coalesce(retained.retained_mrr_amount, 0) as decimal(18, 2)) as retained_mrr_amount,
        cast(coalesce(retained.retained_mrr_amount, 0) as double) / cohorts.starting_mrr_amount
            as revenue_retention_ratio,
        coalesce(cohorts.cohort_month_date < data_window.first_date, false) as is_survivors_only
    from cohorts
    cross join data_window
    inner join revenue_months on cohorts.cohort_month_date <= revenue_months.month_start_date
    left join retained
        on
            cohorts.cohort_month_date = retained.cohort_month_date
            and revenue_months.month_start_date = retained.month_start_date
)

select * from cohort_months
