with received_subscription_versions as (
    select * from {{ ref('received_subscription_versions') }}
),

stripe__customers as (
    select * from {{ ref('stripe__customers') }}
),

prices as (
    {{ latest_versions(ref('stripe__prices'), 'price_ref') }}
),

customer_discounts as (
    select
        customer_ref,
        discount,
        min(modified_at) as known_from,
        max(modified_at) as last_known_at
    from stripe__customers
    where json_extract_string(discount, '$.id') is not null
    group by customer_ref, discount
),

-- A discount that a later version of the customer does not have any more has ended by then.
customer_discount_spans as (
    select
        discounts.customer_ref,
        discounts.discount,
        discounts.known_from,
        coalesce(min(later.modified_at), {{ open_end() }}) as known_to
    from customer_discounts as discounts
    left join stripe__customers as later
        on discounts.customer_ref = later.customer_ref and discounts.last_known_at < later.modified_at
    group by discounts.customer_ref, discounts.discount, discounts.known_from
),

with_item_list as (
    select
        *,
        {{ json_parts('items', '$.data[*]') }} as item_list
    from received_subscription_versions
),

-- A version without items is one of which nothing is known but that it is there.
versions_with_items as (
    select
        * exclude (items, item_list),
        {{ minor_unit() }} as _minor_unit,
        unnest(if(len(item_list) = 0, [cast(null as json)], item_list)) as item,
        unnest(generate_series(1, greatest(len(item_list), 1))) as item_number
    from with_item_list
),

-- Newer accounts give several discounts, or no more than their ids, and repeat the first in the older field `discount`.
-- What a discount is worth in the currency of the subscription is not always told.
with_parts as (
    select
        * exclude (item, discount, discounts),
        coalesce(
            json_extract_string(item, '$.id'), if(item_number = 1, null, cast(item_number as text))
        ) as item_ref,
        coalesce({{ nested_id('item', '$.price') }}, {{ nested_id('item', '$.plan') }}) as price_ref,
        {{ json_number('item', '$.quantity', 'bigint') }} as quantity,
        coalesce(json_extract(item, '$.price'), json_extract(item, '$.plan')) as price,
        {{ json_moment('item', '$.created') }} as item_created_at,
        list_filter(
            {{ json_parts('item', '$.discounts[*]') }}, lambda named: {{ says_its_terms('named') }}
        ) as item_discounts,
        list_filter(
            {{ json_parts('discounts', '$[*]') }}, lambda named: {{ says_its_terms('named') }}
        ) as subscription_discounts,
        if({{ says_its_terms('discount') }}, [cast(discount as json)], []) as older_discounts,
        len({{ json_parts('item', '$.discounts[*]') }}) + greatest(
            len({{ json_parts('discounts', '$[*]') }}), if({{ nested_id('discount', '$.coupon') }} is null, 0, 1)
        ) as named_discount_count,
        coalesce(
            nullif({{ json_parts('item', '$.tax_rates[*]') }}, []), {{ json_parts('default_tax_rates', '$[*]') }}
        ) as tax_rates
    from versions_with_items
),

with_discounts as (
    select
        items.*,
        case
            when len(items.subscription_discounts) > 0 then items.subscription_discounts
            else items.older_discounts
        end as shared_discounts,
        items.named_discount_count = 0 and spans.discount is not null as has_customer_discount,
        if(
            has_customer_discount and {{ says_its_terms('spans.discount') }}, [cast(spans.discount as json)], []
        ) as customer_discounts,
        items.named_discount_count
        > len(items.item_discounts) + greatest(len(items.subscription_discounts), len(items.older_discounts))
        or (has_customer_discount and len(customer_discounts) = 0) as has_unknown_discount,
        spans.known_to as customer_discounts_end_at
    from with_parts as items
    left join customer_discount_spans as spans on items.customer_ref = spans.customer_ref
    qualify row_number() over (
        partition by items.subscription_ref, items.known_at, items.item_number
        order by (spans.known_from <= items.known_at) desc nulls last, spans.known_from desc nulls last
    ) = 1
),

-- A price may have amounts for several currencies; one that has none for that of the subscription has no amount here.
with_amounts as (
    select
        items.*,
        {{ in_currency('items.price', 'items.currency') }} as amounts,
        json_extract(try_cast(prices.currency_options as json), '$.' || lower(items.currency)) as further_amounts,
        if(
            coalesce(prices.currency, items.currency) = items.currency,
            {
                'unit_minor_amount': coalesce(prices.unit_minor_amount, prices.unit_amount / items._minor_unit),
                'tiers': {{ json_parts('prices.tiers', '$[*]') }}
            },
            {
                'unit_minor_amount': coalesce(
                    {{ json_number('further_amounts', '$.unit_amount_decimal') }},
                    {{ json_number('further_amounts', '$.unit_amount') }}
                ),
                'tiers': {{ json_parts('further_amounts', '$.tiers[*]') }}
            }
        ) as listed
    from with_discounts as items
    left join prices on items.price_ref = prices.price_ref
),

