with salesforce__campaigns as (
    {{ latest_versions(ref('salesforce__campaigns'), 'campaign_ref') }}
),

-- The CRM keeps costs in US dollars; the rate is that of the first day of the campaign.
with_first_day as (
    select
        *,
        coalesce(start_date, cast(created_at as date)) as first_day
    from salesforce__campaigns
),

described as (
    select
        campaign_ref,
        name as campaign_name,
        campaign_type,
        status as campaign_status,
        {{ in_reporting_currency('budgeted_amount', "'USD'", 'first_day') }} as budgeted_amount,
        {{ in_reporting_currency('actual_amount', "'USD'", 'first_day') }} as actual_amount,
        budgeted_amount as original_budgeted_amount,
        actual_amount as original_actual_amount,
        'USD' as currency,
        {{ exchange_rate_date("'USD'", 'first_day') }} as rate_date,
        start_date,
        end_date
    from with_first_day
)

select * from described
