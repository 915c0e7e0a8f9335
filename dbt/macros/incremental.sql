{#
  What an incremental table reads: only the records that a new load has touched. `_load_number` counts the loads of
  bronze; `silver.processed_loads` remembers, per silver table, up to which load of each bronze table it has read.

  The rule that everything here keeps: an incremental run ends in the same rows as a full refresh.
#}

{# All bronze versions of the records that got a new row since this table was last built; all of them in a full refresh. #}
{% macro changed_rows(bronze_table, key) -%}
    (
        select *
        from {{ ref(bronze_table) }}
        {%- if is_incremental() %}
        where {{ key }} in ({{ changed_keys(bronze_table, key) }})
        {%- endif %}
    )
{%- endmacro %}

{# The keys of bronze rows that this table has not read yet. #}
{% macro changed_keys(bronze_table, key) -%}
    select {{ key }}
    from {{ ref(bronze_table) }}
    where
        _load_number > coalesce((
            select max(processed.load_number)
            from {{ source('bookkeeping', 'processed_loads') }} as processed
            where processed.model = '{{ model.name }}' and processed.object = '{{ bronze_table }}'
        ), 0)
{%- endmacro %}

{# After an incremental silver table is built: everything that bronze has loaded is in it. #}
{% macro remember_processed_loads() -%}
    {%- if model.config.materialized == 'incremental' %}
    delete from {{ source('bookkeeping', 'processed_loads') }} where model = '{{ model.name }}';
    insert into {{ source('bookkeeping', 'processed_loads') }}
    select
        '{{ model.name }}',
        object,
        max(load_number)
    from {{ source('bookkeeping', 'loaded_files') }}
    group by object
    {%- endif %}
{%- endmacro %}

{#
  An event that arrives later than the window after it happened changes no history: it stays in bronze and is listed
  in `gold.late_rows`. What an object delivers first is its history and never late.
#}
{% macro arrived_in_time(bronze_table, occurred_at) -%}
    (
        _loaded_at <= {{ occurred_at }} + to_days({{ late_arrival_days() }})
        or _loaded_at = (select min(first_load._loaded_at) from {{ ref(bronze_table) }} as first_load)
    )
{%- endmacro %}

{# The same, where an object has such a moment; without one no row of it can be late. #}
{% macro is_counted(bronze_table) -%}
    {%- set happened_at = bronze_contracts()[bronze_table].happened_at -%}
    {%- if happened_at -%} {{ arrived_in_time(bronze_table, happened_at) }} {%- else -%} true {%- endif -%}
{%- endmacro %}

{# Before a run: the tables of the bookkeeping; and when what shapes stored rows is not what built them, a full refresh. #}
{% macro prepare_incremental_tables() -%}
    {%- if execute -%}
        {%- for table in bookkeeping_tables() -%}
            {%- do run_query("create schema if not exists " ~ table.schema) -%}
            {%- if table.name != 'quarantined_rows' -%}
                {%- do run_query(
                    "create table if not exists " ~ source('bookkeeping', table.name)
                    ~ " (" ~ declared_columns(table.name) ~ ")"
                ) -%}
            {%- endif -%}
        {%- endfor -%}
        {%- set run_days = source('bookkeeping', 'run_days') -%}
        {%- do run_query(
            "insert into " ~ run_days ~ " select day from (select " ~ as_of_date() ~ " as day) as this_run"
            ~ " where day is not null and day not in (select as_of_date from " ~ run_days ~ ")"
        ) -%}
        {%- if is_typed_by_hand() -%}
            {#- What a person builds, under whatever settings, the pipeline builds again. -#}
            {%- do run_query("delete from " ~ source('bookkeeping', 'table_versions')) -%}
        {%- endif -%}
        {%- set built_by = source('bookkeeping', 'built_by') -%}
        {%- set fingerprint = run_query("select max(fingerprint) from " ~ built_by).columns[0][0] -%}
        {%- if dbt_fingerprint() and fingerprint != dbt_fingerprint() -%}
            {%- for node in graph.nodes.values()
                if node.resource_type == 'model' and node.config.materialized == 'incremental'
                and node.schema in ('bronze', 'silver') -%}
                {%- set relation = adapter.get_relation(node.database, node.schema, node.name) -%}
                {%- if relation -%}{%- do adapter.drop_relation(relation) -%}{%- endif -%}
            {%- endfor -%}
            {%- do run_query("delete from " ~ source('bookkeeping', 'loaded_files')) -%}
            {%- do run_query("delete from " ~ source('bookkeeping', 'processed_loads')) -%}
            {%- do run_query("delete from " ~ built_by) -%}
            {%- do run_query("insert into " ~ built_by ~ " values ('" ~ dbt_fingerprint() ~ "')") -%}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{# The tables that dbt keeps of its own work, as their YAML declares them. #}
{% macro bookkeeping_tables() -%}
    {{ return(graph.sources.values() | selectattr('source_name', 'equalto', 'bookkeeping') | list) }}
{%- endmacro %}

{# Columns of one of them with their types; known once the project is parsed. #}
{% macro declared_columns(table_name) -%}
    {%- if execute -%}
        {%- for table in bookkeeping_tables() if table.name == table_name -%}
            {%- for column in table.columns.values() -%}
                {{ column.name }} {{ column.data_type }}{{ ',\n' if not loop.last }}
            {%- endfor -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}

{# Stands for all that shapes stored rows (`dagster_project/stored_rows.py`); empty when dbt is run by hand. #}
{% macro dbt_fingerprint() -%}
    {{ env_var('CUSTINT_DBT_FINGERPRINT', '') }}
{%- endmacro %}
