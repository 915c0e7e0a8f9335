{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='event_ref') }}

with product__events as (
    {{ latest_versions(
        '(select * from ' ~ changed_rows('product__events', 'event_ref')
        ~ ' where ' ~ arrived_in_time('product__events', 'occurred_at') ~ ')',
        'event_ref, occurred_at, event_name', 'received_at'
    ) }}
),

-- Some trackers give two events one id: the first in time keeps it. A repeat says the same time and name.
described as (
    select
        event_ref,
        row_number() over (partition by event_ref order by occurred_at, event_name) as event_number,
        workspace_ref,
        user_ref,
        device_ref,
        session_ref,
        event_name,
        feature,
        coalesce(quantity, 1) as quantity,
        coalesce(duration_seconds, 0) as duration_seconds,
        coalesce(error_count, 0) as error_count,
        occurred_at,
        greatest(occurred_at, received_at) as known_at
    from product__events
)

select * from described
