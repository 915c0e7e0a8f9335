with customer_segments as (
    select * from {{ ref('customer_segments') }}
),

described as (
    select
        segment,
        segment_kind,
        segment_order,
        meaning,
        recommended_action
    from customer_segments
)

select * from described
