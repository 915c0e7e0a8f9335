{%- set dimensions = {
    'all': "'all'", 'plan': 'openings.plan', 'seats': 'openings.seat_band', 'country': 'openings.country'
} -%}
with customer_mrr_monthly as (
    select * from {{ ref('customer_mrr_monthly') }}
),

subscription_periods as (
    select * from {{ ref('subscription_periods') }}
    where mrr_amount > 0
),

revenue_months as (
    select * from {{ ref('revenue_months') }}
),

customers as (
    select * from {{ ref('customers') }}
),

data_window as (
    select * from {{ ref('data_window') }}
),

-- What a customer had at the end of a month: the plan of the largest part, and all seats.
held as (
    select
        periods.customer_id,
        months.month_start_date,
        arg_max(coalesce(periods.plan, 'unknown'), (periods.mrr_amount, periods.subscription_item_id)) as plan,
        sum(periods.seat_count) as seat_count
    from subscription_periods as periods
    inner join revenue_months as months
        on
            periods.valid_from < months.closes_at
            and periods.valid_to >= months.closes_at
    group by periods.customer_id, months.month_start_date
),

openings as (
    select
        customer_mrr_monthly.customer_id,
        cast(customer_mrr_monthly.month_start_date + interval 12 month as date) as month_start_date,
        customer_mrr_monthly.mrr_amount,
        held.plan,
        case
            when held.seat_count <= 5 then '1 to 5'
            when held.seat_count <= 20 then '6 to 20'
            when held.seat_count <= 100 then '21 to 100'
            when held.seat_count > 100 then 'over 100'
            else 'unknown'
        end as seat_band,
        coalesce(customers.country, 'unknown') as country
    from customer_mrr_monthly
    inner join held
        on
            customer_mrr_monthly.customer_id = held.customer_id
            and customer_mrr_monthly.month_start_date = held.month_start_date
    left join customers on customer_mrr_monthly.customer_id = customers.customer_id
),

-- Who paid 12 months ago, and what of it is there now; a customer stays in the groups of then.
then_and_now as (
    {%- for name, value in dimensions.items() %}
    select
        openings.month_start_date,
        '{{ name }}' as dimension_name,
        {{ value }} as dimension_value,
        openings.mrr_amount as starting_mrr_amount,
        coalesce(closings.mrr_amount, 0) as ending_mrr_amount
    from openings
    left join customer_mrr_monthly as closings
        on openings.customer_id = closings.customer_id and openings.month_start_date = closings.month_start_date
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

per_group as (
    select
        then_and_now.month_start_date,
        then_and_now.dimension_name,
        then_and_now.dimension_value,
        count(*) as starting_customer_count,
        count(*) filter (where then_and_now.ending_mrr_amount > 0) as retained_customer_count,
        sum(then_and_now.starting_mrr_amount) as starting_mrr_amount,
        sum(then_and_now.ending_mrr_amount) as ending_mrr_amount,
        sum(least(then_and_now.starting_mrr_amount, then_and_now.ending_mrr_amount)) as kept_mrr_amount
    from then_and_now
    group by then_and_now.month_start_date, then_and_now.dimension_name, then_and_now.dimension_value
),

with_ratios as (
    select
        per_group.month_start_date,
        per_group.dimension_name,
        per_group.dimension_value,
        revenue_months.is_complete_month,
        coalesce(
            cast(per_group.month_start_date - interval 12 month as date) < data_window.first_date, false
        ) as is_survivors_only,
        per_group.starting_customer_count,
        per_group.retained_customer_count,
        cast(per_group.starting_mrr_amount as decimal(18, 2)) as starting_mrr_amount,
        cast(per_group.ending_mrr_amount as decimal(18, 2)) as ending_mrr_amount,
        cast(per_group.kept_mrr_amount as decimal(18, 2)) as kept_mrr_amount,
        cast(per_group.ending_mrr_amount as double) / per_group.starting_mrr_amount
            as trailing_12_month_net_revenue_retention_ratio,
        cast(per_group.kept_mrr_amount as double) / per_group.starting_mrr_amount
            as trailing_12_month_gross_revenue_retention_share,
        cast(per_group.retained_customer_count as double) / per_group.starting_customer_count
            as trailing_12_month_logo_retention_share
    from per_group
    inner join revenue_months on per_group.month_start_date = revenue_months.month_start_date
    cross join data_window
)

select * from with_ratios
