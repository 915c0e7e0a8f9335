{{ config(materialized='view') }}

with received_usage_events as (
    select * from {{ ref('received_usage_events') }}
),

files__usage_events as (
    select
        *,
        row_number() over (partition by event_ref order by occurred_at, event_name) as event_number
    from {{ ref('files__usage_events') }}
),

workspace_identities as (
    {{ customer_of('product', 'workspaces') }}
),

file_identities as (
    {{ customer_of('files', 'customers') }}
),

product_events as (
    select
        'product:' || events.event_ref || {{ nth_of_one_id('events.event_number') }} as event_id,
        workspace_identities.customer_id,
        events.user_ref,
        events.device_ref,
        events.session_ref,
        events.event_name,
        events.feature,
        events.quantity,
        events.duration_seconds,
        events.error_count,
        events.occurred_at,
        events.known_at
    from received_usage_events as events
    inner join workspace_identities on events.workspace_ref = workspace_identities.source_ref
),

file_events as (
    select
        'files:' || events.event_ref || {{ nth_of_one_id('events.event_number') }} as event_id,
        file_identities.customer_id,
        events.user_ref,
        cast(null as text) as device_ref,
        events.session_ref,
        events.event_name,
        events.feature,
        coalesce(events.quantity, 1) as quantity,
        coalesce(events.duration_seconds, 0) as duration_seconds,
        coalesce(events.error_count, 0) as error_count,
        events.occurred_at,
        events.occurred_at as known_at
    from files__usage_events as events
    inner join file_identities on events.customer_ref = file_identities.source_ref
),

all_events as (
    select * from product_events
    union all
    select * from file_events
),

within_the_run as (
    select *
    from all_events
    where occurred_at < {{ run_ends_at() }}
)

select * from within_the_run
