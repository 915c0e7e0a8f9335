"""What is asked of bronze, quarantine and the published gold about a delivery: the SQL of `intake.py`.

Each is for one object `{name}`, but for the two that put all objects together.
"""

FAULTS = """
    select
        '{name}' as object, 'quarantined' as fate, source_file, source_line, loaded_at, reason,
        unnest(list_distinct(list_append(
            list_filter(
                list_transform(string_split(reason, '; '), lambda fault: split_part(fault, ': ', 1)),
                lambda named: list_contains({columns}, named)
            ),
            column_name
        ))) as column_name
    from quarantine.{name}
    union all
    select
        '{name}', 'left out', _source_file, _source_line, _loaded_at, _faults,
        unnest(list_distinct(list_filter(
            list_transform(string_split(_faults, '; '), lambda fault: split_part(fault, ': ', 1)),
            lambda named: list_contains({columns}, named)
        )))
    from bronze.{name}
    where _faults is not null
"""

FILES = """
    select '{name}' as object, _source_file as source_file, _loaded_at as loaded_at, count(*) as row_count
    from bronze.{name} group by all
    union all
    select '{name}', source_file, loaded_at, count(*) from quarantine.{name} group by all
"""

# Of the rows of the last day on which an object was delivered: what is older was told then.
FAILING = """
    with files as ({files}),
    faults as ({faults}),
    last_delivery as (select object, cast(max(loaded_at) as date) as loaded_date from files group by object),
    delivered as (
        select object, source_file, sum(row_count) as row_count
        from files inner join last_delivery using (object)
        where cast(loaded_at as date) = loaded_date
        group by all
    ),
    objects as (select object, sum(row_count) as row_count from delivered group by object),
    per_file as (
        select
            object, fate, column_name, source_file, count(*) as bad_row_count,
            arg_min(reason, source_line) as reason, min(source_line) as source_line
        from faults inner join last_delivery using (object)
        where cast(loaded_at as date) = loaded_date
        group by all
    ),
    per_column as (
        select
            object, fate, column_name,
            sum(bad_row_count) as bad_row_count,
            arg_min(reason, (source_file, source_line)) as reason,
            arg_min(source_file, (source_file, source_line)) as source_file,
            arg_min(source_line, (source_file, source_line)) as source_line
        from per_file group by all
    )
    select
        per_file.object, 'file' as kind, per_file.column_name, per_file.source_file, per_file.source_line,
        per_file.reason, bad_row_count, delivered.row_count
    from per_file inner join delivered using (object, source_file)
    where fate = 'quarantined' and bad_row_count = delivered.row_count
    union all
    select object, fate, column_name, source_file, source_line, reason, bad_row_count, objects.row_count
    from per_column inner join objects using (object)
    order by all
"""

NEWEST = """
    select
        '{name}' as object, cast(max({newest_at}) as date) as newest_date
    from bronze.{name}
"""

PUBLISHED_NEWEST = """
    select system || '__' || object, cast(last_event_at as date)
    from published.gold.source_freshness
    where last_event_at <= last_loaded_at -- a date beyond its own load was wrong, and proves nothing
"""

# Rows of the week up to the day, beside the leanest and the fullest week of the three months before.
WEEKS = """
    select
        '{name}' as object,
        arg_max(week_row_count, day) as row_count,
        min(week_row_count) filter (day <= $day - {window}) as low,
        max(week_row_count) filter (day <= $day - {window}) as high
    from (
        select
            day,
            sum(coalesce(row_count, 0)) over (order by day rows between {window} - 1 preceding and current row)
                as week_row_count
        from (
            select cast(unnest(generate_series($day - {span}, $day, interval 1 day)) as date) as day
        ) as days
        left join (
            select cast({newest_at} as date) as day, count(*) as row_count
            from bronze.{name} where {newest_at} >= $day - {span} and {newest_at} < $day + 1
            group by all
        ) as counted using (day)
    )
    where
        day > $day - {span} + {window}
        and (select min({newest_at}) from bronze.{name}) < $day - {span} + 1
"""
