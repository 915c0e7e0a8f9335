with household_members as (
    select * from {{ source('resolved', 'household_members') }}
),

households as (
    select
        household_id,
        min(household_kind) as household_kind,
        min(basis) as basis,
        count(*) as member_count,
        min(customer_id) filter (where role = 'head') as head_customer_id
    from household_members
    group by household_id
)

select * from households
