with subscription_terms as (
    select * from {{ ref('subscription_terms') }}
),

terms_as_known as (
    {{ terms_in_force(
        'subscription_terms', 'valid_from', 'valid_to', ['discount_started_at', 'discount_ends_at', 'pause_resumes_at']
    ) }}
),

subscription_versions as (
    select
        subscription_item_id,
        subscription_id,
        system,
        subscription_ref,
        customer_id,
        known_at,
        in_force_from as valid_from,
        in_force_to as valid_to,
        plan,
        price_ref,
        product_ref,
        status,
        price_status,
        -- A trial that ended with its last free day was never paid for.
        is_paid_status and coalesce(ended_at > paid_from_at, true) as is_paid_status,
        if(is_paused, cast(0 as decimal(18, 2)), discounted_mrr_amount) as mrr_amount,
        list_mrr_amount,
        coalesce(list_mrr_amount > 0, true) as is_charged,
        if(is_paused, cast(0 as decimal(18, 2)), original_discounted_mrr_amount) as original_mrr_amount,
        currency,
        rate_as_of_date,
        seat_count,
        billing_interval,
        interval_count,
        coupon_ref,
        discount_percent,
        discount_amount as original_discount_amount,
        discount_duration,
        discount_started_at,
        discount_ends_at,
        is_discounted,
        pause_behavior,
        pause_resumes_at,
        is_paused,
        is_cancel_at_period_end,
        cancel_reason,
        started_at,
        paid_from_at,
        ended_at,
        period_ends_at
    from terms_as_known
)

select * from subscription_versions
