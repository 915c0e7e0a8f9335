{# What a column becomes of what was written: its type, its clock, its unit; null where it cannot be that. #}

{% macro typed_value(column) -%}
    {%- set raw, type, parse = 'raw__' ~ column.name, column.data_type | replace(',', ', '), column.config.meta.parse -%}
    {%- set text -%} trim(cast({{ raw }} as varchar)) {%- endset -%}
    {%- set number = raw if column.config.meta.landing_type is defined else text -%}
    {%- if parse == 'unix_seconds' -%}
        {{ since_1970('try_cast(' ~ number ~ ' as bigint)') }}
    {%- elif parse == 'minor_units' -%}
        cast(cast(try_cast({{ number }} as decimal(16, 0)) as decimal(34, 0)) * _minor_unit as {{ type }})
    {%- elif parse == 'salesforce_id' -%}
        {{ salesforce_id("nullif(" ~ text ~ ", '')", column.config.meta.prefix | default('')) }}
    {%- elif type == 'text' and column.config.meta.currency -%}
        upper(nullif({{ text }}, ''))
    {%- elif type == 'text' and column.config.meta.names_somebody -%}
        if({{ stands_for_nobody(text) }}, null, {{ text }})
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
    else coalesce(
        timezone('UTC', try_cast({{ begins_with_a_digit(text) }} as timestamptz)),
        if(length({{ text }}) in (10, 13, 16, 19), {{ since_1970('try_cast(' ~ text ~ ' as bigint)') }}, null)
    )
end
{%- endmacro %}

{# A number since 1970 by its size: of today, seconds have ten digits, milliseconds thirteen, and so on by threes. #}
{% macro since_1970(number) -%}
try(make_timestamp(
    {{ number }}
    * case
        when {{ number }} < 1e12 then 1000000
        when {{ number }} < 1e15 then 1000
        else 1
    end
    // if({{ number }} < 1e18, 1, 1000)
))
{%- endmacro %}

{#
  What shops and spreadsheets write where they have no date, beside the zero of their own calendar: the first and the last
  day that somebody thought of. A vendor's API leaves such a field empty; only dropped files have these.
#}
{% macro is_stand_in(column) -%}
    {%- set is_birth = column.config.meta.born -%}
    {%- set days -%}
        '0000-00-00', '0001-01-01', '1753-01-01', '1899-12-30', '1899-12-31', '1900-01-00', '1900-01-01',
                {% if not is_birth %}'1970-01-01', {% endif %}'2099-12-31', '2999-12-31', '9999-12-31'
    {%- endset -%}
case
    {%- if is_birth %}
    when {{ is_written_too_often(column) | indent(8) }} then true
    {%- endif %}
    when {{ column.name }} between date '1970-01-03' and date '2099-12-30' then false
    else coalesce(
            strftime({{ column.name }}, '%Y-%m-%d') in (
                {{ days }}
            )
            or left({{ filled_value(column) }}, 10) in (
                {{ days }}
            ),
            false
        )
end
{%- endmacro %}

{#
  People are born on the day 0 of computers too, and on every other day that somebody thought of. A day that stands for
  none shows itself by being written again and again: of a hundred thousand people hardly five share a birth date. One
  in a thousand is enough for the day 0; one in a hundred for any other.
#}
{% macro is_written_too_often(column) -%}
    {%- set in_file = 'over (partition by _source_file)' -%}
    count({{ column.name }}) over (partition by _source_file, {{ column.name }}) >= if(
        {{ column.name }} = date '1970-01-01',
        greatest(3, 0.001 * count({{ column.name }}) {{ in_file }}),
        greatest(20, 0.01 * count({{ column.name }}) {{ in_file }})
    )
{%- endmacro %}

{# The dates of a table in which a stand-in may be. #}
{% macro may_have_stand_ins() -%}
    {{ return(
        model.columns.values() | selectattr('data_type', 'in', ['date', 'timestamp']) | list
        if model.name.startswith('files__') else []
    ) }}
{%- endmacro %}

{#
  What programs write where they know nobody; as a reference it would make one party of all strangers. Beside the words
  that trackers themselves refuse: numbers and ids of zeros alone, and each of them in quotes.
#}
{% macro stands_for_nobody(text) -%}
    coalesce(
            trim(lower({{ text }}), '"'' ') in (
                '', 'undefined', 'null', 'none', 'nil', 'nan', 'n/a', 'not set', '(not set)', 'not_set', 'unknown',
                'anonymous', 'anonymous user', 'anon', 'guest', 'not_authenticated', 'unauthenticated', 'true', 'false',
                'id', 'distinct_id', 'distinctid', 'user_id', 'userid', 'email', '[object object]'
            )
            or trim({{ text }}, '"''0-. ') = '',
            true
        )
{%- endmacro %}
