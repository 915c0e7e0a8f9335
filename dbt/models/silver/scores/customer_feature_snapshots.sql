{{ customer_features_at(ref('feature_dates')) }},

subscription_versions as (
    select * from {{ ref('subscription_versions') }}
),

data_window as (
    select * from {{ ref('data_window') }}
),

subscriber_horizons as (
    select
        customer_id,
        as_of_date,
        as_of_date + {{ churn_horizon_days() }} as label_known_date,
        cast(as_of_date + {{ churn_horizon_days() }} + 1 as timestamp) as horizon_end
    from customer_features
    where is_subscriber
),

labels as (
    select
        horizons.customer_id,
        horizons.as_of_date,
        horizons.label_known_date,
        coalesce(bool_or(
            versions.is_paid_status
            and versions.list_mrr_amount > 0
            and versions.paid_from_at < horizons.horizon_end
            and coalesce(versions.ended_at >= horizons.horizon_end, true)
        ), false) as is_subscriber_at_horizon
    from subscriber_horizons as horizons
    left join subscription_versions as versions
        on
            horizons.customer_id = versions.customer_id
            and horizons.horizon_end > versions.valid_from
            and horizons.horizon_end <= versions.valid_to
    group by horizons.customer_id, horizons.as_of_date, horizons.label_known_date
),

labelled as (
    select
        customer_features.*,
        if(labels.label_known_date <= data_window.last_date, not labels.is_subscriber_at_horizon, null) as is_churned,
        customer_features.as_of_date + {{ churn_horizon_days() }} as label_known_date
    from customer_features
    cross join data_window
    left join labels
        on
            customer_features.customer_id = labels.customer_id
            and customer_features.as_of_date = labels.as_of_date
)

select * from labelled
