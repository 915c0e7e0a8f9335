{#- So many keys of an object and reason are named; the others are counted. -#}
{%- set named_refs = 1000 -%}
with left_out as (
    {%- for name in bronze_contracts() %}
    {%- set system, object_name = name.split('__', 1) %}
    select
        '{{ system }}' as system,
        '{{ object_name }}' as object,
        rows_of_object.*
    from (
        {{ left_out_of(name) }}
    ) as rows_of_object
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

per_key as (
    select
        system,
        object,
        reason,
        what_to_do,
        source_ref,
        sum(row_count) as row_count,
        row_number() over (partition by system, object, reason, what_to_do order by source_ref) as place
    from left_out
    where row_count > 0
    group by system, object, reason, what_to_do, source_ref
),

capped as (
    select
        system,
        object,
        reason,
        if(place <= {{ named_refs }}, source_ref, '*') as source_ref,
        cast(sum(row_count) as bigint) as row_count,
        what_to_do
    from per_key
    group by system, object, reason, if(place <= {{ named_refs }}, source_ref, '*'), what_to_do
)

select * from capped
