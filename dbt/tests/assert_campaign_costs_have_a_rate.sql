{{ config(severity='warn') }}

-- A returned row is a campaign whose costs are in a currency without a rate: its amounts are empty.
with dim_campaign as (
    select * from {{ ref('dim_campaign') }}
),

campaigns_without_rate as (
    select
        campaign_ref,
        currency
    from dim_campaign
    where
        coalesce(original_actual_amount, original_budgeted_amount) is not null
        and coalesce(actual_amount, budgeted_amount) is null
)

select * from campaigns_without_rate
