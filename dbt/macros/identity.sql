{# The source records of one object with their customer: `{{ customer_of('stripe', 'customers') }}` as a subquery. #}
{% macro customer_of(system, object_name) -%}
    (
        select source_ref, customer_id
        from {{ source('resolved', 'customer_identities') }}
        where system = '{{ system }}' and object = '{{ object_name }}'
    )
{%- endmacro %}
