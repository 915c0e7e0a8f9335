{#
  The support clock: how many seconds of business time have passed at any moment, so that the business time between two
  moments is a difference of two look-ups. Nothing here reads a relation that it was not given, so that the tests run
  the same SQL on schedules of their own.

  A second is business time when the wall clock of the schedule's time zone then reads inside of the opening hours, on
  a local date that is no holiday. Hence the hour that is lost in spring counts for nobody, and one that comes twice in
  autumn counts twice when it lies inside of the hours.
#}

{# Days after the first resolution in which a reopening shows that the first contact did not resolve the ticket. #}
{% macro first_contact_window_days() -%}
    7
{%- endmacro %}

{# The moment so many days or minutes later. #}
{% macro moment_after(at, unit, amount) -%}
    {{ at }} + to_{{ unit }}({{ amount }})
{%- endmacro %}

{# Whole minutes that have passed between two moments; empty when one is missing or they are in the wrong order. #}
{% macro whole_minutes(from_at, to_at) -%}
    if({{ to_at }} >= {{ from_at }}, date_diff('second', {{ from_at }}, {{ to_at }}) // 60, null)
{%- endmacro %}

{# The IANA time zones that the engine knows. #}
{% macro known_time_zones() -%}
    select name as time_zone from pg_timezone_names()
{%- endmacro %}

{#
  One row per interval of a schedule, from a JSON list of {start_time, end_time} in minutes since Sunday 00:00. An
  interval that ends before it starts runs over the end of the week.
#}
{% macro weekly_intervals(schedules) -%}
    select
        schedule_id,
        start_minute,
        if(end_minute < start_minute, end_minute + 10080, end_minute) as end_minute
    from (
        select
            schedule_id,
            try_cast(json_extract_string(interval_json, '$.start_time') as bigint) as start_minute,
            try_cast(json_extract_string(interval_json, '$.end_time') as bigint) as end_minute
        from (
            select schedule_id, unnest(cast(json_extract(intervals, '$[*]') as json[])) as interval_json
            from {{ schedules }}
            where json_valid(intervals)
        ) as listed
    ) as parsed
    where start_minute between 0 and 10080 and end_minute between 0 and 20160
{%- endmacro %}

{# Minutes since local midnight of a time written as HH:MM; 24:00 ends the day. #}
{% macro minute_of_day(written) -%}
    (try_cast(split_part({{ written }}, ':', 1) as bigint) * 60 + try_cast(split_part({{ written }}, ':', 2) as bigint))
{%- endmacro %}

{#
  One row per schedule, weekday (0 Sunday to 6 Saturday) and stretch of opening hours, in minutes since local midnight.
  Intervals are cut at midnight, because a holiday takes a local date; those that touch or overlap become one.
#}
{% macro hours_by_weekday(intervals) -%}
    with cut_at_midnight as (
        select
            intervals.schedule_id,
            days.day_number % 7 as weekday,
            greatest(intervals.start_minute, days.day_number * 1440) - days.day_number * 1440 as from_minute,
            least(intervals.end_minute, (days.day_number + 1) * 1440) - days.day_number * 1440 as to_minute
        from {{ intervals }} as intervals
        inner join (select unnest(generate_series(0, 13)) as day_number) as days
            on
                intervals.start_minute < (days.day_number + 1) * 1440
                and intervals.end_minute > days.day_number * 1440
                and intervals.start_minute < intervals.end_minute
    ),

    beginnings_of_stretches as (
        select
            *,
            coalesce(
                from_minute > max(to_minute) over (
                    partition by schedule_id, weekday order by from_minute, to_minute
                    rows between unbounded preceding and 1 preceding
                ),
                true
            ) as begins_stretch
        from cut_at_midnight
    ),

    numbered_stretches as (
        select
            *,
            count(*) filter (where begins_stretch) over (
                partition by schedule_id, weekday order by from_minute, to_minute
                rows between unbounded preceding and current row
            ) as stretch_number
        from beginnings_of_stretches
    )

    select
        schedule_id,
        weekday,
        min(from_minute) as from_minute,
        max(to_minute) as to_minute
    from numbered_stretches
    group by schedule_id, weekday, stretch_number
{%- endmacro %}

{#
  One row per schedule and stretch of opening hours between two moments, in UTC, with the business seconds before it.

  `schedules`: schedule_id, time_zone. `weekly_hours`: as `hours_by_weekday` gives it. `holidays`: schedule_id,
  first_date, last_date (local, both off). `period`: one row with first_at and last_at, UTC.

  The rule of a time zone is read from its UTC offset: first at each UTC midnight, then, on the few days that end with
  another offset than they began, at each minute. Between two changes local time runs evenly, and a stretch of local
  time is moved to UTC by a subtraction; no local time is ever converted that does not exist or comes twice.
#}
{% macro business_hours_in_utc(schedules, weekly_hours, holidays, period) -%}
    with zone_days as (
        select
            zones.time_zone,
            unnest(generate_series(
                date_trunc('day', period.first_at) - interval 2 day,
                date_trunc('day', period.last_at) + interval 2 day,
                interval 1 day
            )) as day_start_at
        from {{ period }} as period
        cross join (select distinct time_zone from {{ schedules }}) as zones
    ),

    offset_days as (
        select
            time_zone,
            day_start_at,
            {{ utc_offset_seconds('time_zone', 'day_start_at') }} as offset_seconds,
            {{ utc_offset_seconds('time_zone', 'day_start_at + interval 1 day') }} as next_offset_seconds
        from zone_days
    ),

    minutes_of_changing_days as (
        select
            time_zone,
            unnest(generate_series(
                day_start_at + interval 1 minute, day_start_at + interval 1 day, interval 1 minute
            )) as minute_at,
            offset_seconds as day_offset_seconds
        from offset_days
        where offset_seconds <> next_offset_seconds
    ),

    offset_minutes as (
        select
            *,
            {{ utc_offset_seconds('time_zone', 'minute_at') }} as offset_seconds
        from minutes_of_changing_days
    ),

    offset_changes as (
        select
            time_zone,
            minute_at as from_at,
            offset_seconds
        from offset_minutes
        qualify
            offset_seconds <> lag(offset_seconds, 1, day_offset_seconds) over (
                partition by time_zone, date_trunc('day', minute_at - interval 1 minute) order by minute_at
            )
    ),

    offset_beginnings as (
        (
            select time_zone, day_start_at as from_at, offset_seconds
            from offset_days
            qualify row_number() over (partition by time_zone order by day_start_at) = 1
        )
        union all
        select time_zone, from_at, offset_seconds
        from offset_changes
    ),

    offset_periods as (
        select
            time_zone,
            offset_seconds,
            from_at + to_seconds(offset_seconds) as local_from_at,
            coalesce(
                lead(from_at) over (partition by time_zone order by from_at),
                (select max(day_start_at) + interval 1 day from zone_days)
            ) + to_seconds(offset_seconds) as local_to_at
        from offset_beginnings
    ),

    local_days as (
        select
            schedules.schedule_id,
            schedules.time_zone,
            cast(zone_days.day_start_at as date) as local_date
        from {{ schedules }} as schedules
        inner join zone_days on schedules.time_zone = zone_days.time_zone
        where not exists (
            select 1
            from {{ holidays }} as holidays
            where
                holidays.schedule_id = schedules.schedule_id
                and cast(zone_days.day_start_at as date) between holidays.first_date and holidays.last_date
        )
    ),

    local_stretches as (
        select
            local_days.schedule_id,
            local_days.time_zone,
            local_days.local_date + to_minutes(weekly_hours.from_minute) as local_from_at,
            local_days.local_date + to_minutes(weekly_hours.to_minute) as local_to_at
        from local_days
        inner join {{ weekly_hours }} as weekly_hours
            on
                local_days.schedule_id = weekly_hours.schedule_id
                and extract(dow from local_days.local_date) = weekly_hours.weekday
    ),

    stretches as (
        select
            local_stretches.schedule_id,
            greatest(local_stretches.local_from_at, offset_periods.local_from_at)
            - to_seconds(offset_periods.offset_seconds) as starts_at,
            least(local_stretches.local_to_at, offset_periods.local_to_at)
            - to_seconds(offset_periods.offset_seconds) as ends_at
        from local_stretches
        inner join offset_periods
            on
                local_stretches.time_zone = offset_periods.time_zone
                and local_stretches.local_from_at < offset_periods.local_to_at
                and local_stretches.local_to_at > offset_periods.local_from_at
    )

    select
        schedule_id,
        starts_at,
        ends_at,
        cast(coalesce(
            sum(date_diff('second', starts_at, ends_at)) over (
                partition by schedule_id order by starts_at rows between unbounded preceding and 1 preceding
            ),
            0
        ) as bigint) as business_seconds_before
    from stretches
{%- endmacro %}

{# Seconds that a time zone's wall clock is ahead of UTC at a moment given in UTC. #}
{% macro utc_offset_seconds(time_zone, at) -%}
    date_diff('second', {{ at }}, timezone({{ time_zone }}, timezone('UTC', {{ at }})))
{%- endmacro %}

{# Joins the last stretch of business hours that had begun at a moment, under a name of its own. #}
{% macro join_business_hours(business_hours, alias, schedule_id, at) -%}
    asof left join {{ business_hours }} as {{ alias }}
    on {{ schedule_id }} = {{ alias }}.schedule_id and {{ at }} >= {{ alias }}.starts_at
{%- endmacro %}

{# Business seconds from the beginning of the data to a moment, by the stretch that `join_business_hours` found. #}
{% macro business_seconds_until(alias, at) -%}
    coalesce(
        {{ alias }}.business_seconds_before
        + date_diff('second', {{ alias }}.starts_at, least({{ at }}, {{ alias }}.ends_at)),
        0
    )
{%- endmacro %}

{#
  Whole business minutes between two moments, each with its joined stretch; empty like `whole_minutes`, and without a
  schedule.
#}
{% macro business_minutes(schedule_id, from_alias, from_at, to_alias, to_at) -%}
    if(
        {{ to_at }} >= {{ from_at }} and {{ schedule_id }} is not null,
        ({{ business_seconds_until(to_alias, to_at) }} - {{ business_seconds_until(from_alias, from_at) }}) // 60,
        null
    )
{%- endmacro %}
