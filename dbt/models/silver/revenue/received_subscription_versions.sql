{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='subscription_ref') }}
{%- set facts = [
    'customer_ref', 'status', 'currency', 'items', 'discount', 'discounts', 'default_tax_rates', 'pause_behavior',
    'pause_resumes_at', 'is_cancel_at_period_end', 'cancel_at', 'cancel_reason', 'started_at', 'trial_ended_at',
    'period_started_at', 'period_ends_at', 'canceled_at', 'ended_at'
] %}

-- Who chose no reason left for the one that Stripe gives: the payment failed, or they asked for it.
with stripe__subscriptions as (
    select * replace (coalesce(cancel_reason, cancel_cause) as cancel_reason)
    from {{ changed_rows('stripe__subscriptions', 'subscription_ref') }}
),

-- Two versions of one second: the one that says more of the end counts, and then any, but always the same one.
one_version_per_moment as (
    select
        subscription_ref,
        modified_at as known_at,
        {{ facts | join(',\n        ') }}
    from stripe__subscriptions
    qualify row_number() over (
        partition by subscription_ref, modified_at
        order by
            ended_at desc nulls last,
            period_ends_at desc nulls last,
            {{ facts | join(' desc nulls last,\n            ') }} desc nulls last
    ) = 1
)

select * from one_version_per_moment
