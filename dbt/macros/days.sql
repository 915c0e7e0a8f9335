{# Spans of time: what an open end is, their days, their begins and ends. Not here: what holds in them. #}

{#
  The end of a span whose end nobody knows: later than any moment, so that spans are joined by plain comparisons, which
  a hash join takes. With an empty end the condition needs a `coalesce`, and every row is compared with every row. Only
  what is published has empty ends: `published_end` makes them.
#}
{% macro open_end() -%}
    timestamp '9999-12-31'
{%- endmacro %}

{# No system has noted anything before: what says so has a clock or a unit that is wrong. #}
{% macro first_moment() -%}
    timestamp '1990-01-01'
{%- endmacro %}

{#
  Since when a delivered row can have been true: the moment that it gives, at the latest its load. Where it gives none, or
  one that cannot be, the load is all that is known: it stands in as the last day that was over then. A device whose
  clock is more than a year behind when it is heard of proves nothing older than that.
#}
{% macro credible_moment(moment, heard_at=none) -%}
    case
        {%- if heard_at %}
        when {{ moment }} < {{ heard_at }} - interval 1 year then least({{ heard_at }}, _loaded_at)
        {%- endif %}
        when {{ moment }} >= {{ first_moment() }} and {{ moment }} <= _loaded_at + interval 1 day
            then least({{ moment }}, _loaded_at)
        else date_trunc('day', _loaded_at) - interval 1 day
    end
{%- endmacro %}

{% macro published_end(ends_at) -%}
    nullif({{ ends_at }}, {{ open_end() }})
{%- endmacro %}

{# One row per day from a first to a last day of each row, both included; `carried` are columns that go along. #}
{% macro days_between(relation, first_date, last_date, day, carried=[]) -%}
    select
        {%- for column in carried %}
        {{ column }},
        {%- endfor %}
        cast(unnest(generate_series(
            cast({{ first_date }} as timestamp), cast({{ last_date }} as timestamp), interval 1 day
        )) as date) as {{ day }}
    from {{ relation }}
{%- endmacro %}

{#
  A measure that has an amount from one moment to another, as two changes: it is there at the end of the day on which it
  begins, and no longer at the end of the day on which it ends. An empty or an open end is none. The sum of a customer's changes up
  to a day is what holds at the end of that day; no row per day is needed to know it.
#}
{% macro span_changes(relation, measure, amount, from_at, to_at) -%}
    select
        customer_id,
        cast({{ from_at }} as date) as change_date,
        '{{ measure }}' as measure,
        cast({{ amount }} as decimal(18, 2)) as added
    from {{ relation }}
    where coalesce(cast({{ to_at }} as date) > cast({{ from_at }} as date), true)
    union all
    select
        customer_id,
        cast({{ to_at }} as date) as change_date,
        '{{ measure }}' as measure,
        cast(-({{ amount }}) as decimal(18, 2)) as added
    from {{ relation }}
    where cast({{ to_at }} as date) > cast({{ from_at }} as date)
{%- endmacro %}

{# A moment that is worth remembering, as a change of nothing. #}
{% macro moments(relation, measure, moment) -%}
    select
        customer_id,
        cast({{ moment }} as date) as change_date,
        '{{ measure }}' as measure,
        cast(0 as decimal(18, 2)) as added
    from {{ relation }}
{%- endmacro %}
