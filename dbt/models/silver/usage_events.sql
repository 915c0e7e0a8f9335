with delivered_once as (
    {{ latest_versions(ref('product__events'), 'event_ref', 'received_at') }}
),

product_events as (
    select
        'product:' || events.event_ref as event_id,
        workspaces.customer_id,
        events.user_ref,
        events.session_ref,
        events.event_name,
        events.feature,
        coalesce(events.quantity, 1) as quantity,
        coalesce(events.duration_seconds, 0) as duration_seconds,
        coalesce(events.error_count, 0) as error_count,
        events.occurred_at,
        greatest(events.occurred_at, events.received_at) as known_at
    from delivered_once as events
    inner join {{ customer_of('product', 'workspaces') }} as workspaces
        on events.workspace_ref = workspaces.source_ref
),

file_events as (
    select
        'files:' || events.event_ref as event_id,
        customers.customer_id,
        events.user_ref,
        events.session_ref,
        events.event_name,
        events.feature,
        coalesce(events.quantity, 1) as quantity,
        coalesce(events.duration_seconds, 0) as duration_seconds,
        coalesce(events.error_count, 0) as error_count,
        events.occurred_at,
        events.occurred_at as known_at
    from {{ ref('files__usage_events') }} as events
    inner join {{ customer_of('files', 'customers') }} as customers
        on events.customer_ref = customers.source_ref
),

all_events as (
    select * from product_events
    union all
    select * from file_events
)

select * from all_events
