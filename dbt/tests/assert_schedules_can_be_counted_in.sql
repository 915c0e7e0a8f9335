{{ config(severity='warn') }}

-- A returned row is a schedule whose time zone is unknown or that has no readable opening hours. The tickets that name
-- it are counted in the oldest usable schedule of their system, or in the default one.
with zendesk_schedules as (
    {{ latest_versions(ref('zendesk__schedules'), 'schedule_ref') }}
),

business_schedules as (
    select * from {{ ref('business_schedules') }}
),

unusable_schedules as (
    select
        zendesk_schedules.schedule_ref,
        zendesk_schedules.time_zone,
        zendesk_schedules.intervals
    from zendesk_schedules
    left join business_schedules on 'zendesk:' || zendesk_schedules.schedule_ref = business_schedules.schedule_id
    where business_schedules.schedule_id is null
)

select * from unusable_schedules
