with incentive_outcomes as (
    select * from {{ ref('incentive_outcomes') }}
),

customer_feature_snapshots as (
    select * from {{ ref('customer_feature_snapshots') }}
),

outcomes as (
    select
        outcome_id,
        customer_id,
        incentive_id,
        propensity_probability,
        cast(offered_at as date) as offered_date,
        accepted_at is not null as is_accepted,
        cost_amount,
        is_retained,
        observed_until_date
    from incentive_outcomes
),

-- The customer as known at the month-end before the offer: nothing that the offer could have changed.
with_features as (
    select
        outcomes.*,
        snapshots.plan,
        snapshots.billing_interval,
        snapshots.mrr_amount,
        snapshots.seat_count,
        snapshots.active_day_last_30_days_count,
        snapshots.subscription_tenure_days,
        snapshots.days_until_renewal,
        snapshots.failed_payment_last_90_days_count
    from outcomes
    left join customer_feature_snapshots as snapshots
        on
            outcomes.customer_id = snapshots.customer_id
            and snapshots.as_of_date = cast(date_trunc('month', outcomes.offered_date) as date) - 1
)

select * from with_features
