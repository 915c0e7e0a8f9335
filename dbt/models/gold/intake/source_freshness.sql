with newest_rows as (
    {%- for name, contract in contracts_with('newest_at') %}
    {%- set system, object_name = name.split('__', 1) %}
    select
        '{{ system }}' as system,
        '{{ object_name }}' as object,
        count(*) as kept_row_count,
        cast(max({{ contract.newest_at }}) as timestamp) as last_event_at,
        max(_loaded_at) as last_loaded_at
    from {{ ref(name) }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

-- Nothing can have happened after it was loaded: a date beyond that is planned or wrong, and no sign of life.
with_age as (
    select
        system,
        object,
        kept_row_count,
        last_event_at,
        last_loaded_at,
        date_diff(
            'day',
            cast(least(last_event_at, last_loaded_at) as date),
            cast(max(least(last_event_at, last_loaded_at)) over () as date)
        ) as age_days
    from newest_rows
)

select * from with_age
