{#
  Landing files as rows. A vendor's object is all its batches, each loaded once; an object of the file drop is its newest
  batch, because a dropped file is the whole truth of its object. `_empty.parquet` has the columns and types of the
  contract: it stands for an object that was never delivered.

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
                and parse_filename(file) not in (select file from {{ source('bookkeeping', 'loaded_files') }} where object = '{{ model.name }}')
                {%- endif %}
            order by parse_filename(file) desc
            {%- if is_snapshot() %}
            limit 1
            {%- endif %}
        )
    );
    set variable {{ model.name }}_load = (select coalesce(max(load_number), 0) + 1 from {{ source('bookkeeping', 'loaded_files') }});
    {%- if not is_incremental() %}
    delete from {{ source('bookkeeping', 'loaded_files') }} where object = '{{ model.name }}';
    drop table if exists {{ quarantine_of(model.name) }};
    {%- endif %}
{%- endmacro %}

{% macro remember_landing_files() -%}
    insert into {{ source('bookkeeping', 'loaded_files') }}
    select
        '{{ model.name }}',
        parse_filename(unnest(getvariable('{{ model.name }}_files'))),
        getvariable('{{ model.name }}_load')
{%- endmacro %}

{#
  The rows of the chosen files. The second half of the union has no row: it names the columns that files may lack, and
  leaves their type open where the contract does not say it, so that a file with real types is not read as text.

  A file that was landed byte for byte has no meta columns: they are its name, the row's number in it and the time
  that its name begins with.
#}
{% macro landed_rows(chosen) -%}
{%- set system, object_name = model.name.split('__', 1) -%}
select
    * exclude (_source_file, _source_line, _loaded_at),
    coalesce(_source_file, '{{ system }}/{{ object_name }}/' || parse_filename(_landing_file)) as _source_file,
    coalesce(_source_line, file_row_number + 1) as _source_line,
    coalesce(_loaded_at, try_strptime(left(parse_filename(_landing_file), 16), '%Y%m%dT%H%M%SZ')) as _loaded_at
from (
    select *
    from
        read_parquet(
            {{ files_or_the_empty_one(chosen) | indent(12) }},
            union_by_name = true,
            filename = '_landing_file',
            file_row_number = true
        )
    union all by name
    select
        {%- for field, landing_type in landing_fields().items() %}
        {{ 'null' if landing_type == 'any' else 'cast(null as ' ~ landing_type ~ ')' }} as {{ field }},
        {%- endfor %}
        cast(null as varchar) as _source_file,
        cast(null as bigint) as _source_line,
        cast(null as timestamp) as _loaded_at,
        cast(null as varchar) as _reject_column,
        cast(null as varchar) as _reject_reason,
        cast(null as varchar) as _faults
    where false
) as rows_of_files
{%- endmacro %}

{# The landing fields that the contract reads, each once, with the type that it says or `any`. #}
{% macro landing_fields() -%}
    {%- set fields = {} -%}
    {%- for column in model.columns.values() -%}
        {%- do fields.setdefault(column.config.meta.source, column.config.meta.landing_type | default('any') | lower) -%}
    {%- endfor -%}
    {{ return(fields) }}
{%- endmacro %}

{# The chosen files; when there are none, the one that has the columns and no row. #}
{% macro files_or_the_empty_one(chosen) -%}
if(
    len(getvariable('{{ model.name }}_{{ chosen }}')) = 0,
    ['{{ landing_folder(*model.name.split('__', 1)) }}/_empty.parquet'],
    getvariable('{{ model.name }}_{{ chosen }}')
)
{%- endmacro %}

{# A row that bronze has not kept is bad. Only when there is one are the files read again, to say why. #}
{% macro choose_files_with_bad_rows() -%}
set variable {{ model.name }}_files_with_bad_rows = (
    select
        if(
            count(*) = (
                select coalesce(sum(file_sizes.num_rows), 0)
                from
                    parquet_file_metadata(
                        {{ files_or_the_empty_one('files') | indent(24) }}
                    ) as file_sizes
            ),
            [],
            getvariable('{{ model.name }}_files')
        )
    from {{ this }}
    where _load_number = getvariable('{{ model.name }}_load')
);
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
