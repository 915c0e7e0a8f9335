with experiments__incentive_outcomes as (
    {{ latest_versions(ref('experiments__incentive_outcomes'), 'outcome_ref', 'recorded_at') }}
),

files__incentive_outcomes as (
    select * from {{ ref('files__incentive_outcomes') }}
),

stripe_identities as (
    {{ customer_of('stripe', 'customers') }}
),

file_identities as (
    {{ customer_of('files', 'customers') }}
),

experiment_outcomes as (
    select
        'experiments:' || outcomes.outcome_ref as outcome_id,
        stripe_identities.customer_id,
        outcomes.incentive_id,
        outcomes.propensity_probability,
        outcomes.offered_at,
        outcomes.accepted_at,
        {{ at_exchange_rate('outcomes.cost_amount', 'rates.exchange_rate') }} as cost_amount,
        outcomes.is_retained,
        outcomes.observed_until_date
    from experiments__incentive_outcomes as outcomes
    inner join stripe_identities on outcomes.stripe_customer_ref = stripe_identities.source_ref
    {{ join_exchange_rate('rates', "'USD'", 'outcomes.offered_at') }}
),

file_outcomes as (
    select
        'files:' || outcomes.outcome_ref as outcome_id,
        file_identities.customer_id,
        outcomes.incentive_id,
        outcomes.propensity_probability,
        outcomes.offered_at,
        outcomes.accepted_at,
        outcomes.cost_amount,
        outcomes.is_retained,
        outcomes.observed_until_date
    from files__incentive_outcomes as outcomes
    inner join file_identities on outcomes.customer_ref = file_identities.source_ref
),

all_outcomes as (
    select * from experiment_outcomes
    union all
    select * from file_outcomes
)

select * from all_outcomes
