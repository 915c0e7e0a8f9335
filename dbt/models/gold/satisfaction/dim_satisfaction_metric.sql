with satisfaction_metrics as (
    select * from {{ ref('satisfaction_metrics') }}
),

described as (
    select
        survey_kind,
        metric_name,
        question,
        scale_min_rating,
        scale_max_rating,
        negative_to_rating,
        positive_from_rating,
        negative_category,
        neutral_category,
        positive_category,
        formula,
        is_higher_better
    from satisfaction_metrics
)

select * from described
