with late_rows as (
    select * from {{ ref('late_rows') }}
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
        ) as late_row_count
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select * from counts
