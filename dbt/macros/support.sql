{# What Zendesk means by its words for merges and rules. #}

{# Whether a list of tags holds the one that Zendesk puts on a ticket that it closes for a merge. #}
{% macro has_merge_tag(tags) -%}
    coalesce(regexp_matches({{ tags }}, '\bclosed_by_merge\b'), false)
{%- endmacro %}

{# Whether a merge wrote an event: of the ticket that it closes, or of the one that goes on. #}
{% macro is_by_merge(via) -%}
    coalesce(lower({{ via }}) like '%merge%', false)
{%- endmacro %}

{# Whether a trigger or an automation did it, though it stands in the update of a person. #}
{% macro is_by_rule(via) -%}
    coalesce(lower({{ via }}) like '%rule%' or lower({{ via }}) like '%trigger%', false)
{%- endmacro %}

{# One row per reference in a JSON list of them. #}
{% macro listed_refs(refs) -%}
    unnest(cast(json_extract_string({{ refs }}, '$[*]') as text[]))
{%- endmacro %}
