{# What only Salesforce does. Not here: which columns hold its ids (`parse: salesforce_id` in a bronze contract). #}

{#
  A Salesforce id in its 18 characters. The web pages show the first 15, in which case matters; the other three say which
  of them are capitals: for every five characters one of 32 signs, the first character counting 1, the second 2, then 4,
  8 and 16. Whatever is no id of 15 characters, with the prefix of its kind where one is given, stays as it is.
#}
{% macro salesforce_id(written, prefix='') -%}
    if(
        regexp_full_match({{ written }}, '{{ prefix }}[0-9A-Za-z]{{ '{' }}{{ 15 - prefix | length }}{{ '}' }}'),
        {{ written }}
        {%- for first in [1, 6, 11] %}
        || substr(
            'ABCDEFGHIJKLMNOPQRSTUVWXYZ012345',
            1
            {%- for place in range(5) %}
            + if(substr({{ written }}, {{ first + place }}, 1) between 'A' and 'Z', {{ 2 ** place }}, 0)
            {%- endfor %},
            1
        )
        {%- endfor %},
        {{ written }}
    )
{%- endmacro %}

{# The currency of a record's amounts. One that names none is of an organisation with a single currency, US dollars. #}
{% macro salesforce_currency(currency) -%}
    coalesce(upper({{ currency }}), 'USD')
{%- endmacro %}
