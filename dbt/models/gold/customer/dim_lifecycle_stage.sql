with lifecycle_stages as (
    select * from {{ ref('lifecycle_stages') }}
),

described as (
    select
        lifecycle_stage,
        stage_order,
        stage_name,
        is_paying_stage,
        definition
    from lifecycle_stages
)

select * from described
