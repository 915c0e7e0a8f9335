{# What a column becomes of what was written: its type, its clock, its unit; null where it cannot be that. #}

{% macro typed_value(column) -%}
    {%- set raw, type, parse = 'raw__' ~ column.name, column.data_type | replace(',', ', '), column.config.meta.parse -%}
    {%- set text -%} trim(cast({{ raw }} as varchar)) {%- endset -%}
    {%- set number = raw if column.config.meta.landing_type is defined else text -%}
    {%- if parse == 'unix_seconds' -%}
        try(make_timestamp(try_cast({{ number }} as bigint) * 1000000))
    {%- elif parse == 'minor_units' -%}
        cast(cast(try_cast({{ number }} as decimal(16, 0)) as decimal(34, 0)) * _minor_unit as {{ type }})
    {%- elif parse == 'salesforce_id' -%}
        {{ salesforce_id("nullif(" ~ text ~ ", '')", column.config.meta.prefix | default('')) }}
    {%- elif type == 'text' and column.config.meta.currency -%}
        upper(nullif({{ text }}, ''))
    {%- elif type == 'text' -%}
        nullif({{ text }}, '')
    {%- elif type == 'timestamp' -%}
        {{ utc_timestamp(raw, text) }}
    {%- elif type == 'date' and number == text -%}
        try_cast({{ begins_with_a_digit(text) }} as date)
    {%- elif type == 'boolean' or number != text -%}
        try_cast({{ number }} as {{ type }})
    {%- else -%}
        try_cast({{ in_digits(text) }} as {{ type }})
    {%- endif -%}
{%- endmacro %}

{# DuckDB reads `epoch` and `infinity` as times, and `1_000`, `0x1F` and `nan` as numbers: no source means that. #}
{% macro begins_with_a_digit(text) -%}
    if({{ text }} >= '0' and {{ text }} < ':', {{ text }}, null)
{%- endmacro %}

{% macro in_digits(text) -%}
    if(regexp_full_match({{ text }}, '[-+]?[0-9.]+([eE][-+]?[0-9]+)?'), {{ text }}, null)
{%- endmacro %}

{#
  The type of a landing field is known when the query is bound: only the branch that fits it is left then. Text that
  ends in Z is read by the plain cast, twice as fast as the one that knows offsets and time zones.
#}
{% macro utc_timestamp(raw, text) -%}
case
    when typeof({{ raw }}) in ('TIMESTAMP', 'TIMESTAMP_S', 'TIMESTAMP_MS', 'TIMESTAMP_NS')
        then try_cast({{ raw }} as timestamp)
    when typeof({{ raw }}) = 'TIMESTAMP WITH TIME ZONE' then timezone('UTC', try_cast({{ raw }} as timestamptz))
    when ends_with({{ text }}, 'Z') then try_cast({{ text }} as timestamp)
    else timezone('UTC', try_cast({{ begins_with_a_digit(text) }} as timestamptz))
end
{%- endmacro %}
