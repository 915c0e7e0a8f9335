{%- set columns = [
    'subscription_ref', 'item_ref', 'known_at', 'is_from_bill', 'customer_ref', 'status', 'currency', 'price_ref',
    'product_ref', 'price_status', 'bill_amount', 'seat_count', 'billing_interval', 'interval_count', 'discounts',
    'pause_behavior', 'pause_resumes_at', 'is_cancel_at_period_end', 'cancel_reason', 'started_at', 'trial_ended_at',
    'period_started_at', 'period_ends_at', 'canceled_at', 'ended_at'
] -%}
with subscription_items as (
    select * from {{ ref('subscription_items') }}
),

billed_subscription_items as (
    select * from {{ ref('billed_subscription_items') }}
),

-- What a version does not say its newest bill says: a price that cannot be computed, a discount that is only named, the
-- share of tax that is included in the price.
with_bill as (
    select
        items.*,
        items.has_unknown_discount and len(items.own_discounts) + len(items.shared_discount_terms) = 0
            as is_discount_unknown,
        bills.full_amount as billed_amount,
        bills.discount_amount as billed_discount_amount,
        coalesce(
            items.included_tax_percent / (100 + items.included_tax_percent), bills.included_tax_share, 0
        ) as included_tax_share
    from subscription_items as items
    asof left join billed_subscription_items as bills
        on
            items.subscription_ref = bills.subscription_ref
            and coalesce(items.item_ref, '') = coalesce(bills.item_ref, '')
            and items.known_at >= bills.billed_from
),

with_price as (
    select
        *,
        case
            when is_metered then 'metered'
            when is_discount_unknown and billed_discount_amount is null then 'discount_unknown'
            when coalesce(bill_amount, billed_amount) is not null then 'priced'
            else 'not_priceable'
        end as price_status,
        if(is_metered, null, coalesce(bill_amount, billed_amount)) as gross_bill_amount
    from with_bill
),

-- An amount off the whole subscription is shared by the items that its coupon is for, as their prices are, to the cent.
shared_discounts as (
    select
        subscription_ref,
        known_at,
        item_number,
        gross_bill_amount,
        unnest(shared_discount_terms) as discount,
        unnest(generate_series(1, len(shared_discount_terms))) as place
    from with_price
),

with_shares as (
    select
        *,
        sum(gross_bill_amount) over same_discount as up_to_amount,
        sum(gross_bill_amount) over (partition by subscription_ref, known_at, discount['coupon_ref']) as whole_amount
    from shared_discounts
    window same_discount as (
        partition by subscription_ref, known_at, discount['coupon_ref'] order by item_number
        rows between unbounded preceding and current row
    )
),

discounts_per_item as (
    select
        subscription_ref,
        known_at,
        item_number,
        list(
            {
                'coupon_ref': discount['coupon_ref'],
                'percent': discount['percent'],
                'amount': cast(coalesce(
                    round(discount['amount'] * up_to_amount / nullif(whole_amount, 0), 2)
                    - round(discount['amount'] * (up_to_amount - gross_bill_amount) / nullif(whole_amount, 0), 2),
                    discount['amount']
                ) as decimal(18, 2)),
                'duration': discount['duration'],
                'started_at': discount['started_at'],
                'ends_at': discount['ends_at']
            } order by place
        ) as discounts
    from with_shares
    group by subscription_ref, known_at, item_number
),

with_discounts as (
    select
        items.*,
        if(
            items.is_discount_unknown and items.billed_discount_amount > 0,
            [{
                'coupon_ref': 'billed', 'percent': null, 'amount': items.billed_discount_amount,
                'duration': 'forever', 'started_at': null, 'ends_at': null
            }],
            list_concat(items.own_discounts, shared.discounts)
        ) as discounts
    from with_price as items
    left join discounts_per_item as shared
        on
            items.subscription_ref = shared.subscription_ref
            and items.known_at = shared.known_at
            and items.item_number = shared.item_number
),

reported as (
    select
        subscription_ref,
        item_ref,
        known_at,
        false as is_from_bill,
        customer_ref,
        status,
        currency,
        price_ref,
        product_ref,
        price_status,
        cast(gross_bill_amount - round(gross_bill_amount * included_tax_share, 2) as decimal(18, 2)) as bill_amount,
        coalesce(quantity, 1) as seat_count,
        billing_interval,
        interval_count,
        list_transform(
            discounts,
            lambda discount: {
                'coupon_ref': discount['coupon_ref'],
                'percent': discount['percent'],
                'amount': cast((1 - included_tax_share) * discount['amount'] as decimal(18, 2)),
                'duration': discount['duration'],
                'started_at': discount['started_at'],
                'ends_at': discount['ends_at']
            }
        ) as discounts,
        pause_behavior,
        pause_resumes_at,
        is_cancel_at_period_end or cancel_at is not null as is_cancel_at_period_end,
        cancel_reason,
        if(
            is_added_later or item_created_at > started_at + interval 1 day,
            coalesce(item_created_at, known_at),
            started_at
        ) as started_at,
        trial_ended_at,
        period_started_at,
        period_ends_at,
        canceled_at,
        least(ended_at, item_gone_at) as ended_at
    from with_discounts
),

