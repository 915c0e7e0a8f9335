{%- set objects = [] -%}
{%- if execute -%}
    {%- for node in graph.nodes.values() if node.resource_type == 'model' and node.fqn[1] == 'bronze' -%}
        {%- do objects.append(node.name) -%}
    {%- endfor -%}
{%- endif -%}
-- depends_on: {{ ref('usage_events') }}
with counts as (
    {%- for name in objects | sort %}
    {%- set system, object_name = name.split('__', 1) %}
    select
        '{{ system }}' as system,
        '{{ object_name }}' as object,
        (select count(*) from {{ landing_rows(system, object_name) }}) as landed_row_count,
        (select count(*) from bronze.{{ name }}) as kept_row_count,
        (select count(*) from quarantine.{{ name }}) as quarantined_row_count
    {{ 'union all' if not loop.last }}
    {%- else %}
    select '' as system, '' as object, 0 as landed_row_count, 0 as kept_row_count, 0 as quarantined_row_count
    {%- endfor %}
)

select * from counts
