{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='rating_ref') }}

with latest_ratings as (
    {{ latest_versions(changed_rows('zendesk__satisfaction_ratings', 'rating_ref'), 'rating_ref') }}
),

described as (
    select
        rating_ref,
        ticket_ref,
        score,
        created_at as rated_at
    from latest_ratings
)

select * from described
