{#
  A bronze table is written by its contract: each column's `source` (and `path` inside a JSON text), its type, and the
  rules that a value must meet. Rows that meet them all are kept; the others go to `quarantine.<table>` with file, line,
  column and reason. Every landing row is in exactly one of the two.

  What only DuckDB knows (JSON paths, try_cast, file readers) stays in this folder, never in a model.
#}

{% macro bronze() -%}
    {%- do source('landing', model.name) -%}
    {%- do ref('currency_rates') -%}
    {{ checked_landing_rows(model) }}
    select
        {%- for column in model.columns.values() %}
        {{ column.name }},
        {%- endfor %}
        _source_file,
        _source_line,
        _loaded_at
    from judged
    where _reason is null
{%- endmacro %}

{% macro quarantine() -%}
    create or replace table quarantine.{{ model.name }} as
    {{ checked_landing_rows(model) }}
    select
        _source_file as source_file,
        _source_line as source_line,
        coalesce(_column, 'whole row') as column_name,
        _reason as reason,
        _loaded_at as loaded_at
    from judged
    where _reason is not null
    order by 1, 2
{%- endmacro %}

{# CTEs from landing to `judged`: the typed columns with `_column` and `_reason`, both null for a good row. #}
{% macro checked_landing_rows(node) -%}
    {%- set system, object_name = node.name.split('__', 1) -%}
    {%- set columns = node.columns.values() | list -%}
    {%- set meta = node.config.meta -%}
    {%- set is_snapshot = not meta.get('version') -%}
    with landed as (
        select * from {{ landing_rows(system, object_name) }}
    ),

    typed as (
        select
            _source_file,
            _source_line,
            _loaded_at,
            _reject_column,
            _reject_reason,
            {%- for column in columns %}
            {{ raw_value(column) }} as raw__{{ column.name }},
            {{ typed_value(column) }} as {{ column.name }}{{ ',' if not loop.last }}
            {%- endfor %}
        from landed
    ),

    ruled as (
        select
            *,
            list_filter(
                [
                    if(_reject_reason is null, null, [coalesce(_reject_column, ''), _reject_reason])
                    {%- for column in columns %}{% for reason in column_rules(column) %},
                    if(_reject_reason is not null, null, {{ reason }})
                    {%- endfor %}{% endfor %}
                ],
                lambda problem: problem is not null
            ) as _problems
        from typed
    ),

    numbered as (
        select
            *,
            {%- if is_snapshot %}
            row_number() over same_key as _occurrence,
            first_value(_source_line) over same_key as _first_line
            {%- else %}
            1 as _occurrence,
            _source_line as _first_line
            {%- endif %}
        from ruled
        {%- if is_snapshot %}
        window same_key as (
            partition by {{ meta.key | join(', ') }}, len(_problems) > 0 order by _source_line
        )
        {%- endif %}
    ),

    judged as (
        select
            *,
            case
                when len(_problems) > 0 then nullif(_problems[1][1], '')
                when _occurrence > 1 then '{{ meta.key | join(', ') }}'
            end as _column,
            case
                when len(_problems) > 0 then list_reduce(
                    list_transform(_problems, lambda problem: problem[2]),
                    lambda text, next_text: text || '; ' || next_text
                )
                when _occurrence > 1
                    then 'duplicate {{ meta.key | join(', ') }}: first seen in line ' || _first_line
            end as _reason
        from numbered
    )
{%- endmacro %}

{# The value as the source wrote it: a landing field, or a place inside a field of JSON text. #}
{% macro raw_value(column) -%}
    {%- set meta = column.config.meta -%}
    {%- if meta.path is defined -%}
        json_extract_string(landed.{{ meta.source }}, '${{ '' if meta.path.startswith('[') else '.' }}{{ meta.path }}')
    {%- else -%}
        landed.{{ meta.source }}
    {%- endif -%}
{%- endmacro %}

{% macro typed_value(column) -%}
    {%- set raw = raw_value(column) -%}
    {%- set parse = column.config.meta.get('parse') -%}
    {%- if parse == 'unix_seconds' -%}
        try(make_timestamp(try_cast({{ raw }} as bigint) * 1000000))
    {%- elif parse == 'minor_units' -%}
        cast(try_cast({{ raw }} as decimal(16, 0)) * 0.01 as {{ column.data_type }})
    {%- elif column.data_type == 'text' and column.config.meta.get('currency') -%}
        upper(nullif(trim(cast({{ raw }} as varchar)), ''))
    {%- elif column.data_type == 'text' -%}
        nullif(trim(cast({{ raw }} as varchar)), '')
    {%- elif column.data_type == 'timestamp' -%}
        timezone('UTC', try_cast({{ raw }} as timestamptz))
    {%- else -%}
        try_cast({{ raw }} as {{ column.data_type }})
    {%- endif -%}
{%- endmacro %}

{# SQL expressions, one per rule of the column: null when it is met, else [column, reason]. #}
{% macro column_rules(column) -%}
    {%- set name, meta, type = column.name, column.config.meta, column.data_type -%}
    {%- set written = "nullif(trim(cast(raw__" ~ name ~ " as varchar)), '')" -%}
    {%- set shown = "left(cast(raw__" ~ name ~ " as varchar), 60)" -%}
    {%- set rules = [] -%}
    {%- if type != 'text' -%}
        {%- do rules.append([written ~ " is not null and " ~ name ~ " is null", "'''' || " ~ shown ~ " || ''' is not a " ~ type ~ "'"]) -%}
    {%- endif -%}
    {%- if meta.get('required') -%}
        {%- do rules.append([written ~ " is null", "'required, and empty'"]) -%}
    {%- endif -%}
    {%- if type == 'bigint' and meta.get('landing_type') != 'BIGINT' -%}
        {%- do rules.append([name ~ " <> try_cast(" ~ written ~ " as double)", "'''' || " ~ shown ~ " || ''' is not a whole number'"]) -%}
    {%- endif -%}
    {%- if type == 'double' -%}
        {%- do rules.append(["not isfinite(" ~ name ~ ")", "'''' || " ~ shown ~ " || ''' is not a finite number'"]) -%}
    {%- endif -%}
    {%- if type in ('date', 'timestamp') -%}
        {%- do rules.append([name ~ " < date '1900-01-01' or " ~ name ~ " >= date '2100-01-01'", shown ~ " || ' is not between the years 1900 and 2099'"]) -%}
    {%- endif -%}
    {%- if meta.min is defined -%}
        {%- do rules.append([name ~ " < " ~ meta.min, name ~ " || ' is below " ~ meta.min ~ "'"]) -%}
    {%- endif -%}
    {%- if meta.max is defined -%}
        {%- do rules.append([name ~ " > " ~ meta.max, name ~ " || ' is above " ~ meta.max ~ "'"]) -%}
    {%- endif -%}
    {%- if meta.accepted is defined -%}
        {%- do rules.append([name ~ " not in ('" ~ meta.accepted | join("', '") ~ "')", "'''' || " ~ shown ~ " || ''' is none of " ~ meta.accepted | join(', ') ~ "'"]) -%}
    {%- endif -%}
    {%- if meta.get('currency') -%}
        {%- do rules.append([name ~ " not in (select currency from " ~ ref('currency_rates') ~ ")", "'currency ''' || " ~ shown ~ " || ''' has no rate in currency_rates'"]) -%}
    {%- endif -%}
    {%- set expressions = [] -%}
    {%- for condition, reason in rules -%}
        {%- do expressions.append("if(" ~ condition ~ ", ['" ~ name ~ "', '" ~ name ~ ": ' || " ~ reason ~ "], null)") -%}
    {%- endfor -%}
    {{ return(expressions) }}
{%- endmacro %}
