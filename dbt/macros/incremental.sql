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
            from silver.processed_loads as processed
            where processed.model = '{{ model.name }}' and processed.object = '{{ bronze_table }}'
        ), 0)
{%- endmacro %}

{# After an incremental silver table is built: everything that bronze has loaded is in it. #}
{% macro remember_processed_loads() -%}
    {%- if model.config.materialized == 'incremental' %}
    delete from silver.processed_loads where model = '{{ model.name }}';
    insert into silver.processed_loads
    select
        '{{ model.name }}',
        object,
        max(load_number)
    from bronze.loaded_files
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

{# The bookkeeping of loads; and when what shapes stored rows is not what built them, a full refresh. #}
{% macro prepare_incremental_tables() -%}
    {%- if execute -%}
        {%- do run_query("create schema if not exists quarantine") -%}
        {%- do run_query("create schema if not exists bronze") -%}
        {%- do run_query("create schema if not exists silver") -%}
        {%- do run_query("create table if not exists bronze.loaded_files (object varchar, file varchar, load_number bigint)") -%}
        {%- do run_query("create table if not exists silver.processed_loads (model varchar, object varchar, load_number bigint)") -%}
        {%- do run_query("create table if not exists bronze.built_by (fingerprint varchar)") -%}
        {%- set built_by = run_query("select max(fingerprint) from bronze.built_by").columns[0][0] -%}
        {%- if dbt_fingerprint() and built_by != dbt_fingerprint() -%}
            {%- for node in graph.nodes.values()
                if node.resource_type == 'model' and node.config.materialized == 'incremental'
                and node.schema in ('bronze', 'silver') -%}
                {%- set relation = adapter.get_relation(node.database, node.schema, node.name) -%}
                {%- if relation -%}{%- do adapter.drop_relation(relation) -%}{%- endif -%}
            {%- endfor -%}
            {%- do run_query("delete from bronze.loaded_files") -%}
            {%- do run_query("delete from silver.processed_loads") -%}
            {%- do run_query("delete from bronze.built_by") -%}
            {%- do run_query("insert into bronze.built_by values ('" ~ dbt_fingerprint() ~ "')") -%}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{# Stands for all that shapes stored rows (`dagster_project/stored_rows.py`); empty when dbt is run by hand. #}
{% macro dbt_fingerprint() -%}
    {{ env_var('CUSTINT_DBT_FINGERPRINT', '') }}
{%- endmacro %}
