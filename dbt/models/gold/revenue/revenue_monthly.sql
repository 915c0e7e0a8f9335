{%- set kinds = ['new', 'expansion', 'contraction', 'churn', 'reactivation'] -%}
with revenue_months as (
    select * from {{ ref('revenue_months') }}
),

customer_mrr_monthly as (
    select * from {{ ref('customer_mrr_monthly') }}
),

fct_mrr_movements as (
    select * from {{ ref('fct_mrr_movements') }}
),

mrr_bases_monthly as (
    select * from {{ ref('mrr_bases_monthly') }}
),

month_ends as (
    select
        month_start_date,
        sum(mrr_amount) as mrr_amount,
        count(*) as customer_count
    from customer_mrr_monthly
    group by month_start_date
),

movements as (
    select
        {%- for kind in kinds %}
        sum(movement_mrr_amount) filter (where movement_kind = '{{ kind }}') as {{ kind }}_mrr_amount,
        count(*) filter (where movement_kind = '{{ kind }}') as {{ kind }}_customer_count,
        {%- endfor %}
        month_start_date
    from fct_mrr_movements
    group by month_start_date
),

-- Start and end are read from the month-ends alone; that the movements lie between them is tested, not made so.
bridge as (
    select
        months.month_start_date,
        months.month_end_date,
        months.is_complete_month,
        coalesce(openings.mrr_amount, 0) as starting_mrr_amount,
        coalesce(closings.mrr_amount, 0) as ending_mrr_amount,
        coalesce(openings.customer_count, 0) as starting_customer_count,
        {%- for kind in kinds %}
        coalesce(movements.{{ kind }}_mrr_amount, 0) as {{ kind }}_mrr_amount,
        coalesce(movements.{{ kind }}_customer_count, 0) as {{ kind }}_customer_count,
        {%- endfor %}
        coalesce(closings.customer_count, 0) as ending_customer_count,
        coalesce(bases.contracted_mrr_amount, 0) as contracted_mrr_amount,
        coalesce(bases.strict_mrr_amount, 0) as strict_mrr_amount,
        coalesce(bases.collected_mrr_amount, 0) as collected_mrr_amount
    from revenue_months as months
    left join month_ends as closings on months.month_start_date = closings.month_start_date
    left join month_ends as openings
        on months.month_start_date = cast(openings.month_start_date + interval 1 month as date)
    left join movements on months.month_start_date = movements.month_start_date
    left join mrr_bases_monthly as bases on months.month_start_date = bases.month_start_date
),

with_ratios as (
    select
        month_start_date,
        month_end_date,
        is_complete_month,
        cast(starting_mrr_amount as decimal(18, 2)) as starting_mrr_amount,
        cast(new_mrr_amount as decimal(18, 2)) as new_mrr_amount,
        cast(expansion_mrr_amount as decimal(18, 2)) as expansion_mrr_amount,
        cast(contraction_mrr_amount as decimal(18, 2)) as contraction_mrr_amount,
        cast(churn_mrr_amount as decimal(18, 2)) as churn_mrr_amount,
        cast(reactivation_mrr_amount as decimal(18, 2)) as reactivation_mrr_amount,
        cast(ending_mrr_amount as decimal(18, 2)) as ending_mrr_amount,
        cast(ending_mrr_amount * 12 as decimal(18, 2)) as ending_arr_amount,
        contracted_mrr_amount,
        strict_mrr_amount,
        collected_mrr_amount,
        starting_customer_count,
        new_customer_count,
        expansion_customer_count,
        contraction_customer_count,
        churn_customer_count as churned_customer_count,
        reactivation_customer_count as reactivated_customer_count,
        ending_customer_count,
        cast(
            starting_mrr_amount + expansion_mrr_amount + contraction_mrr_amount + churn_mrr_amount as double
        ) / nullif(starting_mrr_amount, 0) as monthly_net_revenue_retention_ratio,
        cast(starting_mrr_amount + contraction_mrr_amount + churn_mrr_amount as double)
        / nullif(starting_mrr_amount, 0) as monthly_gross_revenue_retention_share,
        cast(churn_customer_count as double) / nullif(starting_customer_count, 0) as logo_churn_share,
        cast(new_mrr_amount + expansion_mrr_amount + reactivation_mrr_amount as double)
        / nullif(-(contraction_mrr_amount + churn_mrr_amount), 0) as quick_ratio,
        cast(round(cast(ending_mrr_amount as double) / nullif(ending_customer_count, 0), 2) as decimal(18, 2))
            as mrr_per_customer_amount
    from bridge
)

select * from with_ratios
