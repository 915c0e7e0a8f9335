{#
  What can be wrong with a row. Each `must_` macro is one kind of rule about a column, in SQL over the CTE `typed`:
  what is true of a bad value, and the reason in words.
#}

{#
  True or false and never null: a rule about an empty value is neither true nor false. A `case`, because the rules after
  the first that holds are not evaluated; `coalesce(... or ..., false)` took a fifth longer.
#}
{% macro is_bad_row() -%}
case
    when _reject_reason is not null then true
    {%- for rule in needed_rules() %}
    when {{ rule.is_bad }} then true
    {%- endfor %}
    else false
end
{%- endmacro %}

{#
  A value that the row can do without: it is neither required nor part of the key, and its absence says nothing. Where an
  empty field means something (`empty_means`: an end that has not come, a status that is paid), or leaves an amount in the
  wrong currency, a bad value must not look like an empty one.
#}
{% macro is_optional(column) -%}
    {%- set meta, table = column.config.meta, model.config.meta -%}
    {{ return(not (
        meta.required or meta.currency or meta.empty_means
        or column.name in table.key or column.name == table.version
    )) }}
{%- endmacro %}

{# The rules of columns that a row cannot do without, in the order in which they are told. #}
{% macro needed_rules() -%}
    {{ return(split_rules().needed) }}
{%- endmacro %}

{% macro optional_rules() -%}
    {{ return(split_rules().optional) }}
{%- endmacro %}

{#
  A stand-in for no date says what an empty field says: only where something must have happened is it missed. Customers
  and requests are kept without their date, as the models above expect it.
#}
{% macro split_rules() -%}
    {%- set rules = {'needed': [], 'optional': []} -%}
    {%- for column in model.columns.values() -%}
        {%- set meta = column.config.meta -%}
        {%- for rule in rules_of(column) -%}
            {%- set is_needed = meta.required and meta.happened if rule.is_about_stand_in else not is_optional(column) -%}
            {%- do rules['needed' if is_needed else 'optional'].append(rule) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(rules) }}
{%- endmacro %}

{% macro rules_of(column) -%}
    {%- set meta, type = column.config.meta, column.data_type -%}
    {%- set is_whole = type == 'bigint' or meta.parse == 'minor_units' -%}
    {#- Ten million million of any currency: what is beyond is no bill, and sums of what is within cannot overflow. -#}
    {%- set beyond = 10000000000000 if meta.parse == 'minor_units' else none -%}
    {%- set least = meta.get('min', -beyond if beyond else none) -%}
    {%- set most = meta.get('max', beyond) -%}
    {{ return([
        must_be_json(column) if meta.path is defined else none,
        must_be_a_date_of_its_own(column) if column in may_have_stand_ins() else none,
        must_be_of_its_type(column) if type != 'text' else none,
        must_name_somebody(column) if meta.required and meta.names_somebody else none,
        must_be_there(column) if meta.required and not meta.names_somebody else none,
        must_be_whole(column) if is_whole and meta.landing_type != 'BIGINT' else none,
        must_be_finite(column) if type == 'double' else none,
        must_be_of_our_time(column) if type in ('date', 'timestamp') else none,
        must_not_be_older_than_the_systems(column) if meta.happened else none,
        must_not_lie_ahead(column, meta.happened) if meta.happened and meta.happened != 'planned' else none,
        must_reach_min(column, least) if least is not none else none,
        must_stay_below_max(column, most) if most is not none else none,
        must_be_accepted(column) if meta.accepted is defined else none,
        must_have_a_rate(column) if meta.currency == true else none
    ] | select | list) }}
{%- endmacro %}

{% macro must_be_json(column) -%}
    {%- set is_bad -%} is_not_json__{{ column.name }} {%- endset -%}
    {%- set reason -%}
'{{ column.name }}: ''' || json__{{ column.name }} || ''' is not JSON'
    {%- endset -%}
    {{ return({'column': column.name, 'is_bad': is_bad, 'reason': reason}) }}
{%- endmacro %}

{% macro must_be_a_date_of_its_own(column) -%}
    {%- set is_bad -%} is_stand_in__{{ column.name }} {%- endset -%}
    {%- set reason -%}
'{{ column.name }}: ''' || {{ shown(column) }}
|| ''' is a stand-in for no date'
    {%- endset -%}
    {{ return({'column': column.name, 'is_bad': is_bad, 'reason': reason, 'is_about_stand_in': true}) }}
{%- endmacro %}

{% macro must_be_of_its_type(column) -%}
    {%- set is_bad -%}
        {{ column.name }} is null and {{ filled_value(column) }} is not null
        {%- if column in may_have_stand_ins() %} and not is_stand_in__{{ column.name }} {%- endif -%}
    {%- endset -%}
    {%- set reason -%}
'{{ column.name }}: ''' || {{ shown(column) }}
|| ''' {{ words_for_type(column.data_type) }}'
    {%- endset -%}
    {{ return({'column': column.name, 'is_bad': is_bad, 'reason': reason}) }}
{%- endmacro %}

{# What is wrong with a text that is not of its column's type, and how it should look. #}
{% macro words_for_type(type) -%}
    {{ return({
        'date': 'is not a date: write 2026-04-30',
        'timestamp': 'is not a time: write 2026-04-30 or 2026-04-30T14:30:00Z',
        'boolean': 'is neither true nor false: write true, false, yes, no, 1 or 0',
        'bigint': 'is not a whole number: write digits alone'
    }.get(type, 'is not a number: write digits and a decimal point')) }}
{%- endmacro %}

{# A text that begins with a visible ASCII sign is not empty: seen without trimming it a second time. #}
{% macro must_be_there(column) -%}
    {%- set is_bad -%}
        {%- if column.data_type == 'text' -%}
            if(cast(raw__{{ column.name }} as varchar) between '!' and '~', false, {{ column.name }} is null)
        {%- else -%}
            {{ column.name }} is null and {{ filled_value(column) }} is null
        {%- endif -%}
    {%- endset -%}
    {%- set reason -%} '{{ column.name }}: required, and empty' {%- endset -%}
    {{ return({'column': column.name, 'is_bad': is_bad, 'reason': reason}) }}
{%- endmacro %}

{% macro must_name_somebody(column) -%}
    {%- set is_bad -%} {{ column.name }} is null {%- endset -%}
    {%- set reason -%}
if(
    nullif(trim(cast(raw__{{ column.name }} as varchar)), '') is null,
    '{{ column.name }}: required, and empty',
    '{{ column.name }}: ''' || {{ shown(column) }} || ''' stands for nobody'
)
    {%- endset -%}
    {{ return({'column': column.name, 'is_bad': is_bad, 'reason': reason}) }}
{%- endmacro %}

{% macro must_be_whole(column) -%}
    {%- set number -%} try_cast({{ filled_value(column) }} as double) {%- endset -%}
    {%- set is_bad -%} {{ number }} <> floor({{ number }}) {%- endset -%}
    {%- set reason -%}
'{{ column.name }}: ''' || {{ shown(column) }}
|| ''' is not a whole number'
    {%- endset -%}
    {{ return({'column': column.name, 'is_bad': is_bad, 'reason': reason}) }}
{%- endmacro %}

{% macro must_be_finite(column) -%}
    {%- set is_bad -%} not isfinite({{ column.name }}) {%- endset -%}
    {%- set reason -%}
'{{ column.name }}: ''' || {{ shown(column) }}
|| ''' is not a finite number'
    {%- endset -%}
    {{ return({'column': column.name, 'is_bad': is_bad, 'reason': reason}) }}
{%- endmacro %}

{% macro must_be_of_our_time(column) -%}
    {%- set is_bad -%}
        {{ column.name }} < date '1900-01-01' or {{ column.name }} >= date '2100-01-01'
    {%- endset -%}
    {%- set reason -%}
'{{ column.name }}: ' || {{ shown(column) }}
|| ' is not between the years 1900 and 2099'
    {%- endset -%}
    {{ return({'column': column.name, 'is_bad': is_bad, 'reason': reason}) }}
{%- endmacro %}

{# 1970 is a clock that was never set, or an empty number; `happened` marks the columns that tell of a moment. #}
{% macro must_not_be_older_than_the_systems(column) -%}
    {%- set is_bad -%} {{ column.name }} < {{ first_moment() }} {%- endset -%}
    {%- set reason -%}
'{{ column.name }}: ' || {{ shown(column) }}
|| ' is before 1990: set the clock or the unit of the time right'
    {%- endset -%}
    {{ return({'column': column.name, 'is_bad': is_bad, 'reason': reason}) }}
{%- endmacro %}

{# What has happened happened before it was received: as the column that `happened` names says, else as it was loaded. #}
{% macro must_not_lie_ahead(column, happened) -%}
    {%- set received_at = '_loaded_at' if happened is sameas true else happened -%}
    {%- set is_bad -%} {{ column.name }} > {{ received_at }} + interval 1 day {%- endset -%}
    {%- set reason -%}
'{{ column.name }}: ' || {{ shown(column) }}
|| ' lies ahead of {{ 'its loading' if received_at == '_loaded_at' else received_at }} on '
|| strftime({{ received_at }}, '%Y-%m-%d') || ': set the clock right or wait until it has happened'
    {%- endset -%}
    {{ return({'column': column.name, 'is_bad': is_bad, 'reason': reason}) }}
{%- endmacro %}

{% macro must_reach_min(column, least) -%}
    {%- set is_bad -%} {{ column.name }} < {{ least }} {%- endset -%}
    {%- set reason -%}
'{{ column.name }}: ' || {{ column.name }} || ' is below {{ least }}'
    {%- endset -%}
    {{ return({'column': column.name, 'is_bad': is_bad, 'reason': reason}) }}
{%- endmacro %}

{% macro must_stay_below_max(column, most) -%}
    {%- set is_bad -%} {{ column.name }} > {{ most }} {%- endset -%}
    {%- set reason -%}
'{{ column.name }}: ' || {{ column.name }} || ' is above {{ most }}'
    {%- endset -%}
    {{ return({'column': column.name, 'is_bad': is_bad, 'reason': reason}) }}
{%- endmacro %}

{% macro must_be_accepted(column) -%}
    {%- set accepted = column.config.meta.accepted -%}
    {%- set is_bad -%} {{ column.name }} not in ('{{ accepted | join("', '") }}') {%- endset -%}
    {%- set reason -%}
'{{ column.name }}: ''' || {{ shown(column) }}
|| ''' is none of {{ accepted | join(', ') }}'
    {%- endset -%}
    {{ return({'column': column.name, 'is_bad': is_bad, 'reason': reason}) }}
{%- endmacro %}

{% macro must_have_a_rate(column) -%}
    {%- set is_bad -%}
        {{ column.name }} not in (select rates.currency from {{ ref('currency_rates') }} as rates)
    {%- endset -%}
    {%- set reason -%}
'{{ column.name }}: ''' || {{ shown(column) }}
|| ''' has no rate in dbt/seeds/currency_rates.csv: write three letters, or add a rate'
    {%- endset -%}
    {{ return({'column': column.name, 'is_bad': is_bad, 'reason': reason}) }}
{%- endmacro %}

{# What was written, null when that is nothing. #}
{% macro filled_value(column) -%}
    {%- if column.data_type == 'text' -%}
        {{ column.name }}
    {%- elif column.config.meta.landing_type is defined -%}
        raw__{{ column.name }}
    {%- else -%}
        nullif(trim(cast(raw__{{ column.name }} as varchar)), '')
    {%- endif -%}
{%- endmacro %}

{# What was written, short enough for a reason. #}
{% macro shown(column) -%}
    left(cast(raw__{{ column.name }} as varchar), 60)
{%- endmacro %}
