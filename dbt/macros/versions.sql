{# The newest delivered version of each record; rows delivered twice fall together. #}
{% macro latest_versions(relation, key, version='modified_at') -%}
    select *
    from {{ relation }}
    qualify row_number() over (
        partition by {{ key }}
        order by {{ version }} desc, _loaded_at desc, _source_file desc, _source_line desc
    ) = 1
{%- endmacro %}
