with late_rows as (
    select * from {{ ref('late_rows') }}
),

left_out as (
    select
        system,
        object,
        cast(sum(row_count) as bigint) as left_out_row_count
    from {{ ref('left_out_rows') }}
    group by system, object
),

counts as (
    {%- for name in bronze_contracts() %}
    {%- set system, object_name = name.split('__', 1) %}
    select
        '{{ system }}' as system,
        '{{ object_name }}' as object,
        (select count(*) from {{ landing_rows(system, object_name) }}) as landed_row_count,
        (select count(*) from {{ ref(name) }}) as kept_row_count,
        (select count(*) from {{ quarantine_of(name) }}) as quarantined_row_count,
        (select count(_faults) from {{ ref(name) }}) as incomplete_row_count,
        (
            select count(*)
            from late_rows
            where system = '{{ system }}' and object = '{{ object_name }}'
        ) as late_row_count,
        {{ reached_row_count(name) }} as reached_row_count
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

with_left_out as (
    select
        counts.*,
        coalesce(left_out.left_out_row_count, 0) as left_out_row_count
    from counts
    left join left_out on counts.system = left_out.system and counts.object = left_out.object
)

select * from with_left_out
