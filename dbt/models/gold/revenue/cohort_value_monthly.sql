with spend_changes as (
    select * from {{ ref('spend_changes') }}
),

data_window as (
    select * from {{ ref('data_window') }}
),

subscription_periods as (
    select * from {{ ref('subscription_periods') }}
),

-- A contract may be older than the data, and its first known bill years younger: the contract says when it began.
subscribed as (
    select
        customer_id,
        cast(min(valid_from) as date) as first_subscribed_date
    from subscription_periods
    where mrr_amount > 0
    group by customer_id
),

purchased as (
    select
        customer_id,
        cast(min(purchased_at) as date) as first_purchase_date
    from spend_changes
    where is_purchase
    group by customer_id
),

cohort_members as (
    select
        purchased.customer_id,
        cast(
            date_trunc('month', least(purchased.first_purchase_date, subscribed.first_subscribed_date)) as date
        ) as cohort_month_date
    from purchased
    left join subscribed on purchased.customer_id = subscribed.customer_id
),

cohorts as (
    select
        cohort_month_date,
        count(*) as customer_count
    from cohort_members
    group by cohort_month_date
),

both_ends as (
    select
        min(cohorts.cohort_month_date) as first_day,
        min(data_window.last_date) as last_day
    from cohorts
    cross join data_window
),

months as (
    {{ months_between('both_ends', 'first_day', 'last_day') }}
),

-- Money that went back before the first purchase, a credit say, is of the first month.
spent as (
    select
        cohort_members.cohort_month_date,
        greatest(
            cast(date_trunc('month', spend_changes.changed_at) as date), cohort_members.cohort_month_date
        ) as month_start_date,
        sum(spend_changes.spend_change_amount) as revenue_amount
    from spend_changes
    inner join cohort_members on spend_changes.customer_id = cohort_members.customer_id
    group by all
),

cohort_months as (
    select
        cohorts.cohort_month_date,
        date_diff('month', cohorts.cohort_month_date, months.month_start_date) as months_since_first_purchase,
        months.month_start_date,
        last_day(months.month_start_date) <= data_window.last_date as is_complete_month,
        cohorts.customer_count,
        cast(coalesce(spent.revenue_amount, 0) as decimal(18, 2)) as revenue_amount,
        coalesce(cohorts.cohort_month_date <= data_window.first_date, false) as is_survivors_only
    from cohorts
    cross join data_window
    inner join months on cohorts.cohort_month_date <= months.month_start_date
    left join spent
        on
            cohorts.cohort_month_date = spent.cohort_month_date
            and months.month_start_date = spent.month_start_date
),

summed as (
    select
        *,
        sum(revenue_amount) over (
            partition by cohort_month_date order by month_start_date
            rows between unbounded preceding and current row
        ) as cumulative_revenue_amount
    from cohort_months
),

per_customer as (
    select
        cohort_month_date,
        months_since_first_purchase,
        month_start_date,
        is_complete_month,
        customer_count,
        revenue_amount,
        cast(cumulative_revenue_amount as decimal(18, 2)) as cumulative_revenue_amount,
        cast(cumulative_revenue_amount / cast(customer_count as double) as decimal(18, 2))
            as revenue_per_customer_amount,
        cast(cumulative_revenue_amount * {{ gross_margin_share() }} / cast(customer_count as double) as decimal(18, 2))
            as margin_per_customer_amount,
        is_survivors_only
    from summed
)

select * from per_customer
