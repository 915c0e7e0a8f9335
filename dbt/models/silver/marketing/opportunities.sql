with latest_opportunities as (
    {{ latest_versions(ref('salesforce__opportunities'), 'opportunity_ref') }}
),

account_identities as (
    {{ customer_of('salesforce', 'accounts') }}
),

-- The day of decision is what the seller typed, expected or real; without one, the last change of a decided record is
-- when it was decided.
with_days as (
    select
        *,
        coalesce(is_closed, is_won, false) as is_decided,
        {{ salesforce_currency('currency') }} as amount_currency,
        coalesce(close_date, cast(created_at as date)) as rate_as_of_date
    from latest_opportunities
    where not coalesce(is_deleted, false)
),

-- A sale without an account, or of one that is not visible, is a sale all the same: its customer is empty.
described as (
    select
        'salesforce:' || opportunities.opportunity_ref as opportunity_id,
        account_identities.customer_id,
        opportunities.account_ref,
        opportunities.owner_ref,
        opportunities.name as opportunity_name,
        opportunities.opportunity_type,
        opportunities.stage_name,
        opportunities.is_decided as is_closed,
        coalesce(opportunities.is_won, false) as is_won,
        {{ at_exchange_rate('opportunities.amount', 'rates.exchange_rate') }} as amount,
        opportunities.amount as original_amount,
        opportunities.amount_currency as currency,
        rates.rate_date,
        opportunities.created_at as opened_at,
        opportunities.close_date,
        if(
            opportunities.is_decided,
            coalesce(cast(opportunities.close_date as timestamp), opportunities.modified_at),
            null
        ) as decided_at
    from with_days as opportunities
    left join account_identities on opportunities.account_ref = account_identities.source_ref
    {{ join_exchange_rate('rates', 'opportunities.amount_currency', 'opportunities.rate_as_of_date') }}
)

select * from described
