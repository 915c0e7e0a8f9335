{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='invoice_ref') }}
{%- set facts = [
    'status', 'paid_at', 'paid_amount', 'remaining_amount', 'total_amount', 'subtotal_amount', 'discount_amount',
    'tax_amount', 'credited_before_payment_amount', 'credited_after_payment_amount', 'starting_balance_amount',
    'ending_balance_amount', 'customer_ref', 'subscription_ref', 'charge_ref', 'payment_intent_ref', 'billing_reason',
    'currency', 'attempt_count', 'voided_at', 'uncollectible_at', 'due_at', 'created_at', 'payments'
] %}

with stripe__invoices as (
    select * from {{ changed_rows('stripe__invoices', 'invoice_ref') }}
),

-- Of two versions of one second the one with the later status counts: in the alphabet they stand in their order.
newest_versions as (
    select
        invoice_ref,
        modified_at,
        count(*) over (partition by invoice_ref) as version_count,
        min(modified_at) over (partition by invoice_ref) as first_modified_at,
        min(modified_at) over (partition by invoice_ref, remaining_amount) as same_remaining_at,
        {{ facts | join(',\n        ') }}
    from stripe__invoices
    qualify row_number() over (
        partition by invoice_ref
        order by modified_at desc, {{ facts | join(' desc nulls last, ') }} desc nulls last
    ) = 1
),

-- Closed when the invoice says so; else when it was first seen closed, and when it was never seen otherwise, when made.
-- So is what is left of it.
with_closing_time as (
    select
        * exclude (version_count, first_modified_at, same_remaining_at),
        if(same_remaining_at = first_modified_at, created_at, same_remaining_at) as remaining_since_at,
        case
            when status in ('draft', 'open') then null
            else coalesce(
                case status when 'paid' then paid_at when 'void' then voided_at else uncollectible_at end,
                if(version_count = 1, created_at, modified_at)
            )
        end as closed_at
    from newest_versions
)

select * from with_closing_time
