with subscription_periods as (
    select * from {{ ref('subscription_periods') }}
),

data_window as (
    select * from {{ ref('data_window') }}
),

described as (
    select
        periods.subscription_item_id,
        periods.subscription_id,
        periods.period_number,
        periods.customer_id,
        periods.system,
        {{ plan_id('periods.plan', 'periods.billing_interval', 'periods.interval_count') }} as plan_id,
        periods.plan,
        periods.billing_interval,
        cast(periods.interval_count as bigint) as interval_count,
        periods.seat_count,
        periods.status,
        periods.is_trial,
        periods.is_paused,
        periods.is_discounted,
        periods.coupon_ref,
        coalesce(periods.mrr_amount > 0, true) as is_paid,
        periods.price_status,
        periods.mrr_amount,
        periods.list_mrr_amount,
        periods.original_mrr_amount,
        periods.currency,
        rates.exchange_rate,
        rates.rate_date,
        periods.valid_from,
        {{ published_end('periods.valid_to') }} as valid_to,
        periods.valid_from < data_window.last_date + 1
        and periods.valid_to >= data_window.last_date + 1 as is_current
    from subscription_periods as periods
    cross join data_window
    {{ join_exchange_rate('rates', 'periods.currency', 'periods.rate_as_of_date') }}
)

select * from described
