{#
  Money in the reporting currency, at the rate that held on a day: the newest of `exchange_rates` that is not after it.
  An empty currency is the reporting currency. A currency or a day without a rate gives no amount, never 1:1.
#}

{#
  Joins the rate that held on a day, under a name of its own: `<alias>.exchange_rate` is what one unit of the currency was
  worth in the reporting currency, `<alias>.rate_date` the day from which that held, empty for the reporting currency.
#}
{% macro join_exchange_rate(alias, currency, date) -%}
    asof left join {{ ref('exchange_rates') }} as {{ alias }}
    on
        coalesce({{ currency }}, {{ reporting_currency() }}) = {{ alias }}.currency
        and cast({{ date }} as date) >= {{ alias }}.valid_from
{%- endmacro %}

{# An amount times a rate, to the cent; decimals all the way, so that a stored rate gives the stored amount again. #}
{% macro at_exchange_rate(amount, rate) -%}
    cast(round(cast({{ amount }} as decimal(28, 2)) * {{ rate }}, 2) as decimal(18, 2))
{%- endmacro %}

{#
  One part of a whole, in the reporting currency: `up_to` is the sum of the parts up to and with this one, `before` the
  sum without it. Parts that are converted so add up to the whole to the cent, and a part of nothing stays nothing.
#}
{% macro part_at_exchange_rate(up_to, before, rate) -%}
    cast({{ at_exchange_rate(up_to, rate) }} - {{ at_exchange_rate(before, rate) }} as decimal(18, 2))
{%- endmacro %}
