{%- set terms = [
    'customer_id', 'subscription_id', 'plan', 'price_ref', 'status', 'price_status', 'seat_count',
    'billing_interval', 'interval_count', 'currency', 'rate_as_of_date', 'coupon_ref', 'is_trial', 'is_paused', 'is_discounted', 'original_list_mrr_amount',
    'original_mrr_amount', 'list_mrr_amount', 'mrr_amount', 'contracted_mrr_amount'
] -%}
with subscription_terms as (
    select * from {{ ref('subscription_terms') }}
),

effective_terms as (
    select * from subscription_terms
    where effective_from < effective_to
),

terms_as_they_held as (
    {{ terms_in_force(
        'effective_terms', 'effective_from', 'effective_to',
        ['paid_from_at', 'discount_started_at', 'discount_ends_at', 'pause_resumes_at']
    ) }}
),

with_trial as (
    select
        *,
        status = 'trialing' or in_force_from < paid_from_at as is_trial
    from terms_as_they_held
),

with_revenue as (
    select
        * exclude (discounted_mrr_amount, original_discounted_mrr_amount),
        if(is_paid_status and not is_trial and not is_paused, discounted_mrr_amount, 0) as mrr_amount,
        if(is_paid_status and not is_trial and not is_paused, original_discounted_mrr_amount, 0)
            as original_mrr_amount,
        if(is_paid_status and not is_trial, discounted_mrr_amount, 0) as contracted_mrr_amount
    from with_trial
),

-- A version that changes no term (a renewal, a notice) begins no new period.
with_changes as (
    select
        *,
        {%- for term in terms %}
        ({{ term }} is distinct from lag({{ term }}) over same_item) or
        {%- endfor %}
        (row_number() over same_item = 1) as is_new_period
    from with_revenue
    window same_item as (partition by subscription_item_id order by in_force_from)
),

numbered_periods as (
    select
        *,
        sum(if(is_new_period, 1, 0)) over (partition by subscription_item_id order by in_force_from) as period_number
    from with_changes
),

subscription_periods as (
    select
        subscription_item_id,
        cast(period_number as bigint) as period_number,
        system,
        {{ terms | join(',\n        ') }},
        min(in_force_from) as valid_from,
        max(in_force_to) as valid_to
    from numbered_periods
    group by
        subscription_item_id,
        period_number,
        system,
        {{ terms | join(',\n        ') }}
)

select * from subscription_periods
