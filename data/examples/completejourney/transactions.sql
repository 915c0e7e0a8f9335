-- One row per basket. What a household paid is the sum of its lines, cent by cent: `sales_value` is after the discounts
-- of the shop and before coupons of manufacturers, which pay the shop.
select
    basket_id as transaction_ref,
    household_id as customer_ref,
    min(transaction_timestamp) as occurred_at,
    sum(cast(sales_value as decimal(18, 2))) as amount,
    'USD' as currency,
    'paid' as status,
    'order' as kind,
    min(store_id) as store_id
from 'delivered/transactions.parquet'
group by basket_id, household_id
