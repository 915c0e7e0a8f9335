{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='response_ref') }}

with latest_responses as (
    {{ latest_versions(
        '(select * from ' ~ changed_rows('marketing__nps_responses', 'response_ref')
        ~ ' where ' ~ arrived_in_time('marketing__nps_responses', 'responded_at') ~ ')',
        'response_ref', 'responded_at'
    ) }}
),

described as (
    select
        response_ref,
        {{ email_ref('email') }} as email_ref,
        rating,
        responded_at
    from latest_responses
)

select * from described
