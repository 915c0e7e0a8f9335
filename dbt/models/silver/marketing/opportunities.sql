with latest_opportunities as (
    {{ latest_versions(ref('salesforce__opportunities'), 'opportunity_ref') }}
),

account_identities as (
    {{ customer_of('salesforce', 'accounts') }}
),

described as (
    select
        'salesforce:' || opportunities.opportunity_ref as opportunity_id,
        account_identities.customer_id,
        opportunities.opportunity_type,
        opportunities.stage_name,
        coalesce(opportunities.is_closed, false) as is_closed,
        coalesce(opportunities.is_won, false) as is_won,
        opportunities.created_at as opened_at,
        -- The day is what the seller typed; without one, the last change of the record is when it was decided.
        case
            when opportunities.is_closed
                then coalesce(cast(opportunities.close_date as timestamp), opportunities.modified_at)
        end as decided_at
    from latest_opportunities as opportunities
    inner join account_identities on opportunities.account_ref = account_identities.source_ref
    where not coalesce(opportunities.is_deleted, false)
)

select * from described
