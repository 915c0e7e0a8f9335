with touchpoints as (
    select * from {{ ref('touchpoints') }}
),

described as (
    select
        touchpoint_id,
        customer_id,
        occurred_at,
        cast(occurred_at as date) as touchpoint_date,
        channel,
        campaign_ref,
        direction,
        outcome,
        cost_amount
    from touchpoints
)

select * from described
