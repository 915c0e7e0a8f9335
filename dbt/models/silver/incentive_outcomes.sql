with delivered_once as (
    {{ latest_versions(ref('experiments__incentive_outcomes'), 'outcome_ref', 'recorded_at') }}
),

experiment_outcomes as (
    select
        'experiments:' || outcomes.outcome_ref as outcome_id,
        customers.customer_id,
        outcomes.incentive_id,
        outcomes.propensity_probability,
        outcomes.offered_at,
        outcomes.accepted_at,
        {{ in_reporting_currency('outcomes.cost_amount', "'USD'") }} as cost_amount,
        outcomes.is_retained,
        outcomes.observed_until_date
    from delivered_once as outcomes
    inner join {{ customer_of('stripe', 'customers') }} as customers
        on outcomes.stripe_customer_ref = customers.source_ref
),

file_outcomes as (
    select
        'files:' || outcomes.outcome_ref as outcome_id,
        customers.customer_id,
        outcomes.incentive_id,
        outcomes.propensity_probability,
        outcomes.offered_at,
        outcomes.accepted_at,
        outcomes.cost_amount,
        outcomes.is_retained,
        outcomes.observed_until_date
    from {{ ref('files__incentive_outcomes') }} as outcomes
    inner join {{ customer_of('files', 'customers') }} as customers
        on outcomes.customer_ref = customers.source_ref
),

all_outcomes as (
    select * from experiment_outcomes
    union all
    select * from file_outcomes
)

select * from all_outcomes
