{#
  Landing files as rows. A vendor's object is all its batches; an object of the file drop is its newest batch,
  because a dropped file is the whole truth of its object. `_empty.parquet` stands for one that was never delivered.
#}

{% macro landing_files(system, object_name) -%}
    {%- set folder = landing_dir() ~ '/' ~ system ~ '/' ~ object_name -%}
    {%- if system == 'files' and execute -%}
        {%- set newest = run_query(
            "select coalesce(max(file) filter (where file not like '%_empty.parquet'), max(file))"
            ~ " from (select parse_filename(file) as file from glob('" ~ folder ~ "/*.parquet'))"
        ) -%}
        {{ folder }}/{{ newest.columns[0][0] }}
    {%- else -%}
        {{ folder }}/*.parquet
    {%- endif -%}
{%- endmacro %}

{% macro landing_rows(system, object_name) -%}
    read_parquet('{{ landing_files(system, object_name) }}', union_by_name = true)
{%- endmacro %}
