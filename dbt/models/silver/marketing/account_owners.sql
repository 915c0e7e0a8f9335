with latest_accounts as (
    {{ latest_versions(ref('salesforce__accounts'), 'account_ref') }}
),

latest_users as (
    {{ latest_versions(ref('salesforce__users'), 'user_ref') }}
),

account_identities as (
    {{ customer_of('salesforce', 'accounts') }}
),

-- Of several accounts of a customer the oldest one counts, as it does for the customer's name.
owned_accounts as (
    select
        account_identities.customer_id,
        own_accounts.owner_ref
    from latest_accounts as own_accounts
    inner join account_identities on own_accounts.account_ref = account_identities.source_ref
    where own_accounts.owner_ref is not null and not coalesce(own_accounts.is_deleted, false)
    qualify row_number() over (
        partition by account_identities.customer_id order by own_accounts.created_at, own_accounts.account_ref
    ) = 1
),

described as (
    select
        owned_accounts.customer_id,
        owned_accounts.owner_ref,
        latest_users.name as owner_name,
        latest_users.email as owner_email
    from owned_accounts
    left join latest_users on owned_accounts.owner_ref = latest_users.user_ref
)

select * from described
