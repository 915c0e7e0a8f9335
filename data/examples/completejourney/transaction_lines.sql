-- One row per line of a basket. Lines have a value and pieces, and no price: where the value is no whole number of
-- cents per piece (three for 4.00; fuel in thousandths of a gallon), the line is one piece of its whole value.
with lines as (
    select
        basket_id,
        product_id,
        quantity,
        cast(sales_value as decimal(18, 2)) as line_amount,
        row_number() over (partition by basket_id order by product_id, quantity, sales_value) as line_number
    from 'delivered/transactions.parquet'
),

priced as (
    select
        *,
        cast(round(cast(line_amount as double) / nullif(quantity, 0), 2) as decimal(18, 2)) as piece_amount
    from lines
),

counted as (
    select
        *,
        coalesce(piece_amount * quantity = line_amount, false) as is_exact
    from priced
)

select
    counted.basket_id as transaction_ref,
    counted.line_number,
    counted.product_id as product_ref,
    if(counted.is_exact, counted.quantity, 1) as quantity,
    if(counted.is_exact, counted.piece_amount, counted.line_amount) as unit_price_amount,
    coalesce(products.product_category, products.department) as category,
    counted.quantity as delivered_quantity
from counted
left join 'delivered/products.parquet' as products on counted.product_id = products.product_id
