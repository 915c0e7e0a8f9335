{{ config(
    materialized='incremental', incremental_strategy='delete+insert', unique_key='as_of_date',
    on_schema_change='append_new_columns'
) }}

{{ customer_features_at('(select ' ~ as_of_date() ~ ' as as_of_date)') }}

select * from customer_features
