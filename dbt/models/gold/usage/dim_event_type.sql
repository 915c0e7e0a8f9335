with interaction_kinds as (
    select * from {{ ref('interaction_kinds') }}
),

usage_events as (
    select * from {{ ref('usage_events') }}
),

product_events as (
    select
        event_name,
        bool_or(feature is not null) as has_feature
    from usage_events
    group by event_name
),

-- The vendor's names are free text: the category is read from what they usually say.
categorised_product_events as (
    select
        'product:' || event_name as event_type,
        'product' as event_source,
        event_name,
        case
            when has_feature then 'feature use'
            when {{ says('event_name', '(log|sign)(ged|ed)?.?(in|out|on|off|up)|session') }} then 'access'
            when {{ says('event_name', 'invit|user|member|role|permission|team') }} then 'administration'
            when {{ says('event_name', 'error|fail|crash|exception') }} then 'error'
            else 'other'
        end as category,
        'Product event, as the product names it' as description
    from product_events
),

interactions as (
    select
        interaction_kind as event_type,
        'interaction' as event_source,
        interaction_kind as event_name,
        category,
        description
    from interaction_kinds
),

all_event_types as (
    select * from interactions
    union all
    select * from categorised_product_events
)

select * from all_event_types
