with customer_feature_days as (
    select
        customer_id,
        user_ref,
        feature,
        quantity,
        cast(occurred_at as date) as usage_date
    from {{ ref('usage_events') }}
    where feature is not null
),

described as (
    select
        feature,
        min(usage_date) as first_used_date,
        max(usage_date) as last_used_date,
        count(distinct customer_id) as customer_count,
        count(*) as event_count,
        cast(sum(quantity) as bigint) as use_count
    from customer_feature_days
    group by feature
)

select * from described
