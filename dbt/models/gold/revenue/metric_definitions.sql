with metric_catalogue as (
    select * from {{ ref('metric_catalogue') }}
),

metric_definitions as (
    select
        metric_id,
        metric_name,
        formula,
        published_in,
        grain,
        trials,
        discounts,
        taxes,
        one_offs,
        annual_plans,
        refunds,
        currency,
        owner
    from metric_catalogue
)

select * from metric_definitions
