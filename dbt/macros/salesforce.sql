{# What only Salesforce does. Not here: which columns hold its ids (`parse: salesforce_id` in a bronze contract). #}

{#
  A Salesforce id in its 18 characters. The web pages show the first 15, in which case matters; the other three say which
  of them are capitals: for every five characters one of 32 signs, the first character counting 1, the second 2, then 4,
  8 and 16. People copy the address of the page too: the id in it is meant. Whatever is no id of 15 characters, with the
  prefix of its kind where one is given, stays as it is.
#}
{% macro salesforce_id(written, prefix='') -%}
    {%- set page -%} '{{ salesforce_page(prefix) }}' {%- endset -%}
    if(
        regexp_matches({{ written }}, {{ page }}),
        {{ salesforce_id_of('regexp_extract(' ~ written ~ ', ' ~ page ~ ', 1)', prefix) | indent(8) }},
        {{ salesforce_id_of(written, prefix) | indent(8) }}
    )
{%- endmacro %}

{# The address of a record's page, in the old and the new look of Salesforce, as a pattern whose group is the id. #}
{% macro salesforce_page(prefix) -%}
    {%- set rest = 15 - prefix | length -%}
    ^https?://[^/]+[.](?:salesforce|force)[.]com/(?:[^?]*/)?({{ prefix }}[0-9A-Za-z]{{ '{' }}{{ rest }}{{ '}' }}(?:[0-9A-Za-z]{{ '{3}' }})?)(?:[/?#].*)?$
{%- endmacro %}

{% macro salesforce_id_of(written, prefix) -%}
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
