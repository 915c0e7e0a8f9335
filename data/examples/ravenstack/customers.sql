-- One row per account. Columns beyond the layout (seats, referral_source, ...) are kept as `extra`.
select
    account_id as customer_ref,
    account_name as name,
    'organization' as kind,
    country,
    industry,
    plan_tier,
    signup_date as created_at,
    seats,
    referral_source,
    is_trial,
    churn_flag
from read_csv('ravenstack_accounts.csv', all_varchar = true)
