{# The source records of one object with their customer: a CTE's body. #}
{% macro customer_of(system, object_name) -%}
    select
        source_ref,
        customer_id
    from {{ source('resolved', 'customer_identities') }}
    where system = '{{ system }}' and object = '{{ object_name }}'
{%- endmacro %}
