{{ config(materialized='view') }}

with files__loyalty_events as (
    select * from {{ ref('files__loyalty_events') }}
),

file_identities as (
    {{ customer_of('files', 'customers') }}
),

-- Some programmes write what goes away with a minus, some without; earned points below 0 are taken back.
file_events as (
    select
        'files:' || events.event_ref as loyalty_event_id,
        file_identities.customer_id,
        events.occurred_at,
        events.kind as event_kind,
        case
            when events.kind in ('redeem', 'expire') then -abs(coalesce(events.points, 0))
            when events.kind = 'earn' then coalesce(events.points, 0)
            else 0
        end as points_change,
        events.tier as stated_tier
    from files__loyalty_events as events
    inner join file_identities on events.customer_ref = file_identities.source_ref
),

within_the_run as (
    select *
    from file_events
    where occurred_at < {{ run_ends_at() }}
)

select * from within_the_run
