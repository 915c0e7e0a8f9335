with received_transaction_lines as (
    select * from {{ ref('received_transaction_lines') }}
),

received_invoices as (
    select * from {{ ref('received_invoices') }}
    where status not in ('draft', 'void')
),

subscription_items as (
    select * from {{ ref('subscription_items') }}
),

prices as (
    {{ latest_versions(ref('stripe__prices'), 'price_ref') }}
),

-- Bills of a period and, where the terms changed within one, the lines that give back what is left of the old terms and
-- charge the new ones.
billed_lines as (
    select
        billed.*,
        {{ minor_unit('billed.currency') }} as _minor_unit,
        coalesce(billed.subscription_ref, invoices.subscription_ref) as billed_subscription_ref,
        coalesce(billed.period_started_at, invoices.created_at) as billed_from,
        invoices.created_at as invoiced_at,
        billed.line_amount < 0 as is_credit
    from received_transaction_lines as billed
    inner join received_invoices as invoices on billed.invoice_ref = invoices.invoice_ref
    where
        coalesce(billed.usage_type, 'licensed') = 'licensed'
        and (
            (billed.line_kind = 'subscription' and not coalesce(billed.is_proration, false) and billed.line_amount > 0)
            or (billed.is_proration and billed.line_amount < 0)
            or (
                billed.is_proration and billed.line_amount > 0 and billed.quantity > 0
                and billed.unit_minor_amount is not null
            )
        )
),

known_items as (
    select
        subscription_ref,
        item_ref,
        price_ref,
        product_ref,
        arg_max(billing_interval, known_at) as billing_interval,
        arg_max(interval_count, known_at) as interval_count,
        count(distinct coalesce(item_ref, '')) over (partition by subscription_ref) as item_count
    from subscription_items
    group by subscription_ref, item_ref, price_ref, product_ref
),

-- A line names its item, or the item's price or product; the only item needs no name. An item that is none of those of
-- today was removed since; a line that names nothing says nothing of one of several items.
lines_with_item as (
    select
        billed.*,
        items.billing_interval as item_billing_interval,
        items.interval_count as item_interval_count,
        case
            when
                billed.subscription_item_ref = items.item_ref
                or (billed.subscription_item_ref is null and (
                    items.item_count = 1
                    or billed.price_ref = items.price_ref
                    or billed.product_ref = items.product_ref
                ))
                or (items.item_ref is null and items.item_count = 1)
                then items.item_ref
            else coalesce(billed.subscription_item_ref, billed.price_ref, billed.product_ref)
        end as item_ref,
        coalesce(billed.subscription_item_ref, billed.price_ref, billed.product_ref) is null and items.item_count > 1
            as is_nameless
    from billed_lines as billed
    inner join known_items as items on billed.billed_subscription_ref = items.subscription_ref
    qualify row_number() over (
        partition by billed.invoice_ref, billed.line_ref
        order by
            (billed.subscription_item_ref = items.item_ref) desc nulls last,
            (billed.price_ref = items.price_ref) desc nulls last,
            (billed.product_ref = items.product_ref) desc nulls last,
            items.item_ref asc nulls first,
            items.price_ref asc
    ) = 1
),

with_full_amount as (
    select
        billed.*,
        if(
            billed.is_proration,
            cast(round(billed.unit_minor_amount * billed.quantity, 0) * billed._minor_unit as decimal(18, 2)),
            billed.line_amount
        ) as full_amount,
        coalesce(billed.billing_interval, prices.billing_interval, billed.item_billing_interval) as priced_interval,
        coalesce(billed.interval_count, prices.interval_count, billed.item_interval_count, 1) as priced_interval_count,
        coalesce(billed.included_tax_amount, 0) / nullif(billed.line_amount - coalesce(billed.discount_amount, 0), 0)
            as included_tax_share
    from lines_with_item as billed
    left join prices on billed.price_ref = prices.price_ref
    where not billed.is_nameless and not billed.is_credit
),

credits as (
    select
        billed_subscription_ref as subscription_ref,
        coalesce(item_ref, '') as item_ref,
        max(billed_from) as credited_from
    from lines_with_item
    where is_credit and not is_nameless
    group by billed_subscription_ref, coalesce(item_ref, '')
),

-- Of what is billed twice for one period the last counts: it replaced what was there.
one_bill_per_period as (
    select
        billed_subscription_ref as subscription_ref,
        item_ref,
        billed_from,
        period_ends_at as billed_to,
        invoiced_at,
        price_ref,
        product_ref,
        currency,
        quantity,
        priced_interval as billing_interval,
        priced_interval_count as interval_count,
        full_amount,
        cast(round(coalesce(discount_amount, 0) * full_amount / line_amount, 2) as decimal(18, 2)) as discount_amount,
        coalesce(json_extract_string(discounted_by, '$[0].discount'), 'billed') as discounted_by,
        coalesce(included_tax_share, 0) as included_tax_share
    from with_full_amount
    qualify row_number() over (
        partition by billed_subscription_ref, item_ref, billed_from
        order by invoiced_at desc, line_amount desc, line_ref desc
    ) = 1
),

-- What was taken off one bill alone, and not off the ones beside it, was a coupon for one bill.
with_discount_duration as (
    select
        bills.*,
        credits.credited_from,
        if(
            bills.discount_amount > 0
            and coalesce(lag(bills.discount_amount) over same_item, 0) = 0
            and lead(bills.discount_amount) over same_item = 0,
            'once',
            'repeating'
        ) as discount_duration
    from one_bill_per_period as bills
    left join credits
        on bills.subscription_ref = credits.subscription_ref and coalesce(bills.item_ref, '') = credits.item_ref
    window same_item as (partition by bills.subscription_ref, bills.item_ref order by bills.billed_from)
)

select * from with_discount_duration
