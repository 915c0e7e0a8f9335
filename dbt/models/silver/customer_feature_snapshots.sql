{{ customer_features_at(ref('feature_dates')) }},

labels as (
    select
        customer_features.customer_id,
        customer_features.as_of_date,
        customer_features.as_of_date + {{ churn_horizon_days() }} as label_known_date,
        coalesce(bool_or(
            versions.is_paid_status
            and versions.mrr_amount > 0
            and versions.paid_from_at < horizon_end
            and coalesce(versions.ended_at >= horizon_end, true)
        ), false) as is_subscriber_at_horizon
    from (
        select *, cast(as_of_date + {{ churn_horizon_days() }} + 1 as timestamp) as horizon_end
        from customer_features
        where is_subscriber
    ) as customer_features
    left join {{ ref('subscription_versions') }} as versions
        on
            customer_features.customer_id = versions.customer_id
            and versions.valid_from < horizon_end
            and coalesce(versions.valid_to >= horizon_end, true)
    group by all
),

data_end as (
    select last_date from {{ ref('data_window') }}
),

labelled as (
    select
        customer_features.*,
        if(labels.label_known_date <= data_end.last_date, not labels.is_subscriber_at_horizon, null) as is_churned,
        customer_features.as_of_date + {{ churn_horizon_days() }} as label_known_date
    from customer_features
    cross join data_end
    left join labels
        on
            customer_features.customer_id = labels.customer_id
            and customer_features.as_of_date = labels.as_of_date
)

select * from labelled
