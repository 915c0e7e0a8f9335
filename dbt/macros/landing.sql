{#
  Landing files as rows. A vendor's object is all its batches, each loaded once; an object of the file drop is its newest
  batch, because a dropped file is the whole truth of its object. `_empty.parquet` has the columns and types of the
  contract: it stands for an object that was never delivered, and for columns that old batches do not have.

  `bronze.loaded_files` says which load brought which file.
#}

{% macro landing_folder(system, object_name) -%}
    {{ landing_dir() }}/{{ system }}/{{ object_name }}
{%- endmacro %}

{# The files of a load, chosen once before it begins: bronze, quarantine and `bronze.loaded_files` speak of the same. #}
{% macro choose_landing_files() -%}
    {%- set system, object_name = model.name.split('__', 1) -%}
    {%- set folder = landing_folder(system, object_name) -%}
    set variable {{ model.name }}_files = (
        select coalesce(list(file order by file), [])
        from (
            select file
            from glob('{{ folder }}/*.parquet')
            where
                not ends_with(file, '/_empty.parquet')
                {%- if is_incremental() %}
                and parse_filename(file) not in (select file from bronze.loaded_files where object = '{{ model.name }}')
                {%- endif %}
            order by parse_filename(file) desc
            {%- if is_snapshot(model) %}
            limit 1
            {%- endif %}
        )
    );
    set variable {{ model.name }}_load = (select coalesce(max(load_number), 0) + 1 from bronze.loaded_files);
    {%- if not is_incremental() %}
    delete from bronze.loaded_files where object = '{{ model.name }}';
    drop table if exists quarantine.{{ model.name }};
    {%- endif %}
{%- endmacro %}

{% macro remember_landing_files() -%}
    insert into bronze.loaded_files
    select
        '{{ model.name }}',
        parse_filename(unnest(getvariable('{{ model.name }}_files'))),
        getvariable('{{ model.name }}_load')
{%- endmacro %}

{# The rows of this load: what `choose_landing_files` chose. #}
{% macro chosen_landing_rows() -%}
    {%- set system, object_name = model.name.split('__', 1) -%}
    read_parquet(
        getvariable('{{ model.name }}_files') || ['{{ landing_folder(system, object_name) }}/_empty.parquet'],
        union_by_name = true
    )
{%- endmacro %}

{# All rows that count today, whatever has been loaded. #}
{% macro landing_rows(system, object_name) -%}
    {%- set folder = landing_folder(system, object_name) -%}
    {%- if system == 'files' and execute -%}
        {%- set newest = run_query(
            "select max(file) from (select parse_filename(file) as file from glob('" ~ folder ~ "/*.parquet'))"
            ~ " where file <> '_empty.parquet'"
        ).columns[0][0] -%}
        read_parquet('{{ folder }}/{{ newest or '_empty.parquet' }}')
    {%- else -%}
        read_parquet('{{ folder }}/*.parquet', union_by_name = true)
    {%- endif -%}
{%- endmacro %}
