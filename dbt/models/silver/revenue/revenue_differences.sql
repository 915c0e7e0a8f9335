with subscription_bills as (
    select * from {{ ref('subscription_bills') }}
),

subscription_periods as (
    select * from {{ ref('subscription_periods') }}
),

effective_terms as (
    select * from {{ ref('subscription_terms') }}
    where effective_from < effective_to
),

revenue_months as (
    select * from {{ ref('revenue_months') }}
),

transactions as (
    select * from {{ ref('transactions') }}
),

transaction_lines as (
    select * from {{ ref('transaction_lines') }}
    where status <> 'void' and not is_money_back
),

received_invoices as (
    select * from {{ ref('received_invoices') }}
),

received_transaction_lines as (
    select * from {{ ref('received_transaction_lines') }}
),

billed_subscriptions as (
    select * from subscription_bills
    where is_billed
),

-- Part 1: what is billed beside the terms of a subscription.
other_lines as (
    select
        cast(date_trunc('month', transaction_lines.occurred_at) as date) as month_start_date,
        case
            when transaction_lines.line_kind = 'proration' then 'prorations'
            when transaction_lines.line_kind = 'usage' then 'usage'
            when
                transaction_lines.system = 'files'
                or (transaction_lines.is_whole_transaction and transaction_lines.subscription_id is null)
                then 'without_subscription'
            when transaction_lines.line_kind = 'one_off' then 'one_offs'
            else 'unexplained'
        end as line_item,
        transaction_lines.total_amount - transaction_lines.tax_amount as difference_amount,
        transaction_lines.customer_id,
        transaction_lines.subscription_id,
        transaction_lines.line_id
    from transaction_lines
    left join subscription_bills as bills on transaction_lines.line_id = bills.line_id
    where bills.line_id is null
),

taxes as (
    select
        cast(date_trunc('month', occurred_at) as date) as month_start_date,
        'tax' as line_item,
        tax_amount as difference_amount,
        customer_id,
        subscription_id,
        line_id
    from transaction_lines
    where tax_amount <> 0
),

-- Part 2: a subscription's month, as its terms say and as its bills say.
billed_months as (
    select distinct
        subscription_item_id,
        subscription_id,
        customer_id,
        month_start_date
    from billed_subscriptions
),

paid_months as (
    select
        periods.subscription_item_id,
        periods.subscription_id,
        periods.customer_id,
        months.month_start_date
    from subscription_periods as periods
    inner join revenue_months as months
        on
            periods.valid_from < months.closes_at
            and periods.valid_to >= months.closes_at
    where periods.mrr_amount > 0
),

all_months as (
    select * from billed_months
    union distinct
    select * from paid_months
),

months_with_close as (
    select
        all_months.subscription_item_id,
        all_months.subscription_id,
        all_months.customer_id,
        all_months.month_start_date,
        coalesce(months.closes_at, cast(last_day(all_months.month_start_date) + 1 as timestamp)) as closes_at,
        months.month_start_date is not null as is_revenue_month
    from all_months
    left join revenue_months as months on all_months.month_start_date = months.month_start_date
),

months_with_terms as (
    select
        months.subscription_item_id,
        months.subscription_id,
        months.customer_id,
        months.month_start_date,
        months.closes_at,
        periods.system,
        if(months.is_revenue_month, coalesce(periods.mrr_amount, 0), 0) as mrr_amount,
        case
            when periods.subscription_id is null then 'ended'
            when periods.is_paused then 'paused'
            when periods.is_trial then 'trial'
            when periods.mrr_amount > 0 then 'paying'
            else 'not_paying'
        end as state,
        terms.period_started_at,
        terms.period_ends_at
    from months_with_close as months
    left join subscription_periods as periods
        on
            months.subscription_item_id = periods.subscription_item_id
            and months.closes_at > periods.valid_from
            and months.closes_at <= periods.valid_to
    left join effective_terms as terms
        on
            months.subscription_item_id = terms.subscription_item_id
            and months.closes_at > terms.effective_from
            and months.closes_at <= terms.effective_to
),

-- The bill whose service includes the end of the month; service periods of one subscription never overlap.
months_with_bill as (
    select
        months.*,
        bills.line_id,
        bills.month_start_date as billed_month_start_date,
        coalesce(bills.agreed_mrr_amount, 0) as agreed_mrr_amount
    from months_with_terms as months
    left join billed_subscriptions as bills
        on
            months.subscription_item_id = bills.subscription_item_id
            and not bills.is_double_bill
            and months.closes_at > bills.service_from
            and months.closes_at <= bills.service_to
),

