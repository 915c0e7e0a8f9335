{# The run's settings, as `dagster_project/settings.py` passes them on. #}

{% macro landing_dir() -%}
    {%- set folder = env_var('CUSTINT_DATA_DIR', 'data') -%}
    {#- A relative folder is one of the project's, as everywhere, and dbt is typed in `dbt/`; see profiles.yml. -#}
    {{ folder if folder.startswith('/') else '../' ~ folder }}/landing
{%- endmacro %}

{# Whether a person runs dbt, and not the pipeline, which always says what its rows were built by. #}
{% macro is_typed_by_hand() -%}
    {{ return(env_var('CUSTINT_DBT_FINGERPRINT', 'unset') == 'unset') }}
{%- endmacro %}

{% macro reporting_currency() -%}
    '{{ env_var('CUSTINT_REPORTING_CURRENCY', 'USD') }}'
{%- endmacro %}

{% macro churn_horizon_days() -%}
    {{ env_var('CUSTINT_CHURN_HORIZON_DAYS', '90') | int }}
{%- endmacro %}

{% macro gross_margin_share() -%}
    {{ env_var('CUSTINT_GROSS_MARGIN_SHARE', '0.8') | float }}
{%- endmacro %}

{# The day of the run; null in a run that is for none, such as one of bronze alone. Typed by hand: the newest of a run. #}
{% macro as_of_date() -%}
    {%- set day = env_var('CUSTINT_RUN_AS_OF_DATE', '') -%}
    {%- if not day and execute and is_typed_by_hand() -%}
        {%- set run_days = load_relation(source('bookkeeping', 'run_days')) -%}
        {%- set day = run_query("select max(as_of_date) from " ~ run_days).columns[0][0] if run_days else none -%}
    {%- endif -%}
    cast({{ "'" ~ day ~ "'" if day else 'null' }} as date)
{%- endmacro %}

{#
  The first moment after the newest day that a run was for: nothing that is published happened later. The runs tell it,
  the data may hold any date; a run of an older day takes nothing away. Without any such run nothing is cut.
#}
{% macro run_ends_at() -%}
    {%- set run_days = source('bookkeeping', 'run_days') -%}
    {#- Rows that a unit test gives have no schema: there was no run then. -#}
    {%- set run_days = load_relation(run_days) if execute and run_days.schema else none -%}
    {%- set newest = run_query("select max(as_of_date) + 1 from " ~ run_days).columns[0][0] if run_days else none -%}
    {%- if newest -%} timestamp '{{ newest }}' {%- else -%} {{ open_end() }} {%- endif -%}
{%- endmacro %}

{# Days after an event within which its row still changes history. #}
{% macro late_arrival_days() -%}
    {{ env_var('CUSTINT_LATE_ARRIVAL_DAYS', '60') | int }}
{%- endmacro %}

{# Days back from the last day of the data that `fct_customer_daily` covers. #}
{% macro customer_daily_days() -%}
    {{ env_var('CUSTINT_CUSTOMER_DAILY_DAYS', '400') | int }}
{%- endmacro %}
