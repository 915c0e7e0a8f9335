with business_schedules as (
    select * from {{ ref('business_schedules') }}
),

weekly_business_hours as (
    select * from {{ ref('weekly_business_hours') }}
),

zendesk_holidays as (
    {{ latest_versions(ref('zendesk__holidays'), 'holiday_ref') }}
),

default_business_holidays as (
    select * from {{ ref('default_business_holidays') }}
),

tickets as (
    select * from {{ ref('tickets') }}
),

holidays as (
    select
        'zendesk:' || schedule_ref as schedule_id,
        first_date,
        last_date
    from zendesk_holidays
    union all
    select
        'default' as schedule_id,
        first_date,
        last_date
    from default_business_holidays
),

ticket_period as (
    select
        min(opened_at) as first_at,
        max(greatest(opened_at, first_reply_at, first_solved_at, solved_at)) as last_at
    from tickets
),

business_hours as (
    {{ business_hours_in_utc('business_schedules', 'weekly_business_hours', 'holidays', 'ticket_period') }}
)

select * from business_hours
