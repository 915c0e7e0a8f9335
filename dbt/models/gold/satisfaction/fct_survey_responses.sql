with survey_responses as (
    select * from {{ ref('survey_responses') }}
),

ticket_ratings as (
    select * from {{ ref('ticket_ratings') }}
),

satisfaction_metrics as (
    select * from {{ ref('satisfaction_metrics') }}
),

all_responses as (
    select
        'survey:' || response_id as response_id,
        customer_id,
        system,
        survey_kind,
        cast(null as text) as ticket_id,
        responded_at,
        rating,
        cast(null as text) as exclusion_reason
    from survey_responses
    union all
    select
        'ticket:' || rating_id as response_id,
        customer_id,
        system,
        'csat' as survey_kind,
        ticket_id,
        rated_at as responded_at,
        rating,
        exclusion_reason
    from ticket_ratings
),

with_category as (
    select
        responses.response_id,
        responses.customer_id,
        responses.system,
        responses.survey_kind,
        responses.ticket_id,
        responses.responded_at,
        cast(responses.responded_at as date) as responded_date,
        responses.rating,
        metrics.scale_min_rating,
        metrics.scale_max_rating,
        case
            when responses.exclusion_reason is not null then null
            when responses.rating < metrics.scale_min_rating or responses.rating > metrics.scale_max_rating then null
            when responses.rating <= metrics.negative_to_rating then metrics.negative_category
            when responses.rating >= metrics.positive_from_rating then metrics.positive_category
            else metrics.neutral_category
        end as category,
        responses.exclusion_reason
    from all_responses as responses
    left join satisfaction_metrics as metrics on responses.survey_kind = metrics.survey_kind
)

select * from with_category
