with late_rows as (
    {%- for bronze_table, contract in contracts_with('happened_at') %}
    {%- set occurred_at = contract.happened_at %}
    {%- set system, object_name = bronze_table.split('__', 1) %}
    select
        '{{ system }}' as system,
        '{{ object_name }}' as object,
        {{ contract.key[0] }} as source_ref,
        {{ occurred_at }} as occurred_at,
        _loaded_at as loaded_at,
        date_diff('day', {{ occurred_at }}, _loaded_at) as late_days,
        _source_file as source_file,
        _source_line as source_line
    from {{ ref(bronze_table) }}
    where not {{ arrived_in_time(bronze_table, occurred_at) }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select * from late_rows
