with latest_products as (
    {{ latest_versions(ref('stripe__products'), 'product_ref') }}
),

files__products as (
    select * from {{ ref('files__products') }}
),

subscription_terms as (
    select * from {{ ref('subscription_terms') }}
),

transaction_lines as (
    select * from {{ ref('transaction_lines') }}
    where product_id <> 'unknown'
),

listed_products as (
    select
        'stripe:' || product_ref as product_id,
        'stripe' as system,
        name as product_name,
        cast(null as text) as category,
        cast(null as decimal(18, 2)) as list_price_amount,
        cast(null as decimal(18, 2)) as cost_amount,
        plan_tier as plan,
        coalesce(is_active, true) as is_sold
    from latest_products
    union all
    select
        'files:' || product_ref as product_id,
        'files' as system,
        name as product_name,
        category,
        list_price_amount,
        cost_amount,
        cast(null as text) as plan,
        true as is_sold
    from files__products
),

-- What is subscribed to or sold is a product, with or without a price list; the file drop knows a plan by its name.
-- Where plans or categories of one product differ, the newest word counts.
subscribed_products as (
    select
        {{ subscribed_product_id('subscription_terms') }} as product_id,
        subscription_terms.system,
        max_by(subscription_terms.plan, (subscription_terms.known_at, subscription_terms.subscription_id)) as plan
    from subscription_terms
    where coalesce(subscription_terms.product_ref, subscription_terms.plan) <> 'unknown'
    group by {{ subscribed_product_id('subscription_terms') }}, subscription_terms.system
),

sold_products as (
    select
        product_id,
        system,
        max_by(description, (occurred_at, line_id)) filter (
            where system = 'files' and description is not null
        ) as category
    from transaction_lines
    group by product_id, system
),

named_products as (
    select
        product_id,
        system
    from listed_products
    union distinct
    select
        product_id,
        system
    from subscribed_products
    union distinct
    select
        product_id,
        system
    from sold_products
),

described as (
    select
        named_products.product_id,
        named_products.system,
        coalesce(
            listed_products.product_name, substr(named_products.product_id, length(named_products.system) + 2)
        ) as product_name,
        coalesce(listed_products.category, sold_products.category) as category,
        listed_products.list_price_amount,
        listed_products.cost_amount,
        coalesce(listed_products.plan, subscribed_products.plan) as plan,
        listed_products.is_sold
    from named_products
    left join listed_products on named_products.product_id = listed_products.product_id
    left join subscribed_products on named_products.product_id = subscribed_products.product_id
    left join sold_products on named_products.product_id = sold_products.product_id
    union all
    select
        'unknown' as product_id,
        'unknown' as system,
        'No or unknown product' as product_name,
        cast(null as text) as category,
        cast(null as decimal(18, 2)) as list_price_amount,
        cast(null as decimal(18, 2)) as cost_amount,
        cast(null as text) as plan,
        cast(null as boolean) as is_sold
)

select * from described
