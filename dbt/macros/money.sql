{# An amount in the reporting currency, to the cent. An empty currency is the reporting currency. #}
{% macro in_reporting_currency(amount, currency) -%}
    cast(
        case
            when coalesce({{ currency }}, {{ reporting_currency() }}) = {{ reporting_currency() }} then {{ amount }}
            else round({{ amount }} * {{ usd_rate(currency) }} / {{ usd_rate(reporting_currency()) }}, 2)
        end as decimal(18, 2)
    )
{%- endmacro %}

{% macro usd_rate(currency) -%}
    (select rates.usd_rate from {{ ref('currency_rates') }} as rates where rates.currency = {{ currency }})
{%- endmacro %}
