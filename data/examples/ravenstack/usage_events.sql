-- One row per line of feature usage. The customer comes from the subscription; usage of an unknown subscription keeps
-- its row without a customer, and repeated usage ids keep their id: both are for the quarantine to show.
select
    usage.usage_id as event_ref,
    subscriptions.account_id as customer_ref,
    usage.usage_date as occurred_at,
    'feature_used' as event_name,
    usage.feature_name as feature,
    usage.usage_count as quantity,
    usage.usage_duration_secs as duration_seconds,
    usage.error_count,
    usage.subscription_id,
    usage.is_beta_feature
from read_csv('ravenstack_feature_usage.csv', all_varchar = true) as usage
left join read_csv('ravenstack_subscriptions.csv', all_varchar = true) as subscriptions
    on usage.subscription_id = subscriptions.subscription_id
