with usage_events as (
    select * from {{ ref('usage_events') }}
),

purchase_days as (
    select * from {{ ref('purchase_days') }}
),

activity_days as (
    select
        customer_id,
        'use' as activity_kind,
        cast(occurred_at as date) as activity_date,
        min(known_at) as known_at
    from usage_events
    where customer_id is not null
    group by customer_id, activity_date
    union all
    select
        customer_id,
        'purchases' as activity_kind,
        purchase_date as activity_date,
        cast(purchase_date as timestamp) as known_at
    from purchase_days
)

select * from activity_days
