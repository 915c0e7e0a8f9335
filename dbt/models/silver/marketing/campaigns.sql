with salesforce__campaigns as (
    {{ latest_versions(ref('salesforce__campaigns'), 'campaign_ref') }}
),

-- The rate is that of the first day of the campaign.
with_first_day as (
    select
        * exclude (currency),
        {{ salesforce_currency('currency') }} as currency,
        coalesce(start_date, cast(created_at as date)) as first_day
    from salesforce__campaigns
    where not coalesce(is_deleted, false)
),

described as (
    select
        campaigns.campaign_ref,
        campaigns.name as campaign_name,
        campaigns.campaign_type,
        campaigns.status as campaign_status,
        {{ at_exchange_rate('campaigns.budgeted_amount', 'rates.exchange_rate') }} as budgeted_amount,
        {{ at_exchange_rate('campaigns.actual_amount', 'rates.exchange_rate') }} as actual_amount,
        campaigns.budgeted_amount as original_budgeted_amount,
        campaigns.actual_amount as original_actual_amount,
        campaigns.currency,
        rates.rate_date,
        campaigns.start_date,
        campaigns.end_date
    from with_first_day as campaigns
    {{ join_exchange_rate('rates', 'campaigns.currency', 'campaigns.first_day') }}
)

select * from described
