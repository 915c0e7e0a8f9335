{{ config(severity='warn') }}

-- A returned row is an answer outside of the scale of its survey kind: usually a source with another scale, which then
-- belongs into the seed `satisfaction_metrics`.
with fct_survey_responses as (
    select * from {{ ref('fct_survey_responses') }}
),

misplaced_responses as (
    select
        response_id,
        survey_kind,
        rating
    from fct_survey_responses
    where not rating between scale_min_rating and scale_max_rating
)

select * from misplaced_responses
