with opportunities as (
    select * from {{ ref('opportunities') }}
),

latest_users as (
    {{ latest_versions(ref('salesforce__users'), 'user_ref') }}
),

described as (
    select
        opportunities.opportunity_id,
        opportunities.customer_id,
        opportunities.account_ref,
        opportunities.opportunity_name,
        opportunities.opportunity_type,
        opportunities.stage_name,
        case
            when opportunities.is_won then 'won'
            when opportunities.is_closed then 'lost'
            else 'open'
        end as status,
        opportunities.owner_ref,
        latest_users.name as owner_name,
        latest_users.email as owner_email,
        opportunities.amount as opportunity_amount,
        opportunities.original_amount as original_opportunity_amount,
        opportunities.currency,
        opportunities.rate_date,
        opportunities.opened_at,
        opportunities.close_date,
        opportunities.decided_at,
        date_diff('day', cast(opportunities.opened_at as date), cast(opportunities.decided_at as date))
            as sales_cycle_days
    from opportunities
    left join latest_users on opportunities.owner_ref = latest_users.user_ref
)

select * from described
