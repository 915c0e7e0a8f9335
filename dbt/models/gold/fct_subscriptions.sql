with current_versions as (
    select *
    from {{ ref('subscription_versions') }}
    where valid_to is null
),

described as (
    select
        subscription_id,
        customer_id,
        system,
        plan,
        status,
        is_paid_status and mrr_amount > 0 as is_paid,
        mrr_amount,
        currency,
        seat_count,
        billing_interval,
        is_cancel_at_period_end,
        cancel_reason,
        started_at,
        paid_from_at,
        ended_at,
        period_ends_at
    from current_versions
)

select * from described
