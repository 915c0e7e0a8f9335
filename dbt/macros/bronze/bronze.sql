{#
  A bronze table is written by its contract: each column's `source` (and `path` inside a JSON text), its type, and the
  rules that a value must meet. A row whose values meet them all is kept. A bad value that its row can do without is left
  out, and `_faults` says which and why. A row with any other bad value goes to `quarantine.<table>` with file, line,
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
        {{ kept_value(column) | indent(8) }},
        {%- endfor %}
        _source_file,
        _source_line,
        _loaded_at,
        {{ faults() | indent(8) }} as _faults,
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
        _reject_reason,
        _faults as landed_faults
    from landed
),

{{ 'typed' if not may_have_stand_ins() else 'typed_with_stand_ins' }} as (
    select
        *,
        {%- for column in model.columns.values() %}
        {{ typed_value(column) | indent(8) }} as {{ column.name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from written
),
{%- if may_have_stand_ins() %}

with_stand_ins_told as (
    select
        *,
        {%- for column in may_have_stand_ins() %}
        {{ is_stand_in(column) | indent(8) }} as is_stand_in__{{ column.name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from typed_with_stand_ins
),

typed as (
    select
        * replace (
            {%- for column in may_have_stand_ins() %}
            if(is_stand_in__{{ column.name }}, null, {{ column.name }}) as {{ column.name }}{{ ',' if not loop.last }}
            {%- endfor %}
        )
    from with_stand_ins_told
),
{%- endif %}
{%- endmacro %}

{# A value, or nothing where it is bad and the row can do without it. #}
{% macro kept_value(column) -%}
    {%- set rules = rules_of(column) if is_optional(column) else [] -%}
    {%- if rules -%}
case
    {%- for rule in rules %}
    when {{ rule.is_bad }} then null
    {%- endfor %}
    else {{ column.name }}
end as {{ column.name }}
    {%- else -%}
        {{ column.name }}
    {%- endif -%}
{%- endmacro %}

{# The values that a kept row lacks, in words; null when it lacks none. #}
{% macro faults() -%}
    {%- set rules = optional_rules() -%}
    {%- if rules -%}
case
    when
        landed_faults is not null
        {%- for rule in rules %}
        or {{ rule.is_bad }}
        {%- endfor %}
        then {{ all_reasons(rules, 'landed_faults') | indent(8) }}
end
    {%- else -%}
        landed_faults
    {%- endif -%}
{%- endmacro %}

{# A dropped file is a snapshot: a key that comes twice in it is a mistake. A vendor's object comes in versions. #}
{% macro is_snapshot() -%}
    {{ return(not model.config.meta.get('version')) }}
{%- endmacro %}

{% macro same_key() -%}
    partition by {{ model.config.meta.key | join(', ') }} order by _source_line
{%- endmacro %}
