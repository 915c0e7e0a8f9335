{# Words that several tables of interactions share. #}

{# A channel in the words of `dim_channel`. #}
{% macro channel_of(source_channel) -%}
    coalesce(nullif(replace(lower(trim({{ source_channel }})), ' ', '_'), ''), 'unknown')
{%- endmacro %}

{# A number as people write it: 9, not 9.0. #}
{% macro plain_number(value) -%}
    printf('%g', {{ value }})
{%- endmacro %}

{# The text, in lower case, has the pattern in it. #}
{% macro says(value, pattern) -%}
    regexp_matches(lower({{ value }}), '{{ pattern }}')
{%- endmacro %}

{# The cost columns of an interaction whose cost nobody knows. #}
{% macro without_cost() -%}
    cast(null as decimal(18, 2)) as cost_amount,
        cast(null as decimal(18, 2)) as original_cost_amount,
        cast(null as text) as currency,
        cast(null as date) as rate_date
{%- endmacro %}
