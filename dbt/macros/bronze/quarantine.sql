{# After a bronze table is loaded: the rows that it has not kept, with file, line, column and reason. #}

{# The quarantine of a bronze table: a table of its own, in the shape of all of them. #}
{% macro quarantine_of(bronze_table) -%}
    {{ return(source('bookkeeping', 'quarantined_rows').incorporate(path={'identifier': bronze_table})) }}
{%- endmacro %}

{# What all broken rules say, in one text; empty when none is broken. #}
{% macro all_reasons(rules, said_before=none) -%}
concat_ws(
    '; '
    {%- if said_before %},
    {{ said_before }}
    {%- endif %}
    {%- for rule in rules %},
    case
        when {{ rule.is_bad }}
            then
                {{ rule.reason | indent(16) }}
    end
    {%- endfor %}
)
{%- endmacro %}

{% macro quarantine() -%}
create table if not exists {{ quarantine_of(model.name) }} (
    {{ declared_columns('quarantined_rows') | indent(4) }}
);

{{ choose_files_with_bad_rows() }}

insert into {{ quarantine_of(model.name) }}
with {{ typed_rows('files_with_bad_rows') }}

bad_rows as (
    select
        _source_file,
        _source_line,
        case
            when _reject_reason is not null then _reject_column
            {%- for rule in needed_rules() %}
            when {{ rule.is_bad }}
                then '{{ rule.column }}'
            {%- endfor %}
        end as _column,
        coalesce(
            _reject_reason,
            {{ all_reasons(needed_rules() + optional_rules()) | indent(12) }}
        ) as _reason,
        _loaded_at
    from typed
    where
        {{ is_bad_row() | indent(8) }}
),

{%- if is_snapshot() %}

numbered_rows as (
    select
        *,
        row_number() over ({{ same_key() }}) as _occurrence,
        first_value(_source_line) over ({{ same_key() }}) as _first_line
    from typed
    where
        not {{ is_bad_row() | indent(8) }}
),

repeated_rows as (
    select
        _source_file,
        _source_line,
        '{{ model.config.meta.key | join(', ') }}' as _column,
        'duplicate {{ model.config.meta.key | join(', ') }}: first seen in line ' || _first_line as _reason,
        _loaded_at
    from numbered_rows
    where _occurrence > 1
),
{%- endif %}

quarantined as (
    select * from bad_rows
    {%- if is_snapshot() %}
    union all
    select * from repeated_rows
    {%- endif %}
)

select
    _source_file as source_file,
    _source_line as source_line,
    coalesce(_column, 'whole row') as column_name,
    _reason as reason,
    _loaded_at as loaded_at
from quarantined
order by source_file, source_line
{%- endmacro %}
