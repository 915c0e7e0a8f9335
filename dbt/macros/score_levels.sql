{#
  The level of a score: the highest one whose lowest score it reaches. The levels are in the contract of the column that
  holds them, as `meta: {levels: {<level>: <lowest score>}}`; `health/` reads its own there too.
  Of contracts nothing is known while dbt parses, nor to the linter.
#}
{% macro score_level(score, column) -%}
    {%- set levels = model.columns[column].config.meta.levels if execute else {'': 0} -%}
    case
        {%- for level, lowest_score in levels.items() | sort(attribute='1', reverse=true) %}
        when {{ score }} >= {{ lowest_score }} then '{{ level }}'
        {%- endfor %}
    end
{%- endmacro %}
