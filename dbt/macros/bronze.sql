{#
  A bronze table is written by its contract: each column's `source` (and `path` inside a JSON text), its type, and the
  rules that a value must meet. Rows that meet them all are kept; the others go to `quarantine.<table>` with file, line,
  column and reason. Every landing row is in exactly one of the two. A vendor's batches are appended, each once.

  What only DuckDB knows (JSON paths, try_cast, file readers) stays in this folder, never in a model.
#}

{% macro bronze() -%}
    {%- do source('landing', model.name) -%}
    {%- do ref('currency_rates') -%}
    {{ typed_landing_rows(model, 'files') }}
    select
        {%- for column in model.columns.values() %}
        {{ column.name }},
        {%- endfor %}
        _source_file,
        _source_line,
        _loaded_at,
        getvariable('{{ model.name }}_load') as _load_number
    from typed
    where not {{ is_bad_row(model) }}
    {%- if is_snapshot(model) %}
    qualify row_number() over ({{ same_key(model) }}) = 1
    {%- endif %}
{%- endmacro %}

{% macro quarantine() -%}
    create table if not exists quarantine.{{ model.name }} (
        source_file varchar, source_line bigint, column_name varchar, reason varchar, loaded_at timestamp
    );
    {{ choose_files_with_bad_rows() }}
    insert into quarantine.{{ model.name }}
    {{ typed_landing_rows(model, 'files_with_bad_rows') }},

    bad_rows as (
        select
            _source_file,
            _source_line,
            if(_reject_reason is null, coalesce({{ row_reasons(model, 'column') | join(', ') }}), _reject_column)
                as _column,
            coalesce(_reject_reason, concat_ws('; ', {{ row_reasons(model, 'reason') | join(', ') }})) as _reason,
            _loaded_at
        from typed
        where {{ is_bad_row(model) }}
    ),

    {%- if is_snapshot(model) %}

    numbered_rows as (
        select
            *,
            row_number() over ({{ same_key(model) }}) as _occurrence,
            first_value(_source_line) over ({{ same_key(model) }}) as _first_line
        from typed
        where not ({{ is_bad_row(model) }})
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
        {%- if is_snapshot(model) %}
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
    order by 1, 2
{%- endmacro %}

{# A dropped file is a snapshot: a key that comes twice in it is a mistake. A vendor's object comes in versions. #}
{% macro is_snapshot(node) -%}
    {{ return(not node.config.meta.get('version')) }}
{%- endmacro %}

{% macro same_key(node) -%}
    partition by {{ node.config.meta.key | join(', ') }} order by _source_line
{%- endmacro %}

{# The CTEs that read landing and type it; what cannot be cast is null beside its raw text. #}
{% macro typed_landing_rows(node, chosen) -%}
    {%- set columns = node.columns.values() | list -%}
    with landed as (
        {{ chosen_landing_rows(chosen) }}
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
            {%- if column.config.meta.path is defined %}
            not json_valid({{ json_text(column) }}) as is_not_json__{{ column.name }},
            left({{ json_text(column) }}, 60) as json__{{ column.name }},
            {%- endif %}
            {{ typed_value(column) }} as {{ column.name }}{{ ',' if not loop.last }}
            {%- endfor %}
        from landed
    )
{%- endmacro %}

{# `case`, because a rule about an empty value is neither true nor false. #}
{% macro is_bad_row(node) -%}
    case
        when
            _reject_reason is not null
            {%- for column in node.columns.values() %}{% for condition, reason in column_rules(column) %}
            or ({{ condition }})
            {%- endfor %}{% endfor %}
            then true
        else false
    end
{%- endmacro %}

{# One SQL expression per rule of the row: null when it is met, else the column's name or the reason in words. #}
{% macro row_reasons(node, what) -%}
    {%- set expressions = [] -%}
    {%- for column in node.columns.values() -%}
        {%- for condition, reason in column_rules(column) -%}
            {%- set said = "'" ~ column.name ~ "'" if what == 'column' else "'" ~ column.name ~ ": ' || " ~ reason -%}
            {%- do expressions.append('if(' ~ condition ~ ', ' ~ said ~ ', null)') -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(expressions) }}
{%- endmacro %}

{# The value as the source wrote it: a landing field, or a place inside a field of JSON text. #}
{% macro raw_value(column) -%}
    {%- set meta = column.config.meta -%}
    {%- if meta.path is defined and '[*]' in meta.path -%}
        {{ summed_values("if(json_valid(" ~ json_text(column) ~ "), json_extract_string(" ~ json_text(column) ~ ", '$" ~ meta.path ~ "'), [])") }}
    {%- elif meta.path is defined -%}
        if(json_valid({{ json_text(column) }}), json_extract_string({{ json_text(column) }}, '${{ '' if meta.path.startswith('[') else '.' }}{{ meta.path }}'), null)
    {%- else -%}
        landed.{{ meta.source }}
    {%- endif -%}
{%- endmacro %}

{# A list of amounts counts as their sum; what is no number stays as it was written, to be quarantined. #}
{% macro summed_values(texts) -%}
    {%- set numbers = "try_cast(" ~ texts ~ " as decimal(16, 0)[])" -%}
    if(
        list_count({{ numbers }}) = len({{ texts }}),
        cast(list_sum({{ numbers }}) as varchar),
        array_to_string({{ texts }}, ', ')
    )
{%- endmacro %}

{% macro json_text(column) -%}
    cast(landed.{{ column.config.meta.source }} as varchar)
{%- endmacro %}

{#
  What one of a currency's smallest units is worth: a hundredth, but for those that Stripe writes whole or in thousandths.
  ISK and UGX have no smaller coin either, and Stripe writes them in hundredths all the same.
#}
{% macro minor_unit() -%}
    case
        when upper(trim(landed.currency)) in (
            'BIF', 'CLP', 'DJF', 'GNF', 'JPY', 'KMF', 'KRW', 'MGA', 'PYG', 'RWF', 'VND', 'VUV', 'XAF', 'XOF', 'XPF'
        ) then cast(1 as decimal(4, 3))
        when upper(trim(landed.currency)) in ('BHD', 'JOD', 'KWD', 'OMR', 'TND') then cast(0.001 as decimal(4, 3))
        else cast(0.01 as decimal(4, 3))
    end
{%- endmacro %}

{% macro typed_value(column) -%}
    {%- set raw, type, parse = raw_value(column), column.data_type, column.config.meta.get('parse') -%}
    {%- set text = "trim(cast(" ~ raw ~ " as varchar))" -%}
    {%- set number = raw if column.config.meta.landing_type is defined else text -%}
    {%- if parse == 'unix_seconds' -%}
        try(make_timestamp(try_cast({{ number }} as bigint) * 1000000))
    {%- elif parse == 'minor_units' -%}
        cast(cast(try_cast({{ number }} as decimal(16, 0)) as decimal(34, 0)) * {{ minor_unit() }} as {{ type }})
    {%- elif type == 'text' and column.config.meta.get('currency') -%}
        upper(nullif({{ text }}, ''))
    {%- elif type == 'text' -%}
        nullif({{ text }}, '')
    {%- elif type == 'timestamp' -%}
        {{ utc_timestamp(raw, text) }}
    {%- else -%}
        try_cast({{ number }} as {{ type }})
    {%- endif -%}
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
        else timezone('UTC', try_cast({{ text }} as timestamptz))
    end
{%- endmacro %}

{# The rules of a column: pairs of a condition that is true for a bad value, and the reason as SQL text. #}
{% macro column_rules(column) -%}
    {%- set name, meta, type = column.name, column.config.meta, column.data_type -%}
    {%- if type == 'text' -%}
        {%- set written = name -%}
    {%- elif meta.landing_type is defined -%}
        {%- set written = "raw__" ~ name -%}
    {%- else -%}
        {%- set written = "nullif(trim(cast(raw__" ~ name ~ " as varchar)), '')" -%}
    {%- endif -%}
    {%- set shown = "left(cast(raw__" ~ name ~ " as varchar), 60)" -%}
    {%- set rules = [] -%}
    {%- if meta.path is defined -%}
        {%- do rules.append(["is_not_json__" ~ name, "'''' || json__" ~ name ~ " || ''' is not JSON'"]) -%}
    {%- endif -%}
    {%- if type != 'text' -%}
        {%- do rules.append([name ~ " is null and " ~ written ~ " is not null", "'''' || " ~ shown ~ " || ''' is not a " ~ type ~ "'"]) -%}
    {%- endif -%}
    {%- if meta.get('required') and type == 'text' -%}
        {#- A text that begins with a visible ASCII sign is not empty: seen without trimming it a second time. -#}
        {%- do rules.append(["if(cast(raw__" ~ name ~ " as varchar) between '!' and '~', false, " ~ name ~ " is null)", "'required, and empty'"]) -%}
    {%- elif meta.get('required') -%}
        {%- do rules.append([name ~ " is null and " ~ written ~ " is null", "'required, and empty'"]) -%}
    {%- endif -%}
    {%- if meta.get('landing_type') != 'BIGINT' and (type == 'bigint' or meta.get('parse') == 'minor_units') -%}
        {%- do rules.append(["try_cast(" ~ written ~ " as double) <> floor(try_cast(" ~ written ~ " as double))", "'''' || " ~ shown ~ " || ''' is not a whole number'"]) -%}
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
        {%- do rules.append([name ~ " not in (select currency from " ~ ref('currency_rates') ~ ")", "'''' || " ~ shown ~ " || ''' has no rate in currency_rates'"]) -%}
    {%- endif -%}
    {{ return(rules) }}
{%- endmacro %}
