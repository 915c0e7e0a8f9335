{# A column's value as the source wrote it, and what that needs. Not here: which files are read (`landing.sql`). #}

{# A landing field, or a place inside a field of JSON text. #}
{% macro written_value(column) -%}
    {%- set path = column.config.meta.path | default('') -%}
    {%- set place = path if path.startswith('[') else '.' ~ path -%}
    {%- if not path -%}
        {{ column.config.meta.source }}
    {%- elif '[*]' in path -%}
        {{ summed_amounts(column, place) }}
    {%- else -%}
        if(
            json_valid({{ json_text(column) }}),
            json_extract_string({{ json_text(column) }}, '${{ place }}'),
            null
        )
    {%- endif -%}
{%- endmacro %}

{% macro json_text(column) -%}
    cast({{ column.config.meta.source }} as varchar)
{%- endmacro %}

{#
  A list of amounts counts as their sum, of those alone whose flag at `only` is true when the contract names one; what is
  no number stays as it was written, to be quarantined.
#}
{% macro summed_amounts(column, place) -%}
    {%- set texts -%}
        {%- if column.config.meta.only is defined -%}
        list_where({{ all_texts(column, place) }}, {{ flags(column, column.config.meta.only) }})
        {%- else -%}
        {{ all_texts(column, place) }}
        {%- endif -%}
    {%- endset -%}
    {%- set numbers -%}
        try_cast({{ texts }} as decimal(16, 0)[])
    {%- endset -%}
    if(
            list_count({{ numbers }}) = len({{ texts }}),
            cast(list_sum({{ numbers }}) as varchar),
            array_to_string({{ texts }}, ', ')
        )
{%- endmacro %}

{% macro all_texts(column, place) -%}
    if(json_valid({{ json_text(column) }}), json_extract_string({{ json_text(column) }}, '${{ place }}'), [])
{%- endmacro %}

{% macro flags(column, place) -%}
    try_cast({{ all_texts(column, place) }} as boolean[])
{%- endmacro %}

{% macro has_minor_units() -%}
    {{ return('minor_units' in model.columns.values() | map(attribute='config.meta.parse') | list) }}
{%- endmacro %}

{#
  What one of a currency's smallest units is worth: a hundredth, but for those that Stripe writes whole or in thousandths.
  ISK and UGX have no smaller coin either, and Stripe writes them in hundredths all the same.
#}
{% macro minor_unit(currency='currency') -%}
case
    when upper(trim({{ currency }})) in (
        'BIF', 'CLP', 'DJF', 'GNF', 'JPY', 'KMF', 'KRW', 'MGA', 'PYG', 'RWF', 'VND', 'VUV', 'XAF', 'XOF', 'XPF'
    ) then cast(1 as decimal(4, 3))
    when upper(trim({{ currency }})) in ('BHD', 'JOD', 'KWD', 'OMR', 'TND') then cast(0.001 as decimal(4, 3))
    else cast(0.01 as decimal(4, 3))
end
{%- endmacro %}
