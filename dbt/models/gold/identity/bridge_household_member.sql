with household_members as (
    select * from {{ source('resolved', 'household_members') }}
),

members as (
    select
        household_id,
        customer_id,
        household_kind,
        role,
        basis
    from household_members
)

select * from members
