with prices as (
    {{ latest_versions(ref('stripe__prices'), 'price_ref') }}
),

products as (
    {{ latest_versions(ref('stripe__products'), 'product_ref') }}
),

subscription_terms as (
    select * from {{ ref('subscription_terms') }}
),

priced_plans as (
    select
        coalesce(products.plan_tier, products.name, 'unknown') as plan,
        prices.billing_interval,
        cast(1 as bigint) as interval_count,
        'stripe' as system,
        coalesce(prices.is_active, true) and coalesce(products.is_active, true) as is_sold,
        prices.unit_amount,
        prices.currency,
        prices.created_at,
        prices.price_ref
    from prices
    left join products on prices.product_ref = products.product_ref
    where prices.billing_interval is not null
),

-- A plan that someone has is one, with or without a price list.
subscribed_plans as (
    select distinct
        plan,
        billing_interval,
        cast(interval_count as bigint) as interval_count,
        system,
        cast(null as boolean) as is_sold,
        cast(null as decimal(18, 2)) as unit_amount,
        cast(null as text) as currency,
        cast(null as timestamp) as created_at,
        cast(null as text) as price_ref
    from subscription_terms
),

all_plans as (
    select * from priced_plans
    union all
    select * from subscribed_plans
),

with_keys as (
    select
        *,
        {{ plan_id('plan', 'billing_interval', 'interval_count') }} as plan_id
    from all_plans
),

plans as (
    select
        plan_id,
        min(trim(plan)) as plan,
        min(billing_interval) as billing_interval,
        coalesce(min(interval_count), 1) as interval_count,
        cast(min_by(unit_amount, (is_sold is distinct from true, -epoch(created_at), price_ref)) filter (
            where currency = {{ reporting_currency() }}
        ) as decimal(18, 2)) as list_price_amount,
        bool_or(is_sold) as is_sold,
        count(distinct price_ref) as price_count
    from with_keys
    group by plan_id
),

-- The member for facts that know no plan.
with_unknown as (
    select * from plans
    where plan_id <> 'unknown'
    union all
    select
        'unknown' as plan_id,
        'unknown' as plan,
        cast(null as text) as billing_interval,
        cast(1 as bigint) as interval_count,
        cast(null as decimal(18, 2)) as list_price_amount,
        cast(null as boolean) as is_sold,
        0 as price_count
)

select * from with_unknown
