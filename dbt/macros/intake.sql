{#
  What becomes of the rows of bronze, by the fact `reaches` of their contracts (`dagster_project/contract_macro.py`). Each
  row arrived too late, or is a version that a newer one replaces, or is found in the table that its object reaches, or
  is missing there. Whole objects are compared as sets of keys; only the rows that are missing are looked at one by one.
#}

{# `reaches` of an object, complete: parties are found among the source records of customers. #}
{% macro reaches_of(bronze_table) -%}
    {%- set contract = bronze_contracts()[bronze_table] -%}
    {%- set system, object_name = bronze_table.split('__', 1) -%}
    {%- if contract.reaches != 'parties' -%}
        {{ return(contract.reaches if contract.reaches is defined else {'because': 'its contract names no table that reads it'}) }}
    {%- endif -%}
    {%- set only_if = contract.party.only_if -%}
    {{ return({
        'id': "system || ':' || object || ':' || source_ref",
        'as': "'" ~ system ~ ":" ~ object_name ~ ":' || " ~ contract.key[0],
        'is_history': true,
        'unless': [
            {'when': 'not (' ~ only_if ~ ')', 'reason': 'it belongs to us and is no customer', 'do': 'nothing'}
        ] if only_if else [],
        'otherwise': {'reason': 'it belonged to us once and is no customer', 'do': 'nothing'} if only_if else none
    }) }}
{%- endmacro %}

{# The keys that are in the table which an object reaches. #}
{% macro reached_ids(reaches) -%}
    select {{ reaches.id }}
    from {{ ref(reaches.table) if reaches.table else source('resolved', 'customer_identities') }}
{%- endmacro %}

{# What tells the rows of an object apart: its key, and the version where older ones are history. #}
{% macro told_apart_by(bronze_table) -%}
    {%- set contract = bronze_contracts()[bronze_table] -%}
    {{ return((contract.key + ([contract.version] if reaches_of(bronze_table).is_history and contract.version else []))
        | unique | join(', ')) }}
{%- endmacro %}

{# SQL that is true of a row which the object's table does not have; two events of one id are told apart by their time. #}
{% macro is_missing(reaches, key) -%}
    {%- if reaches.id -%}
        {%- if reaches.at in key -%} {{ reaches.at }} >= {{ run_ends_at() }} or {% endif -%}
        {{ reaches.as }} not in ({{ reached_ids(reaches) }})
    {%- else -%}
        {%- for entry in reaches.unless -%} {{ entry.when }} or {% endfor -%} false
    {%- endif -%}
{%- endmacro %}

{# The rows of an object that arrived in time, each of its records once. #}
{% macro counted_keys(bronze_table) -%}
    select distinct {{ told_apart_by(bronze_table) }}, {{ reaches_of(bronze_table).as or 'true' }} as id
    from {{ ref(bronze_table) }}
    where {{ is_counted(bronze_table) }}
{%- endmacro %}

{# Number of rows of an object that are where they belong. #}
{% macro reached_row_count(bronze_table) -%}
    {%- set reaches = reaches_of(bronze_table) -%}
    {%- if reaches.because -%}
        cast(0 as bigint)
    {%- elif reaches.id -%}
        (
            select count(*)
            from ({{ counted_keys(bronze_table) }})
            where
                id in ({{ reached_ids(reaches) }})
                {%- if reaches.at in bronze_contracts()[bronze_table].key %}
                and {{ reaches.at }} < {{ run_ends_at() }}
                {%- endif %}
        )
    {%- else -%}
        (select count(*) from ({{ newest_rows(bronze_table) }}) where not coalesce({{ is_missing(reaches, []) }}, false))
    {%- endif -%}
{%- endmacro %}

{# The newest row of each record that arrived in time. #}
{% macro newest_rows(bronze_table, where='true') -%}
    select *
    from {{ ref(bronze_table) }}
    where {{ is_counted(bronze_table) }} and ({{ where }})
    qualify row_number() over (
        partition by {{ told_apart_by(bronze_table) }}
        order by
            {{ bronze_contracts()[bronze_table].version or '_loaded_at' }} desc,
            _loaded_at desc,
            _source_file desc,
            _source_line desc
    ) = 1
{%- endmacro %}

{# Rows of an object that are nowhere, with reason: `source_ref`, `reason`, `what_to_do`, `row_count`. #}
{% macro left_out_of(bronze_table) -%}
    {%- set contract, reaches = bronze_contracts()[bronze_table], reaches_of(bronze_table) -%}
    {%- set ref_text = "concat_ws(':', " ~ contract.key | join(', ') ~ ")" -%}
    {%- if reaches.because %}
    select
        '*' as source_ref,
        '{{ reaches.because }}' as reason,
        'nothing' as what_to_do,
        count(*) as row_count
    from {{ ref(bronze_table) }}
    {%- else %}
    select
        '*' as source_ref,
        'a newer version of the record has replaced it, or it was delivered twice' as reason,
        'nothing' as what_to_do,
        count(*) - (select count(*) from ({{ counted_keys(bronze_table) }})) as row_count
    from {{ ref(bronze_table) }}
    where {{ is_counted(bronze_table) }}
    {%- if contract.happened_at %}
    union all
    select
        {{ ref_text }} as source_ref,
        'it arrived too late to change history' as reason,
        'see gold.late_rows; CUSTINT_LATE_ARRIVAL_DAYS sets how late may be' as what_to_do,
        1 as row_count
    from {{ ref(bronze_table) }}
    where not {{ is_counted(bronze_table) }}
    {%- endif %}
    union all
    select
        {{ ref_text }} as source_ref,
        {{ reason_of(contract, reaches, 'reason', 'no rule says why') }} as reason,
        {{ reason_of(contract, reaches, 'do', 'tell those who keep the pipeline') }} as what_to_do,
        1 as row_count
    from ({{ newest_rows(bronze_table, is_missing(reaches, contract.key)) }})
    {%- endif %}
{%- endmacro %}

{# Why a missing row is missing, or what to do: the first that holds. #}
{% macro reason_of(contract, reaches, word, otherwise) -%}
    coalesce(
        {%- for entry in reaches.unless or [] %}
        if({{ entry.when }}, '{{ entry[word] }}', null),
        {%- endfor %}
        {%- if reaches.at %}
        if(
            {{ reaches.at }} >= {{ run_ends_at() }},
            '{{ 'it happened after the day of the run' if word == 'reason' else 'nothing; a run of its day takes it' }}',
            null
        ),
        {%- endif %}
        {%- for entry in reaches.needs or [] %}
        if(
            {{ entry.as }} is null or {{ entry.as }} not in (select {{ entry.id }} from {{ ref(entry.table) }}),
            '{{ entry[word] }}',
            null
        ),
        {%- endfor %}
        '{{ reaches.otherwise[word] if reaches.otherwise else otherwise }}'
    )
{%- endmacro %}
