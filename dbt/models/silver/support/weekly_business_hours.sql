with zendesk_schedules as (
    {{ latest_versions(ref('zendesk__schedules'), 'schedule_ref') }}
),

default_business_hours as (
    select * from {{ ref('default_business_hours') }}
),

known_time_zones as (
    {{ known_time_zones() }}
),

usable_zendesk_schedules as (
    select
        'zendesk:' || schedules.schedule_ref as schedule_id,
        schedules.intervals
    from zendesk_schedules as schedules
    inner join known_time_zones on schedules.time_zone = known_time_zones.time_zone
),

zendesk_intervals as (
    {{ weekly_intervals('usable_zendesk_schedules') }}
),

default_minutes as (
    select
        hours.iso_weekday % 7 * 1440 as day_begins_minute,
        {{ minute_of_day('hours.opens_at') }} as opens_minute,
        {{ minute_of_day('hours.closes_at') }} as closes_minute
    from default_business_hours as hours
    inner join known_time_zones on hours.time_zone = known_time_zones.time_zone
),

all_intervals as (
    select * from zendesk_intervals
    union all
    select
        'default' as schedule_id,
        day_begins_minute + opens_minute as start_minute,
        day_begins_minute + closes_minute + if(closes_minute < opens_minute, 1440, 0) as end_minute
    from default_minutes
),

weekly_business_hours as (
    {{ hours_by_weekday('all_intervals') }}
)

select * from weekly_business_hours
