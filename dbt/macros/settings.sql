{# The run's settings, as `dagster_project/settings.py` passes them on. #}

{% macro landing_dir() -%}
    {{ env_var('CUSTINT_DATA_DIR', '../data') }}/landing
{%- endmacro %}

{% macro reporting_currency() -%}
    '{{ env_var('CUSTINT_REPORTING_CURRENCY', 'USD') }}'
{%- endmacro %}

{% macro churn_horizon_days() -%}
    {{ env_var('CUSTINT_CHURN_HORIZON_DAYS', '90') | int }}
{%- endmacro %}

{% macro as_of_date() -%}
    cast('{{ env_var('CUSTINT_RUN_AS_OF_DATE', '1970-01-01') }}' as date)
{%- endmacro %}

{# Days after an event within which its row still changes history. #}
{% macro late_arrival_days() -%}
    {{ env_var('CUSTINT_LATE_ARRIVAL_DAYS', '60') | int }}
{%- endmacro %}

{# Days back from the last day of the data that `fct_customer_daily` covers. #}
{% macro customer_daily_days() -%}
    {{ env_var('CUSTINT_CUSTOMER_DAILY_DAYS', '400') | int }}
{%- endmacro %}
