-- One row per household that bought: the first basket is when it became a customer. What 801 of them told of themselves
-- is kept beside the layout.
with buyers as (
    select
        household_id,
        min(transaction_timestamp) as created_at
    from 'delivered/transactions.parquet'
    group by household_id
)

select
    buyers.household_id as customer_ref,
    'person' as kind,
    buyers.created_at,
    demographics.age,
    demographics.income,
    demographics.household_comp,
    demographics.kids_count
from buyers
left join 'delivered/demographics.parquet' as demographics on buyers.household_id = demographics.household_id
order by buyers.household_id
