{# The rules by which product use is counted. Not here: the tables that count. #}

{# A session of a person ends with more than this many minutes without an event; exactly as many still belong to it. #}
{% macro session_gap_minutes() -%}
    30
{%- endmacro %}

{# 1 for an event that opens a session, 0 for one that goes on with the session of the event before it. #}
{% macro starts_new_session(occurred_at, previous_occurred_at) -%}
    case
        when {{ occurred_at }} <= {{ previous_occurred_at }} + interval {{ session_gap_minutes() }} minute then 0
        else 1
    end
{%- endmacro %}

{# Nothing for the first event of an id, `#2` for the next one that has the same. #}
{% macro nth_of_one_id(event_number) -%}
    if({{ event_number }} = 1, '', '#' || {{ event_number }})
{%- endmacro %}

{# Whole seconds that passed. #}
{% macro seconds_between(start, finish) -%}
    date_sub('second', {{ start }}, {{ finish }})
{%- endmacro %}

{# Days, from the first use of a feature on, in which it must become a habit; as many days without use end one. #}
{% macro adoption_window_days() -%}
    28
{%- endmacro %}

{# Different days of use that make a habit. #}
{% macro activation_days() -%}
    3
{%- endmacro %}
