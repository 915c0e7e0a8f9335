-- One row per product: the kind of product and its package stand for a name. There is no price list.
select
    product_id as product_ref,
    nullif(concat_ws(', ', coalesce(product_type, product_category, department), package_size), '') as name,
    coalesce(product_category, department) as category,
    department,
    brand
from 'delivered/products.parquet'
