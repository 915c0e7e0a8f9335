{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='response_ref') }}

with latest_responses as (
    {{ latest_versions(changed_rows('marketing__nps_responses', 'response_ref'), 'response_ref', 'responded_at') }}
),

described as (
    select
        response_ref,
        lower(email) as email,
        rating,
        responded_at
    from latest_responses
)

select * from described
