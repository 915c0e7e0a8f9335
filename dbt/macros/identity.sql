{# The source records of one object with their customer: a CTE's body. #}
{% macro customer_of(system, object_name) -%}
    select
        source_ref,
        customer_id
    from {{ source('resolved', 'customer_identities') }}
    where system = '{{ system }}' and object = '{{ object_name }}'
{%- endmacro %}

{# Of the records of a customer, the value of the first one that has any. #}
{% macro first_known(field, precedence) -%}
    min_by({{ field }}, {{ precedence }}) filter (where {{ field }} is not null)
{%- endmacro %}
