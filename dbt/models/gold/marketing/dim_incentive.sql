with incentive_catalogue as (
    select * from {{ ref('incentive_catalogue') }}
),

incentive_outcomes as (
    select * from {{ ref('incentive_outcomes') }}
),

outcomes_per_incentive as (
    select
        incentive_id,
        count(*) as offer_count,
        count(accepted_at) as accepted_offer_count
    from incentive_outcomes
    group by incentive_id
),

-- What was offered once and has left the catalogue stays known: past outcomes speak of it.
described as (
    select
        coalesce(incentive_catalogue.incentive_id, outcomes_per_incentive.incentive_id) as incentive_id,
        coalesce(incentive_catalogue.incentive_name, outcomes_per_incentive.incentive_id) as incentive_name,
        incentive_catalogue.incentive_id is not null as is_in_catalogue,
        incentive_catalogue.cost_share_of_mrr,
        incentive_catalogue.cost_months,
        incentive_catalogue.fixed_cost_amount,
        incentive_catalogue.description,
        coalesce(outcomes_per_incentive.offer_count, 0) as offer_count,
        coalesce(outcomes_per_incentive.accepted_offer_count, 0) as accepted_offer_count
    from incentive_catalogue
    full outer join outcomes_per_incentive on incentive_catalogue.incentive_id = outcomes_per_incentive.incentive_id
)

select * from described
