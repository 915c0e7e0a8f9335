-- One row per household and campaign: a mailing with coupons on the day the campaign began, and whether the household
-- redeemed any of them. Nobody drew lots for who got one, so these are no incentive outcomes.
with redeemed as (
    select distinct
        campaign_id,
        household_id
    from 'delivered/coupon_redemptions.parquet'
)

select
    campaigns.campaign_id || '-' || campaigns.household_id as touchpoint_ref,
    campaigns.household_id as customer_ref,
    descriptions.start_date as occurred_at,
    'letter' as channel,
    'campaign ' || campaigns.campaign_id as campaign_ref,
    'outbound' as direction,
    if(redeemed.household_id is null, 'sent', 'converted') as outcome,
    descriptions.campaign_type
from 'delivered/campaigns.parquet' as campaigns
inner join 'delivered/campaign_descriptions.parquet' as descriptions on campaigns.campaign_id = descriptions.campaign_id
left join redeemed
    on campaigns.campaign_id = redeemed.campaign_id and campaigns.household_id = redeemed.household_id
