with stripe_versions as (
    select distinct * exclude (_source_file, _source_line, _loaded_at)
    from {{ ref('stripe__subscriptions') }}
),

products as (
    {{ latest_versions(ref('stripe__products'), 'product_ref') }}
),

files__subscriptions as (
    select * from {{ ref('files__subscriptions') }}
),

stripe_identities as (
    {{ customer_of('stripe', 'customers') }}
),

file_identities as (
    {{ customer_of('files', 'customers') }}
),

stripe_subscriptions as (
    select
        'stripe' as system,
        stripe_versions.subscription_ref,
        stripe_identities.customer_id,
        stripe_versions.modified_at as known_at,
        coalesce(products.plan_tier, products.name, 'unknown') as plan,
        stripe_versions.status,
        stripe_versions.status in ('active', 'past_due', 'unpaid', 'canceled') as is_paid_status,
        if(
            stripe_versions.billing_interval = 'year',
            stripe_versions.unit_amount / 12,
            stripe_versions.unit_amount
        ) * stripe_versions.seat_count as original_mrr_amount,
        stripe_versions.currency,
        stripe_versions.seat_count,
        stripe_versions.billing_interval,
        stripe_versions.is_cancel_at_period_end,
        stripe_versions.cancel_reason,
        greatest(stripe_versions.started_at, coalesce(stripe_versions.trial_ended_at, stripe_versions.started_at))
            as paid_from_at,
        stripe_versions.started_at,
        coalesce(
            stripe_versions.ended_at,
            if(
                stripe_versions.status = 'canceled',
                coalesce(stripe_versions.canceled_at, stripe_versions.modified_at),
                null
            )
        ) as ended_at,
        stripe_versions.period_ends_at
    from stripe_versions
    inner join stripe_identities on stripe_versions.customer_ref = stripe_identities.source_ref
    left join products on stripe_versions.product_ref = products.product_ref
),

file_subscriptions as (
    select
        'files' as system,
        subscriptions.subscription_ref,
        file_identities.customer_id,
        subscriptions.started_at as known_at,
        coalesce(subscriptions.plan, 'unknown') as plan,
        coalesce(subscriptions.status, if(subscriptions.ended_at is null, 'active', 'canceled')) as status,
        -- The file drop has no trial flag: a subscription that costs nothing is not a paid one.
        subscriptions.mrr_amount > 0 as is_paid_status,
        subscriptions.mrr_amount as original_mrr_amount,
        subscriptions.currency,
        coalesce(subscriptions.seat_count, 1) as seat_count,
        subscriptions.billing_interval,
        cast(null as boolean) as is_cancel_at_period_end,
        subscriptions.cancel_reason,
        subscriptions.started_at as paid_from_at,
        subscriptions.started_at,
        subscriptions.ended_at,
        cast(null as timestamp) as period_ends_at
    from files__subscriptions as subscriptions
    inner join file_identities on subscriptions.customer_ref = file_identities.source_ref
),

all_versions as (
    select * from stripe_subscriptions
    union all
    select * from file_subscriptions
),

-- The first version that a source delivers is taken to hold since the begin: a first load knows no older one.
with_validity as (
    select
        *,
        system || ':' || subscription_ref as subscription_id,
        if(row_number() over same_subscription = 1, least(known_at, started_at), known_at) as valid_from,
        lead(known_at) over same_subscription as valid_to
    from all_versions
    window same_subscription as (partition by system, subscription_ref order by known_at)
),

in_money as (
    select
        with_validity.subscription_id,
        with_validity.system,
        with_validity.subscription_ref,
        with_validity.customer_id,
        with_validity.known_at,
        with_validity.valid_from,
        with_validity.valid_to,
        with_validity.plan,
        with_validity.status,
        -- A trial that ended with its last free day was never paid for.
        with_validity.is_paid_status
        and coalesce(with_validity.ended_at > with_validity.paid_from_at, true) as is_paid_status,
        {{ in_reporting_currency('with_validity.original_mrr_amount', 'with_validity.currency') }} as mrr_amount,
        with_validity.currency,
        with_validity.seat_count,
        with_validity.billing_interval,
        with_validity.is_cancel_at_period_end,
        with_validity.cancel_reason,
        with_validity.started_at,
        with_validity.paid_from_at,
        with_validity.ended_at,
        with_validity.period_ends_at
    from with_validity
)

select * from in_money
