with subscription_periods as (
    select * from {{ ref('subscription_periods') }}
),

revenue_months as (
    select * from {{ ref('revenue_months') }}
),

customer_mrr_monthly as (
    select
        periods.customer_id,
        months.month_start_date,
        months.is_complete_month,
        cast(sum(periods.mrr_amount) as decimal(18, 2)) as mrr_amount,
        count(distinct periods.subscription_id) as paid_subscription_count
    from subscription_periods as periods
    inner join revenue_months as months
        on
            periods.valid_from < months.closes_at
            and periods.valid_to >= months.closes_at
    where periods.mrr_amount > 0
    group by periods.customer_id, months.month_start_date, months.is_complete_month
)

select * from customer_mrr_monthly
