with campaigns as (
    select * from {{ ref('campaigns') }}
),

touchpoints as (
    select * from {{ ref('touchpoints') }}
),

campaign_members as (
    select * from {{ ref('campaign_members') }}
),

-- Messages may name a campaign that the CRM does not know, and most interactions have none.
named_campaigns as (
    select campaign_ref from campaigns
    union distinct
    select campaign_ref
    from touchpoints
    where campaign_ref is not null
    union distinct
    select campaign_ref from campaign_members
    union distinct
    select 'unknown' as campaign_ref
),

described as (
    select
        named_campaigns.campaign_ref,
        coalesce(
            campaigns.campaign_name,
            case
                when named_campaigns.campaign_ref = 'unknown' then 'No or unknown campaign'
                else named_campaigns.campaign_ref
            end
        ) as campaign_name,
        campaigns.campaign_ref is not null as is_in_crm,
        campaigns.campaign_type,
        campaigns.campaign_status,
        campaigns.budgeted_amount,
        campaigns.actual_amount,
        campaigns.original_budgeted_amount,
        campaigns.original_actual_amount,
        campaigns.currency,
        campaigns.rate_date,
        campaigns.start_date,
        campaigns.end_date
    from named_campaigns
    left join campaigns on named_campaigns.campaign_ref = campaigns.campaign_ref
)

select * from described
