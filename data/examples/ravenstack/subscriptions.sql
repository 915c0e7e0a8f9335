-- One row per subscription. A trial has an mrr_amount of 0.
select
    subscription_id as subscription_ref,
    account_id as customer_ref,
    plan_tier as plan,
    case
        when end_date is not null then 'canceled'
        when is_trial = 'True' then 'trialing'
        else 'active'
    end as status,
    start_date as started_at,
    end_date as ended_at,
    mrr_amount,
    'USD' as currency,
    seats as quantity,
    case billing_frequency when 'monthly' then 'month' when 'annual' then 'year' end as billing_interval,
    arr_amount,
    is_trial,
    upgrade_flag,
    downgrade_flag,
    churn_flag,
    auto_renew_flag
from read_csv('ravenstack_subscriptions.csv', all_varchar = true)