with_price as (
    select
        items.*,
        coalesce({{ nested_id('items.price', '$.product') }}, prices.product_ref) as product_ref,
        coalesce(
            json_extract_string(items.price, '$.recurring.interval'),
            json_extract_string(items.price, '$.interval'),
            prices.billing_interval
        ) as billing_interval,
        coalesce(
            {{ json_number('items.price', '$.recurring.interval_count', 'bigint') }},
            {{ json_number('items.price', '$.interval_count', 'bigint') }},
            prices.interval_count
        ) as interval_count,
        -- What is metered has no quantity; where Stripe does not say how it is used, that says it.
        coalesce(
            json_extract_string(items.price, '$.recurring.usage_type'),
            prices.usage_type,
            if(items.quantity is null and items.price is not null, 'metered', 'licensed')
        ) = 'metered' as is_metered,
        coalesce(
            json_extract_string(items.price, '$.billing_scheme'), prices.billing_scheme, 'per_unit'
        ) = 'tiered' as is_tiered,
        coalesce(json_extract_string(items.price, '$.tiers_mode'), prices.tiers_mode) as tiers_mode,
        coalesce(nullif({{ json_parts('items.amounts', '$.tiers[*]') }}, []), items.listed['tiers']) as tiers,
        coalesce(
            {{ json_number('items.amounts', '$.unit_amount_decimal') }},
            {{ json_number('items.amounts', '$.unit_amount') }},
            {{ json_number('items.amounts', '$.amount') }},
            items.listed['unit_minor_amount']
        ) as unit_minor_amount,
        coalesce(
            json_extract(items.price, '$.transform_quantity'), try_cast(prices.transform_quantity as json)
        ) as package
    from with_amounts as items
    left join prices on items.price_ref = prices.price_ref
),

tiers as (
    select
        subscription_ref,
        known_at,
        item_number,
        quantity,
        tiers_mode,
        unnest(tiers) as tier,
        unnest(generate_series(1, len(tiers))) as tier_number
    from with_price
    where is_tiered
),

tiers_with_bounds as (
    select
        * exclude (tier),
        coalesce({{ json_number('tier', '$.up_to', 'bigint') }}, 9000000000000000) as up_to_quantity,
        coalesce({{ json_number('tier', '$.unit_amount_decimal') }}, {{ json_number('tier', '$.unit_amount') }}, 0)
            as unit_minor_amount,
        coalesce({{ json_number('tier', '$.flat_amount_decimal') }}, {{ json_number('tier', '$.flat_amount') }}, 0)
            as flat_minor_amount
    from tiers
),

tiers_with_both_bounds as (
    select
        *,
        lag(up_to_quantity, 1, 0) over (
            partition by subscription_ref, known_at, item_number order by tier_number
        ) as above_quantity
    from tiers_with_bounds
),

-- Graduated: each seat at the price of its own tier. Volume: all seats at the price of the tier in which the last lies.
tiered_amounts as (
    select
        subscription_ref,
        known_at,
        item_number,
        sum(
            if(tiers_mode = 'volume', quantity, least(quantity, up_to_quantity) - above_quantity) * unit_minor_amount
            + flat_minor_amount
        ) as minor_amount
    from tiers_with_both_bounds
    where
        (quantity > above_quantity or (quantity = 0 and tier_number = 1))
        and (tiers_mode is distinct from 'volume' or quantity <= up_to_quantity)
    group by subscription_ref, known_at, item_number
),

priced as (
    select
        items.*,
        case
            when items.is_metered then null
            when items.is_tiered then tiered.minor_amount
            else items.unit_minor_amount * coalesce(
                case json_extract_string(items.package, '$.round')
                    when 'up'
                        then ceil(items.quantity / {{ json_number('items.package', '$.divide_by', 'bigint') }})
                    else floor(items.quantity / {{ json_number('items.package', '$.divide_by', 'bigint') }})
                end,
                items.quantity,
                1
            )
        end as minor_amount
    from with_price as items
    left join tiered_amounts as tiered
        on
            items.subscription_ref = tiered.subscription_ref
            and items.known_at = tiered.known_at
            and items.item_number = tiered.item_number
),

with_bill_amount as (
    select
        *,
        cast(round(minor_amount, 0) * _minor_unit as decimal(18, 2)) as bill_amount,
        {{ discount_terms('item_discounts', 'product_ref') }} as own_discounts,
        list_concat(
            {{ discount_terms('shared_discounts', 'product_ref') }},
            {{ discount_terms('customer_discounts', 'product_ref', 'customer_discounts_end_at') }}
        ) as shared_discount_terms,
        list_sum(
            list_transform(
                list_filter(tax_rates, lambda rate: json_extract_string(rate, '$.inclusive') = 'true'),
                lambda rate: {{ json_number('rate', '$.percentage', 'decimal(9, 4)') }}
            )
        ) as included_tax_percent
    from priced
),

-- An item that a later version of its subscription does not have any more ended when that was reported. One that was
-- added later begins when it was added.
versions_in_order as (
    select
        subscription_ref,
        known_at,
        min(known_at) over (partition by subscription_ref) as first_known_at,
        lead(known_at) over (partition by subscription_ref order by known_at) as next_known_at
    from received_subscription_versions
),

with_item_life as (
    select
        items.subscription_ref,
        items.item_ref,
        items.item_number,
        items.known_at,
        items.customer_ref,
        items.status,
        items.currency,
        items.price_ref,
        items.product_ref,
        items.quantity,
        items.billing_interval,
        items.interval_count,
        items.is_metered,
        items.bill_amount,
        items.own_discounts,
        items.shared_discount_terms,
        items.has_unknown_discount,
        items.included_tax_percent,
        items.pause_behavior,
        items.pause_resumes_at,
        items.is_cancel_at_period_end,
        items.cancel_at,
        items.cancel_reason,
        items.started_at,
        items.trial_ended_at,
        items.period_started_at,
        items.period_ends_at,
        items.canceled_at,
        items.ended_at,
        items.item_created_at,
        versions.first_known_at,
        min(items.known_at) over same_item > versions.first_known_at as is_added_later,
        last_value(versions.next_known_at) over (
            same_item order by items.known_at rows between unbounded preceding and unbounded following
        ) as item_gone_at
    from with_bill_amount as items
    inner join versions_in_order as versions
        on items.subscription_ref = versions.subscription_ref and items.known_at = versions.known_at
    window same_item as (partition by items.subscription_ref, items.item_ref)
)

select * from with_item_life
