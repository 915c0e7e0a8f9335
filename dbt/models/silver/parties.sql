{#- Facts may name a party that no party object delivers: where they do, and when the party was first needed. -#}
{%- set references = [
    ('files__contacts', 'files', 'customers', 'customer_ref', 'created_at'),
    ('files__subscriptions', 'files', 'customers', 'customer_ref', 'started_at'),
    ('files__transactions', 'files', 'customers', 'customer_ref', 'occurred_at'),
    ('files__tickets', 'files', 'customers', 'customer_ref', 'opened_at'),
    ('files__survey_responses', 'files', 'customers', 'customer_ref', 'responded_at'),
    ('files__usage_events', 'files', 'customers', 'customer_ref', 'occurred_at'),
    ('files__touchpoints', 'files', 'customers', 'customer_ref', 'occurred_at'),
    ('files__incentive_outcomes', 'files', 'customers', 'customer_ref', 'offered_at'),
    ('files__consents', 'files', 'customers', 'customer_ref', 'recorded_at'),
    ('stripe__subscriptions', 'stripe', 'customers', 'customer_ref', 'created_at'),
    ('stripe__invoices', 'stripe', 'customers', 'customer_ref', 'created_at'),
    ('stripe__charges', 'stripe', 'customers', 'customer_ref', 'created_at'),
    ('experiments__incentive_outcomes', 'stripe', 'customers', 'stripe_customer_ref', 'offered_at'),
    ('product__events', 'product', 'workspaces', 'workspace_ref', 'occurred_at'),
    ('marketing__touchpoints', 'marketing', 'emails', 'lower(email)', 'occurred_at'),
    ('marketing__nps_responses', 'marketing', 'emails', 'lower(email)', 'responded_at'),
    ('marketing__consents', 'marketing', 'emails', 'lower(email)', 'recorded_at')
] -%}
-- Evidence, not truth: a record may stand here twice, with two e-mails or two links.
with salesforce_accounts as (
    select
        'salesforce' as system,
        'accounts' as object,
        account_ref as source_ref,
        'organization' as kind,
        name,
        cast(null as text) as email,
        phone,
        website as domain,
        cast(null as text) as link_system,
        cast(null as text) as link_object,
        cast(null as text) as link_ref,
        created_at
    from {{ ref('salesforce__accounts') }}
),

salesforce_contacts as (
    select
        'salesforce' as system,
        'contacts' as object,
        contact_ref as source_ref,
        'person' as kind,
        concat_ws(' ', first_name, last_name) as name,
        email,
        phone,
        cast(null as text) as domain,
        'salesforce' as link_system,
        'accounts' as link_object,
        account_ref as link_ref,
        created_at
    from {{ ref('salesforce__contacts') }}
),

stripe_customers as (
    select
        'stripe' as system,
        'customers' as object,
        customer_ref as source_ref,
        'organization' as kind,
        name,
        email,
        phone,
        cast(null as text) as domain,
        'salesforce' as link_system,
        'accounts' as link_object,
        salesforce_account_ref as link_ref,
        created_at
    from {{ ref('stripe__customers') }}
),

zendesk_organizations as (
    select
        'zendesk' as system,
        'organizations' as object,
        organization_ref as source_ref,
        'organization' as kind,
        name,
        cast(null as text) as email,
        cast(null as text) as phone,
        domain,
        'salesforce' as link_system,
        'accounts' as link_object,
        salesforce_account_ref as link_ref,
        created_at
    from {{ ref('zendesk__organizations') }}
),

zendesk_users as (
    select
        'zendesk' as system,
        'users' as object,
        user_ref as source_ref,
        'person' as kind,
        name,
        email,
        phone,
        cast(null as text) as domain,
        'zendesk' as link_system,
        'organizations' as link_object,
        organization_ref as link_ref,
        created_at
    from {{ ref('zendesk__users') }}
    where role is null or role = 'end-user'
),

product_workspaces as (
    select
        'product' as system,
        'workspaces' as object,
        workspace_ref as source_ref,
        'organization' as kind,
        name,
        owner_email as email,
        cast(null as text) as phone,
        cast(null as text) as domain,
        'stripe' as link_system,
        'customers' as link_object,
        stripe_customer_ref as link_ref,
        created_at
    from {{ ref('product__workspaces') }}
),

product_users as (
    select
        'product' as system,
        'users' as object,
        user_ref as source_ref,
        'person' as kind,
        name,
        email,
        cast(null as text) as phone,
        cast(null as text) as domain,
        'product' as link_system,
        'workspaces' as link_object,
        workspace_ref as link_ref,
        created_at
    from {{ ref('product__users') }}
),

file_customers as (
    select
        'files' as system,
        'customers' as object,
        customer_ref as source_ref,
        coalesce(kind, 'organization') as kind,
        name,
        email,
        phone,
        domain,
        cast(null as text) as link_system,
        cast(null as text) as link_object,
        cast(null as text) as link_ref,
        created_at
    from {{ ref('files__customers') }}
),

file_contacts as (
    select
        'files' as system,
        'contacts' as object,
        contact_ref as source_ref,
        'person' as kind,
        name,
        email,
        phone,
        cast(null as text) as domain,
        'files' as link_system,
        'customers' as link_object,
        customer_ref as link_ref,
        created_at
    from {{ ref('files__contacts') }}
),

references_in_facts as (
    {%- for relation, system, object_name, source_ref, happened_at in references %}
    select
        '{{ system }}' as system,
        '{{ object_name }}' as object,
        {{ source_ref }} as source_ref,
        {{ happened_at }} as created_at
    from {{ ref(relation) }}
    union all
    {%- endfor %}
    select
        'zendesk' as system,
        if(organization_ref is null, 'users', 'organizations') as object,
        coalesce(organization_ref, requester_ref) as source_ref,
        created_at
    from {{ ref('zendesk__tickets') }}
),

-- Such a party is a customer all the same, known by its reference alone.
referenced_parties as (
    select
        system,
        object,
        source_ref,
        if(object in ('users', 'emails'), 'person', 'organization') as kind,
        cast(null as text) as name,
        if(object = 'emails', source_ref, null) as email,
        cast(null as text) as phone,
        cast(null as text) as domain,
        cast(null as text) as link_system,
        cast(null as text) as link_object,
        cast(null as text) as link_ref,
        min(created_at) as created_at
    from references_in_facts
    group by system, object, source_ref
),

all_parties as (
    {%- for relation in [
        'salesforce_accounts', 'salesforce_contacts', 'stripe_customers', 'zendesk_organizations', 'zendesk_users',
        'product_workspaces', 'product_users', 'file_customers', 'file_contacts'
    ] %}
    select * from {{ relation }}
    union distinct
    {%- endfor %}
    select * from referenced_parties
)

select * from all_parties