billed_elsewhere as (
    select
        month_start_date,
        'billed_in_another_month' as line_item,
        -agreed_mrr_amount as difference_amount,
        customer_id,
        subscription_id,
        line_id
    from months_with_bill
    where billed_month_start_date <> month_start_date
),

-- Both amounts come from the terms, so where they differ the terms have changed in between.
changed_since_bill as (
    select
        month_start_date,
        case state
            when 'ended' then 'ended_after_billing'
            when 'paused' then 'paused'
            when 'trial' then 'trial'
            when 'paying' then 'changed_after_billing'
            else 'unexplained'
        end as line_item,
        agreed_mrr_amount - mrr_amount as difference_amount,
        customer_id,
        subscription_id,
        line_id
    from months_with_bill
    where line_id is not null and agreed_mrr_amount <> mrr_amount
),

-- Bills that were never asked for: void ones and drafts.
unclaimed_bills as (
    select
        subscription_id,
        service_from,
        service_to
    from subscription_bills
    where not is_billed
    union all
    select
        'stripe:' || coalesce(received.subscription_ref, invoices.subscription_ref) as subscription_id,
        coalesce(received.period_started_at, invoices.created_at) as service_from,
        received.period_ends_at as service_to
    from received_invoices as invoices
    inner join received_transaction_lines as received on invoices.invoice_ref = received.invoice_ref
    where invoices.status = 'draft' and received.line_kind = 'subscription'
),

first_bills as (
    select
        system,
        min(occurred_at) as first_billed_at
    from transactions
    where subscription_id is not null
    group by system
),

unbilled_months as (
    select
        months.month_start_date,
        case
            when first_bills.system is null then 'no_invoices'
            when exists (
                select 1
                from unclaimed_bills as unclaimed
                where
                    unclaimed.subscription_id = months.subscription_id
                    and unclaimed.service_from < months.closes_at
                    and unclaimed.service_to >= months.closes_at
            ) then 'void_or_draft'
            when exists (
                select 1
                from subscription_periods as paused
                where
                    paused.subscription_item_id = months.subscription_item_id
                    and paused.is_paused
                    and paused.valid_from <= months.period_started_at
                    and paused.valid_to > months.period_started_at
            ) then 'paused'
            when
                months.closes_at <= first_bills.first_billed_at
                or (
                    months.period_started_at < first_bills.first_billed_at
                    and months.period_ends_at >= months.closes_at
                )
                then 'billed_before_history'
            else 'unexplained'
        end as line_item,
        -months.mrr_amount as difference_amount,
        months.customer_id,
        months.subscription_id,
        months.line_id
    from months_with_bill as months
    left join first_bills on months.system = first_bills.system
    where months.line_id is null and months.mrr_amount > 0
),

-- Part 3: a bill of the month, taken apart down to the monthly amount of its terms.
bills_with_service as (
    select
        bills.*,
        coalesce(months.line_id is not null, false) as serves_month_end
    from billed_subscriptions as bills
    left join months_with_bill as months
        on bills.line_id = months.line_id and bills.month_start_date = months.month_start_date
),

bill_parts as (
    {%- for line_item, amount, condition in [
        ('once_discounts', '-single_discount_amount', 'true'),
        ('currency', 'currency_difference_amount', 'true'),
        ('unexplained', 'deviation_amount', 'true'),
        ('unexplained', 'agreed_amount', 'is_double_bill'),
        ('billed_for_several_months', 'agreed_amount - agreed_mrr_amount', 'serves_month_end'),
        ('billed_for_another_month', 'agreed_amount', 'not serves_month_end and not is_double_bill'),
    ] %}
    select
        month_start_date,
        '{{ line_item }}' as line_item,
        {{ amount }} as difference_amount,
        customer_id,
        subscription_id,
        line_id
    from bills_with_service
    where {{ condition }} and {{ amount }} <> 0
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

all_differences as (
    select * from other_lines
    union all
    select * from taxes
    union all
    select * from billed_elsewhere
    union all
    select * from changed_since_bill
    union all
    select * from unbilled_months
    union all
    select * from bill_parts
),

described as (
    select
        month_start_date,
        line_item,
        cast(difference_amount as decimal(18, 2)) as difference_amount,
        customer_id,
        subscription_id,
        line_id
    from all_differences
)

select * from described
