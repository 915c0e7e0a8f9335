{#
  A bronze table is written by its contract: each column's `source` (and `path` inside a JSON text), its type, and the
  rules that a value must meet. Rows that meet them all are kept; the others go to `quarantine.<table>` with file, line,
  column and reason. Every landing row is in exactly one of the two. A vendor's batches are appended, each once.

  `read.sql` takes the values out of landing, `type.sql` gives them their type, `rule.sql` says what is wrong with them,
  `quarantine.sql` writes that down. `dbt/examples/stripe__refunds.sql` is what comes out for one table.

  What only DuckDB knows (JSON paths, try_cast, file readers) stays in this folder, never in a model.
#}

{% macro bronze() -%}
{%- do source('landing', model.name) -%}
{%- do ref('currency_rates') -%}
with {{ typed_rows('files') }}

kept as (
    select
        {%- for column in model.columns.values() %}
        {{ column.name }},
        {%- endfor %}
        _source_file,
        _source_line,
        _loaded_at,
        getvariable('{{ model.name }}_load') as _load_number
    from typed
    where
        not {{ is_bad_row() | indent(8) }}
    {%- if is_snapshot() %}
    qualify row_number() over ({{ same_key() }}) = 1
    {%- endif %}
)

select * from kept
{%- endmacro %}

{# The CTEs that read the chosen files and type their rows; what cannot be cast is null beside what was written. #}
{% macro typed_rows(chosen) -%}
landed as (
    {{ landed_rows(chosen) | indent(4) }}
),

written as (
    select
        {%- for column in model.columns.values() %}
        {{ written_value(column) }} as raw__{{ column.name }},
        {%- if column.config.meta.path is defined %}
        not json_valid({{ json_text(column) }}) as is_not_json__{{ column.name }},
        left({{ json_text(column) }}, 60) as json__{{ column.name }},
        {%- endif %}
        {%- endfor %}
        {%- if has_minor_units() %}
        {{ minor_unit() | indent(8) }} as _minor_unit,
        {%- endif %}
        _source_file,
        _source_line,
        _loaded_at,
        _reject_column,
        _reject_reason
    from landed
),

typed as (
    select
        *,
        {%- for column in model.columns.values() %}
        {{ typed_value(column) | indent(8) }} as {{ column.name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from written
),
{%- endmacro %}

{# A dropped file is a snapshot: a key that comes twice in it is a mistake. A vendor's object comes in versions. #}
{% macro is_snapshot() -%}
    {{ return(not model.config.meta.get('version')) }}
{%- endmacro %}

{% macro same_key() -%}
    partition by {{ model.config.meta.key | join(', ') }} order by _source_line
{%- endmacro %}
