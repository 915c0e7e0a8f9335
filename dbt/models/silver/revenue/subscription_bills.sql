with transaction_lines as (
    select * from {{ ref('transaction_lines') }}
),

subscription_terms as (
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

-- An invoice without lines is taken as one line for the subscription that it names.
recurring_lines as (
    select
        *,
        status <> 'void' as is_billed,
        coalesce(period_started_at, occurred_at) as service_from,
        least(period_started_at, occurred_at) as earliest_at,
        greatest(period_started_at, occurred_at) as latest_at
    from transaction_lines
    where
        line_kind = 'subscription'
        or (line_kind = 'not_itemized' and is_whole_transaction and subscription_id is not null)
),

-- The terms that were in force when the service began or when the bill was made; where both differ, the ones billed.
lines_with_terms as (
    select
        recurring_lines.* exclude (subscription_item_id),
        terms.version_number,
        coalesce(terms.subscription_item_id, recurring_lines.subscription_id) as subscription_item_id,
        terms.bill_amount,
        terms.discounted_bill_amount,
        terms.discounted_mrr_amount,
        terms.discount_percent,
        if(terms.discount_duration = 'once', terms.discount_amount, null) as once_amount,
        if(terms.discount_duration = 'once', terms.discount_percent, null) as once_percent,
        terms.price_ref as terms_price_ref,
        terms.seat_count,
        terms.coupon_ref,
        terms.billing_interval,
        terms.interval_count,
        terms.exchange_rate as exchange_rate_of_terms,
        coalesce(terms.status = 'trialing' or terms.in_force_from < terms.paid_from_at, false)
        and recurring_lines.original_line_amount = 0 as is_free_trial_line
    from recurring_lines
    left join terms_as_they_held as terms
        on
            recurring_lines.subscription_id = terms.subscription_id
            and recurring_lines.currency = terms.currency
            and recurring_lines.latest_at >= terms.in_force_from
            and recurring_lines.earliest_at < terms.in_force_to
    qualify row_number() over (
        partition by recurring_lines.line_id
        order by
            (recurring_lines.subscription_item_id = terms.subscription_item_id) desc nulls last,
            (recurring_lines.price_ref = terms.price_ref) desc nulls last,
            (recurring_lines.original_line_amount = terms.bill_amount) desc nulls last,
            (
                recurring_lines.original_line_amount - recurring_lines.original_discount_amount
                = terms.discounted_bill_amount
            ) desc nulls last,
            (terms.in_force_from <= recurring_lines.service_from) desc nulls last,
            terms.in_force_from desc
    ) = 1
),

with_expected_amounts as (
    select
        *,
        version_number is not null as has_terms,
        if(is_free_trial_line, 0, bill_amount) as expected_amount,
        if(is_free_trial_line, 0, bill_amount - discounted_bill_amount) as expected_discount_amount,
        original_discount_amount - if(is_free_trial_line, 0, bill_amount - discounted_bill_amount)
            as further_discount_amount,
        coalesce(
            cast(round(bill_amount * once_percent * cast(0.01 as decimal(3, 2)), 2) as decimal(18, 2)),
            least(once_amount, bill_amount)
        ) as once_discount_amount
    from lines_with_terms
),

-- Of the discount beyond the terms a coupon for one bill explains its own amount, and a percentage a cent of rounding.
with_causes as (
    select
        *,
        case
            when abs(further_discount_amount - once_discount_amount) <= if(once_percent is null, 0, 0.01)
                then further_discount_amount
            when discount_percent is not null and abs(further_discount_amount) <= 0.01 then further_discount_amount
            else 0
        end as original_once_discount_amount
    from with_expected_amounts
),

in_money as (
    select
        *,
        {{ at_exchange_rate('original_once_discount_amount', 'exchange_rate') }} as single_discount_amount,
        if(
            has_terms,
            {{ at_exchange_rate(
                'original_line_amount - expected_amount - further_discount_amount + original_once_discount_amount',
                'exchange_rate'
            ) }},
            total_amount - tax_amount
        ) as deviation_amount,
        if(
            has_terms,
            {{ at_exchange_rate('expected_amount - expected_discount_amount', 'exchange_rate_of_terms') }},
            0
        ) as agreed_amount,
        if(has_terms and not is_free_trial_line, discounted_mrr_amount, 0) as agreed_mrr_amount,
        coalesce(period_ends_at, {{ end_of_interval('service_from', 'billing_interval', 'interval_count') }})
            as service_to
    from with_causes
),

-- The same terms billed again for a period that is not over are a double bill; new terms replace what was billed.
with_double_bills as (
    select
        *,
        coalesce(
            lag(service_to) over same_item > service_from
            and lag(terms_price_ref) over same_item is not distinct from terms_price_ref
            and lag(bill_amount) over same_item = bill_amount
            and lag(coupon_ref) over same_item is not distinct from coupon_ref
            and lag(seat_count) over same_item = seat_count
            and not is_free_trial_line,
            false
        ) as is_double_bill
    from in_money
    window same_item as (partition by subscription_item_id, is_billed order by service_from, occurred_at, line_id)
),

with_service as (
    select
        *,
        least(
            service_to,
            lead(service_from) over (
                partition by subscription_item_id, is_billed, is_double_bill order by service_from, occurred_at, line_id
            )
        ) as in_service_to
    from with_double_bills
),

described as (
    select
        line_id,
        transaction_id,
        subscription_item_id,
        subscription_id,
        customer_id,
        is_billed,
        cast(date_trunc('month', occurred_at) as date) as month_start_date,
        service_from,
        in_service_to as service_to,
        has_terms,
        is_double_bill,
        version_number,
        total_amount as billed_amount,
        tax_amount,
        cast(single_discount_amount as decimal(18, 2)) as single_discount_amount,
        cast(deviation_amount as decimal(18, 2)) as deviation_amount,
        cast(
            total_amount - tax_amount + single_discount_amount - deviation_amount - agreed_amount as decimal(18, 2)
        ) as currency_difference_amount,
        cast(agreed_amount as decimal(18, 2)) as agreed_amount,
        cast(agreed_mrr_amount as decimal(18, 2)) as agreed_mrr_amount
    from with_service
)

select * from described
