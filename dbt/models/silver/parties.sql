-- Evidence, not truth: a record may stand here twice, with two e-mails or two links.
with salesforce_accounts as (
    select
        'salesforce' as system, 'accounts' as object, account_ref as source_ref, 'organization' as kind,
        name, cast(null as text) as email, phone, website as domain,
        cast(null as text) as link_system, cast(null as text) as link_object, cast(null as text) as link_ref,
        created_at
    from {{ ref('salesforce__accounts') }}
),

salesforce_contacts as (
    select
        'salesforce' as system, 'contacts' as object, contact_ref as source_ref, 'person' as kind,
        concat_ws(' ', first_name, last_name) as name, email, phone, cast(null as text) as domain,
        'salesforce' as link_system, 'accounts' as link_object, account_ref as link_ref,
        created_at
    from {{ ref('salesforce__contacts') }}
),

stripe_customers as (
    select
        'stripe' as system, 'customers' as object, customer_ref as source_ref, 'organization' as kind,
        name, email, phone, cast(null as text) as domain,
        'salesforce' as link_system, 'accounts' as link_object, salesforce_account_ref as link_ref,
        created_at
    from {{ ref('stripe__customers') }}
),

zendesk_organizations as (
    select
        'zendesk' as system, 'organizations' as object, organization_ref as source_ref, 'organization' as kind,
        name, cast(null as text) as email, cast(null as text) as phone, domain,
        'salesforce' as link_system, 'accounts' as link_object, salesforce_account_ref as link_ref,
        created_at
    from {{ ref('zendesk__organizations') }}
),

zendesk_users as (
    select
        'zendesk' as system, 'users' as object, user_ref as source_ref, 'person' as kind,
        name, email, phone, cast(null as text) as domain,
        'zendesk' as link_system, 'organizations' as link_object, organization_ref as link_ref,
        created_at
    from {{ ref('zendesk__users') }}
    where role is null or role = 'end-user'
),

product_workspaces as (
    select
        'product' as system, 'workspaces' as object, workspace_ref as source_ref, 'organization' as kind,
        name, owner_email as email, cast(null as text) as phone, cast(null as text) as domain,
        'stripe' as link_system, 'customers' as link_object, stripe_customer_ref as link_ref,
        created_at
    from {{ ref('product__workspaces') }}
),

product_users as (
    select
        'product' as system, 'users' as object, user_ref as source_ref, 'person' as kind,
        name, email, cast(null as text) as phone, cast(null as text) as domain,
        'product' as link_system, 'workspaces' as link_object, workspace_ref as link_ref,
        created_at
    from {{ ref('product__users') }}
),

file_customers as (
    select
        'files' as system, 'customers' as object, customer_ref as source_ref,
        coalesce(kind, 'organization') as kind, name, email, phone, domain,
        cast(null as text) as link_system, cast(null as text) as link_object, cast(null as text) as link_ref,
        created_at
    from {{ ref('files__customers') }}
),

file_contacts as (
    select
        'files' as system, 'contacts' as object, contact_ref as source_ref, 'person' as kind,
        name, email, phone, cast(null as text) as domain,
        'files' as link_system, 'customers' as link_object, customer_ref as link_ref,
        created_at
    from {{ ref('files__contacts') }}
),

-- Facts may name a party that no party object delivers: it is a customer all the same, known by its reference alone.
references_in_facts as (
    {%- for object_name, happened_at in [
        ('contacts', 'created_at'), ('subscriptions', 'started_at'), ('transactions', 'occurred_at'),
        ('tickets', 'opened_at'), ('survey_responses', 'responded_at'), ('usage_events', 'occurred_at'),
        ('touchpoints', 'occurred_at'), ('incentive_outcomes', 'offered_at'), ('consents', 'recorded_at')
    ] %}
    select 'files' as system, 'customers' as object, customer_ref as source_ref, {{ happened_at }} as created_at
    from {{ ref('files__' ~ object_name) }}
    union all
    {%- endfor %}
    select 'stripe' as system, 'customers' as object, customer_ref as source_ref, created_at
    from {{ ref('stripe__subscriptions') }}
    union all
    select 'stripe' as system, 'customers' as object, customer_ref as source_ref, created_at
    from {{ ref('stripe__invoices') }}
    union all
    select 'stripe' as system, 'customers' as object, customer_ref as source_ref, created_at
    from {{ ref('stripe__charges') }}
    union all
    select 'stripe' as system, 'customers' as object, stripe_customer_ref as source_ref, offered_at as created_at
    from {{ ref('experiments__incentive_outcomes') }}
    union all
    select 'product' as system, 'workspaces' as object, workspace_ref as source_ref, occurred_at as created_at
    from {{ ref('product__events') }}
    union all
    select
        'zendesk' as system,
        if(organization_ref is null, 'users', 'organizations') as object,
        coalesce(organization_ref, requester_ref) as source_ref,
        created_at
    from {{ ref('zendesk__tickets') }}
    union all
    select 'marketing' as system, 'emails' as object, lower(email) as source_ref, occurred_at as created_at
    from {{ ref('marketing__touchpoints') }}
    union all
    select 'marketing' as system, 'emails' as object, lower(email) as source_ref, responded_at as created_at
    from {{ ref('marketing__nps_responses') }}
    union all
    select 'marketing' as system, 'emails' as object, lower(email) as source_ref, recorded_at as created_at
    from {{ ref('marketing__consents') }}
),

referenced_parties as (
    select
        system, object, source_ref,
        if(object in ('users', 'emails'), 'person', 'organization') as kind,
        cast(null as text) as name, if(object = 'emails', source_ref, null) as email,
        cast(null as text) as phone, cast(null as text) as domain,
        cast(null as text) as link_system, cast(null as text) as link_object, cast(null as text) as link_ref,
        min(created_at) as created_at
    from references_in_facts
    group by all
),

all_parties as (
    {%- for relation in [
        'salesforce_accounts', 'salesforce_contacts', 'stripe_customers', 'zendesk_organizations', 'zendesk_users',
        'product_workspaces', 'product_users', 'file_customers', 'file_contacts'
    ] %}
    select * from {{ relation }}
    union
    {%- endfor %}
    select referenced_parties.*
    from referenced_parties
)

select * from all_parties
