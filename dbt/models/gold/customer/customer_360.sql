{{ config(
    materialized='incremental', incremental_strategy='delete+insert', unique_key='as_of_date',
    on_schema_change='append_new_columns'
) }}

with features as (
    select *
    from {{ ref('customer_features') }}
    where as_of_date = {{ as_of_date() }}
),

customers as (
    select * from {{ ref('dim_customer') }}
),

profile_completeness as (
    select * from {{ ref('customer_profile_completeness') }}
),

customer_days as (
    select * from {{ ref('fct_customer_daily') }}
),

customer_sales as (
    select *
    from {{ ref('customer_sales') }}
    where as_of_date = {{ as_of_date() }}
),

{% for name in ['rfm', 'clv', 'health', 'churn', 'incentives'] -%}
{{ name }} as (
    select *
    from {{ source('scored', 'customer_' ~ name) }}
    where as_of_date = {{ as_of_date() }}{{ ' and horizon_days = 365' if name == 'clv' }}
),

{% endfor -%}
joined as (
    select
        features.customer_id,
        features.as_of_date,
        customers.name,
        customers.kind,
        customers.email,
        customers.phone,
        customers.parent_customer_id,
        customers.household_id,
        profile_completeness.completeness_score,
        profile_completeness.completeness_level,
        features.industry,
        features.country,
        features.customer_since_date,
        features.tenure_days,
        customer_days.lifecycle_stage,
        features.is_subscriber,
        features.plan,
        features.mrr_amount,
        features.seat_count,
        features.days_until_renewal,
        features.is_cancel_at_period_end,
        features.open_invoice_amount,
        features.active_day_last_30_days_count,
        features.days_since_last_usage,
        features.ticket_last_90_days_count,
        features.open_ticket_count,
        features.csat_last_180_days_rating,
        features.nps_rating,
        features.days_since_last_interaction,
        customer_sales.owner_name,
        customer_sales.owner_email,
        customer_sales.open_opportunity_count,
        customer_sales.open_pipeline_amount,
        customer_sales.won_opportunity_share,
        rfm.purchase_count,
        rfm.spend_amount,
        rfm.days_since_last_purchase,
        rfm.r_score,
        rfm.f_score,
        rfm.m_score,
        rfm.rfm_segment,
        clv.model as clv_model,
        clv.predicted_clv_amount,
        clv.probability_alive,
        clv.value_tier,
        health.status as health_status,
        health.health_score,
        health.health_level,
        health.coverage_share as health_coverage_share,
        churn.status as churn_status,
        churn.churn_probability,
        churn.risk_level,
        churn.risk_percentile,
        churn.risk_ratio,
        churn.reason_1,
        churn.reason_2,
        churn.reason_3,
        clv.value_at_risk_amount,
        incentives.status as incentive_status,
        -- The best of the offers that do not pay is no offer.
        {%- for name in ['incentive_id', 'incentive_name', 'retention_lift'] %}
        if(incentives.status = 'offer', incentives.{{ name }}, null) as {{ name }},
        {%- endfor %}
        if(incentives.status = 'offer', incentives.cost_amount, null) as incentive_cost_amount,
        if(incentives.status = 'offer', incentives.expected_roi_amount, null) as expected_roi_amount,
        incentives.reason as incentive_reason,
        features.billing_interval,
        features.as_of_date + cast(features.days_until_renewal as integer) as next_renewal_date,
        cast(features.mrr_amount * 12 as decimal(18, 2)) as arr_amount,
        customer_sales.owner_ref,
        clv.status as clv_status,
        clv.predicted_clv_p05_amount,
        clv.predicted_clv_p95_amount,
        clv.value_at_stake_amount,
        churn.mitigation
    from features
    inner join customers on features.customer_id = customers.customer_id
    left join profile_completeness on features.customer_id = profile_completeness.customer_id
    left join customer_days
        on features.customer_id = customer_days.customer_id and features.as_of_date = customer_days.date
    left join customer_sales on features.customer_id = customer_sales.customer_id
    inner join rfm on features.customer_id = rfm.customer_id
    inner join clv on features.customer_id = clv.customer_id
    inner join health on features.customer_id = health.customer_id
    inner join churn on features.customer_id = churn.customer_id
    inner join incentives on features.customer_id = incentives.customer_id
)

select * from joined
