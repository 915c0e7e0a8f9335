{# The source records of one object with their customer: a CTE's body. #}
{% macro customer_of(system, object_name) -%}
    select
        source_ref,
        customer_id
    from {{ source('resolved', 'customer_identities') }}
    where system = '{{ system }}' and object = '{{ object_name }}'
{%- endmacro %}

{#
  The reference of a record that only its e-mail address names. The address itself is personal and belongs in no key;
  96 bits of its hash keep a billion addresses apart.
#}
{% macro email_ref(email) -%}
    'email_' || left(sha256(lower(trim({{ email }}))), 24)
{%- endmacro %}

{# Of the records of a customer, the value of the first one that has any. #}
{% macro first_known(field, precedence) -%}
    min_by({{ field }}, {{ precedence }}) filter (where {{ field }} is not null)
{%- endmacro %}

{#
  Place of an object in a rule's list, such as `stripe:customers > salesforce:accounts > others`: its own, else that of
  `others`, else 0.
#}
{% macro source_priority(sources, system, object_name) -%}
    coalesce(
        nullif(list_position(string_split({{ sources }}, ' > '), {{ system }} || ':' || {{ object_name }}), 0),
        list_position(string_split({{ sources }}, ' > '), 'others'),
        0
    )
{%- endmacro %}

{# Street, city and postal code in one value, so that a rule can only choose them together; null when all are empty. #}
{% macro packed_address(address_line, city, postal_code) -%}
    if(
        coalesce({{ address_line }}, {{ city }}, {{ postal_code }}) is null,
        null,
        coalesce({{ address_line }}, '') || chr(31) || coalesce({{ city }}, '') || chr(31)
        || coalesce({{ postal_code }}, '')
    )
{%- endmacro %}

{# One part of a packed address: 1 street, 2 city, 3 postal code. #}
{% macro address_part(address, part) -%}
    nullif(split_part({{ address }}, chr(31), {{ part }}), '')
{%- endmacro %}

{#
  How well a name is written: 2 in capital and small letters, or in a script without them; 1 in capitals; 0 in small
  letters. Up to four capitals are an acronym.
#}
{% macro spelling_quality(name) -%}
    case
        when lower({{ name }}) = upper({{ name }}) then 2
        when {{ name }} = lower({{ name }}) then 0
        when {{ name }} = upper({{ name }}) and length({{ name }}) > 4 then 1
        else 2
    end
{%- endmacro %}

{# Words of a name but one. #}
{% macro blank_count(name) -%}
    length({{ name }}) - length(replace({{ name }}, ' ', ''))
{%- endmacro %}

{# Fields of the golden record, as `survivorship_rules` names them; the address is one field. #}
{% macro golden_fields() -%}
    {{ return([
        'kind', 'name', 'given_name', 'surname', 'email', 'phone', 'domain', 'address', 'country', 'birth_date',
        'industry', 'employee_count', 'plan', 'time_zone', 'parent_customer_id'
    ]) }}
{%- endmacro %}

{# Those whose history `dim_customer_history` keeps. #}
{% macro tracked_fields() -%}
    {{ return(['name', 'email', 'phone', 'address', 'country', 'industry', 'employee_count', 'plan']) }}
{%- endmacro %}

{% macro is_tracked(field) -%}
    {{ field }} in (
        {%- for name in tracked_fields() %}
        '{{ name }}'{% if not loop.last %},{% endif %}
        {%- endfor %}
    )
{%- endmacro %}

{# Texts of the rows that meet a condition, in an order, in one text; null without any. #}
{% macro comma_list(field, condition, ordering) -%}
    string_agg({{ field }}, ', ' order by {{ ordering }}) filter (where {{ condition }})
{%- endmacro %}
