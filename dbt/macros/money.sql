{#
  Money in the reporting currency, at the rate that held on a day: the newest of `currency_rates` that is not after it.
  An empty currency is the reporting currency. A currency or a day without a rate gives no amount, never 1:1.

  `currency` and `date` are columns with the name of their table, because they are read inside a subquery.
#}

{# An amount in the reporting currency, to the cent. #}
{% macro in_reporting_currency(amount, currency, date) -%}
    {{ at_exchange_rate(amount, exchange_rate(currency, date)) }}
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

{# What one unit of the currency was worth in the reporting currency on a day. #}
{% macro exchange_rate(currency, date) -%}
    cast(
        case
            when coalesce({{ currency }}, {{ reporting_currency() }}) = {{ reporting_currency() }} then 1
            else round(
                {{ rate_on('usd_rate', currency, date) }} / {{ rate_on('usd_rate', reporting_currency(), date) }}, 8
            )
        end as decimal(18, 8)
    )
{%- endmacro %}

{# The day from which that rate held; empty for the reporting currency, which needs none. #}
{% macro exchange_rate_date(currency, date) -%}
    case
        when coalesce({{ currency }}, {{ reporting_currency() }}) <> {{ reporting_currency() }}
            then greatest(
                {{ rate_on('rate_date', currency, date) }}, {{ rate_on('rate_date', reporting_currency(), date) }}
            )
    end
{%- endmacro %}

{% macro rate_on(column, currency, date) -%}
    (
        select rates.{{ column }}
        from {{ ref('currency_rate_periods') }} as rates
        where
            rates.currency = {{ currency }}
            and rates.valid_from <= cast({{ date }} as date)
            and rates.valid_to > cast({{ date }} as date)
    )
{%- endmacro %}
