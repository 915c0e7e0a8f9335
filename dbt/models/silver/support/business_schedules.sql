with zendesk_schedules as (
    {{ latest_versions(ref('zendesk__schedules'), 'schedule_ref') }}
),

default_business_hours as (
    select * from {{ ref('default_business_hours') }}
),

weekly_business_hours as (
    select distinct schedule_id from {{ ref('weekly_business_hours') }}
),

delivered_schedules as (
    select
        'zendesk:' || schedule_ref as schedule_id,
        'zendesk' as system,
        schedule_ref,
        name,
        time_zone,
        created_at
    from zendesk_schedules
    union all
    select
        'default' as schedule_id,
        'default' as system,
        'default' as schedule_ref,
        'Default hours' as name,
        min(time_zone) as time_zone,
        cast(null as timestamp) as created_at
    from default_business_hours
),

usable_schedules as (
    select delivered_schedules.*
    from delivered_schedules
    inner join weekly_business_hours on delivered_schedules.schedule_id = weekly_business_hours.schedule_id
),

-- Tickets without a schedule are counted in the oldest one of their system.
with_default as (
    select
        *,
        row_number() over (
            partition by system order by created_at, length(schedule_ref), schedule_ref
        ) = 1 as is_default
    from usable_schedules
)

select * from with_default