first_versions as (
    select
        subscription_ref,
        first_known_at,
        min(customer_ref) as customer_ref,
        min(started_at) as started_at,
        max(trial_ended_at) as trial_ended_at
    from subscription_items
    where known_at = first_known_at
    group by subscription_ref, first_known_at
),

known_items as (
    select distinct
        subscription_ref,
        item_ref
    from subscription_items
),

-- What was billed before the subscription was first read is how its terms were then. An item that was first billed
-- after the others began then. One of which only bills are left ended with its last period, or where what was left of
-- that was given back.
billed as (
    select
        bills.subscription_ref,
        bills.item_ref,
        bills.billed_from as known_at,
        true as is_from_bill,
        versions.customer_ref,
        'active' as status,
        bills.currency,
        bills.price_ref,
        bills.product_ref,
        'priced' as price_status,
        cast(bills.full_amount - round(bills.full_amount * bills.included_tax_share, 2) as decimal(18, 2))
            as bill_amount,
        coalesce(bills.quantity, 1) as seat_count,
        bills.billing_interval,
        bills.interval_count,
        if(
            bills.discount_amount = 0,
            [],
            [{
                'coupon_ref': bills.discounted_by,
                'percent': cast(null as decimal(9, 4)),
                'amount': cast((1 - bills.included_tax_share) * bills.discount_amount as decimal(18, 2)),
                'duration': bills.discount_duration,
                'started_at': cast(null as timestamp),
                'ends_at': bills.billed_to
            }]
        ) as discounts,
        cast(null as text) as pause_behavior,
        cast(null as timestamp) as pause_resumes_at,
        false as is_cancel_at_period_end,
        cast(null as text) as cancel_reason,
        if(
            min(bills.billed_from) over same_item
            > min(bills.billed_from) over (partition by bills.subscription_ref),
            min(bills.billed_from) over same_item,
            versions.started_at
        ) as started_at,
        versions.trial_ended_at,
        bills.billed_from as period_started_at,
        bills.billed_to as period_ends_at,
        cast(null as timestamp) as canceled_at,
        if(
            items.subscription_ref is null,
            least(
                max(bills.billed_to) over same_item,
                if(bills.credited_from >= max(bills.billed_from) over same_item, bills.credited_from, null)
            ),
            null
        ) as ended_at
    from billed_subscription_items as bills
    inner join first_versions as versions
        on bills.subscription_ref = versions.subscription_ref and bills.billed_from < versions.first_known_at
    left join known_items as items
        on
            bills.subscription_ref = items.subscription_ref
            and coalesce(bills.item_ref, '') = coalesce(items.item_ref, '')
    window same_item as (partition by bills.subscription_ref, bills.item_ref)
),

-- Who was paused when first read has been since the last period that was billed.
paused_since_last_bill as (
    select
        billed.* replace (
            billed.period_ends_at as known_at,
            items.pause_behavior as pause_behavior
        )
    from billed
    inner join subscription_items as items
        on
            billed.subscription_ref = items.subscription_ref
            and coalesce(billed.item_ref, '') = coalesce(items.item_ref, '')
    where items.known_at = items.first_known_at and items.pause_behavior is not null
    qualify
        row_number() over (partition by billed.subscription_ref, billed.item_ref order by billed.known_at desc) = 1
        and billed.period_ends_at < items.first_known_at
),

all_versions as (
    select {{ columns | join(', ') }} from reported
    union all
    select {{ columns | join(', ') }} from billed
    union all
    select {{ columns | join(', ') }} from paused_since_last_bill
),

described as (
    select
        * exclude (discounts),
        discounts[1]['coupon_ref'] as coupon_ref,
        discounts[1]['percent'] as discount_percent,
        discounts[1]['amount'] as discount_amount,
        discounts[1]['duration'] as discount_duration,
        discounts[1]['started_at'] as discount_started_at,
        discounts[1]['ends_at'] as discount_ends_at,
        discounts[2:] as further_discounts
    from all_versions
)

select * from described
