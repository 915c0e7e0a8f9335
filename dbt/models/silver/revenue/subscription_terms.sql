with subscription_item_versions as (
    select * from {{ ref('subscription_item_versions') }}
),

files__subscriptions as (
    select * from {{ ref('files__subscriptions') }}
),

products as (
    {{ latest_versions(ref('stripe__products'), 'product_ref') }}
),

stripe_identities as (
    {{ customer_of('stripe', 'customers') }}
),

file_identities as (
    {{ customer_of('files', 'customers') }}
),

stripe_versions as (
    select
        'stripe' as system,
        versions.subscription_ref,
        versions.item_ref,
        stripe_identities.customer_id,
        versions.known_at,
        coalesce(products.plan_tier, products.name, 'unknown') as plan,
        versions.price_ref,
        versions.product_ref,
        versions.status,
        versions.status in ('active', 'past_due', 'unpaid', 'canceled') as is_paid_status,
        versions.price_status,
        versions.bill_amount,
        versions.billing_interval as priced_interval,
        versions.interval_count as priced_interval_count,
        versions.currency,
        versions.seat_count,
        versions.billing_interval,
        versions.interval_count,
        versions.coupon_ref,
        versions.discount_percent,
        versions.discount_amount,
        versions.discount_duration,
        versions.discount_started_at,
        versions.discount_ends_at,
        versions.further_discounts,
        versions.pause_behavior,
        versions.pause_resumes_at,
        versions.is_cancel_at_period_end,
        versions.cancel_reason,
        greatest(versions.started_at, coalesce(versions.trial_ended_at, versions.started_at)) as paid_from_at,
        versions.started_at,
        coalesce(
            versions.ended_at,
            if(versions.status = 'canceled', coalesce(versions.canceled_at, versions.known_at), null)
        ) as ended_at,
        versions.period_started_at,
        versions.period_ends_at
    from subscription_item_versions as versions
    inner join stripe_identities on versions.customer_ref = stripe_identities.source_ref
    left join products on versions.product_ref = products.product_ref
),

-- The file drop gives the amount per month, whatever the rhythm of the bills.
file_subscriptions as (
    select
        'files' as system,
        subscriptions.subscription_ref,
        cast(null as text) as item_ref,
        file_identities.customer_id,
        subscriptions.started_at as known_at,
        coalesce(subscriptions.plan, 'unknown') as plan,
        cast(null as text) as price_ref,
        cast(null as text) as product_ref,
        coalesce(subscriptions.status, if(subscriptions.ended_at is null, 'active', 'canceled')) as status,
        -- The file drop has no trial flag: a subscription that costs nothing is not a paid one. Neither is one that is
        -- said to be over or to rest while no end is given: nobody knows since when.
        subscriptions.mrr_amount > 0
        and not (subscriptions.ended_at is null and {{ is_over('subscriptions.status') }}) as is_paid_status,
        'priced' as price_status,
        subscriptions.mrr_amount as bill_amount,
        'month' as priced_interval,
        1 as priced_interval_count,
        coalesce(subscriptions.currency, {{ reporting_currency() }}) as currency,
        coalesce(subscriptions.seat_count, 1) as seat_count,
        subscriptions.billing_interval,
        1 as interval_count,
        cast(null as text) as coupon_ref,
        cast(null as decimal(9, 4)) as discount_percent,
        cast(null as decimal(18, 2)) as discount_amount,
        cast(null as text) as discount_duration,
        cast(null as timestamp) as discount_started_at,
        cast(null as timestamp) as discount_ends_at,
        null as further_discounts,
        cast(null as text) as pause_behavior,
        cast(null as timestamp) as pause_resumes_at,
        cast(null as boolean) as is_cancel_at_period_end,
        subscriptions.cancel_reason,
        subscriptions.started_at as paid_from_at,
        subscriptions.started_at,
        subscriptions.ended_at,
        cast(null as timestamp) as period_started_at,
        cast(null as timestamp) as period_ends_at
    from files__subscriptions as subscriptions
    inner join file_identities on subscriptions.customer_ref = file_identities.source_ref
),

all_versions as (
    select * from stripe_versions
    union all
    select * from file_subscriptions
),

numbered_versions as (
    select
        *,
        system || ':' || subscription_ref as subscription_id,
        system || ':' || subscription_ref || coalesce(':' || item_ref, '') as subscription_item_id,
        row_number() over same_item as version_number,
        lag(status) over same_item as previous_status,
        lag(coupon_ref) over same_item as previous_coupon_ref,
        lag(currency) over same_item as previous_currency,
        lag(period_ends_at) over same_item as previous_period_ends_at,
        last_value(ended_at) over (
            same_item rows between unbounded preceding and unbounded following
        ) as last_known_ended_at
    from all_versions
    window same_item as (partition by system, subscription_ref, item_ref order by known_at)
),

-- The first version is taken to hold since the begin: a first load knows no older one. A later one holds since it was
-- reported, or since the date that it gives for what is new in it: the end of the trial, the begin of the coupon, the
-- begin of the period that follows the one known before.
with_effective_time as (
    select
        *,
        if(version_number = 1, least(known_at, started_at), known_at) as valid_from,
        case
            when version_number = 1 then least(known_at, started_at)
            else greatest(started_at, least(
                known_at,
                if(previous_status = 'trialing' and status <> 'trialing', paid_from_at, null),
                if(coupon_ref is distinct from previous_coupon_ref, discount_started_at, null),
                if(period_started_at = previous_period_ends_at, period_started_at, null)
            ))
        end as effective_from
    from numbered_versions
),

-- Of each moment the newest word counts, so a version holds until the first moment of which a later one speaks.
with_both_ends as (
    select
        *,
        lead(known_at, 1, {{ open_end() }}) over same_item as valid_to,
        least(
            min(effective_from) over (
                same_item rows between 1 following and unbounded following
            ),
            last_known_ended_at,
            {{ open_end() }}
        ) as effective_to,
        sum(if(currency is distinct from previous_currency, 1, 0)) over same_item as currency_run
    from with_effective_time
    window same_item as (partition by subscription_item_id order by version_number)
),

-- The rate of the day on which the subscription began in its currency: a rate that moves later moves no revenue.
with_rate_as_of_date as (
    select
        * exclude (
            previous_status, previous_coupon_ref, previous_currency, previous_period_ends_at, last_known_ended_at,
            currency_run
        ),
        cast(min(effective_from) over (partition by subscription_item_id, currency_run) as date) as rate_as_of_date
    from with_both_ends
)

select * from with_rate_as_of_date
