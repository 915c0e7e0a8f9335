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
    ('product__events', 'product', 'workspaces', 'workspace_ref', 'occurred_at')
] -%}
{#- Those that name a person by an e-mail address alone. -#}
{%- set addresses = [
    ('marketing__touchpoints', 'occurred_at'), ('marketing__nps_responses', 'responded_at'),
    ('marketing__consents', 'recorded_at')
] -%}
{%- set columns = {
    'kind': 'text', 'name': 'text', 'given_name': 'text', 'surname': 'text', 'email': 'text', 'phone': 'text',
    'domain': 'text', 'address_line': 'text', 'city': 'text', 'postal_code': 'text', 'country': 'text',
    'birth_date': 'date', 'link_system': 'text', 'link_object': 'text', 'link_ref': 'text', 'parent_ref': 'text',
    'is_paying_party': 'boolean', 'created_at': 'timestamp'
} -%}
{%- set address = {
    'address_line': 'address_line', 'city': 'city', 'postal_code': 'postal_code', 'country': 'country'
} -%}
{#- Each object that delivers parties: its reference, and what its columns say. -#}
{%- set objects = [
    ('salesforce', 'accounts', 'account_ref', dict(
        address, kind="if(is_person_account, 'person', 'organization')", name='name', given_name='given_name',
        surname='surname', email='email', phone='phone', domain='website', birth_date='birth_date',
        parent_ref='parent_account_ref', is_paying_party='true'
    )),
    ('salesforce', 'contacts', 'contact_ref', dict(
        address, kind="'person'", name="concat_ws(' ', first_name, last_name)", given_name='first_name',
        surname='last_name', email='email', phone='phone', birth_date='birth_date', link_system="'salesforce'",
        link_object="'accounts'", link_ref='account_ref', is_paying_party='false'
    )),
    ('stripe', 'customers', 'customer_ref', dict(
        address, kind="if(is_private_payer, 'person', 'organization')",
        name='coalesce(individual_name, business_name, name)', email='email', phone='phone',
        link_system="'salesforce'", link_object="'accounts'", link_ref='salesforce_account_ref',
        is_paying_party='true'
    )),
    ('zendesk', 'organizations', 'organization_ref', dict(
        kind="'organization'", name='name', domain='domain', link_system="'salesforce'", link_object="'accounts'",
        link_ref='salesforce_account_ref', is_paying_party='true'
    )),
    ('zendesk', 'users', 'user_ref', dict(
        kind="'person'", name='name', email='email', phone='phone', link_system="'zendesk'",
        link_object="'organizations'", link_ref='organization_ref', is_paying_party='false'
    )),
    ('product', 'workspaces', 'workspace_ref', dict(
        kind="if(is_private_payer, 'person', 'organization')", name='name', email='owner_email',
        link_system="'stripe'", link_object="'customers'", link_ref='stripe_customer_ref', is_paying_party='true'
    )),
    ('product', 'users', 'user_ref', dict(
        kind="'person'", name='name', email='email', link_system="'product'", link_object="'workspaces'",
        link_ref='workspace_ref', is_paying_party='false'
    )),
    ('files', 'customers', 'customer_ref', dict(
        address, kind="coalesce(kind, 'organization')", name='name', email='email', phone='phone', domain='domain',
        birth_date='birth_date', parent_ref='parent_customer_ref', is_paying_party='true'
    )),
    ('files', 'contacts', 'contact_ref', dict(
        kind="'person'", name='name', email='email', phone='phone', link_system="'files'", link_object="'customers'",
        link_ref='customer_ref', is_paying_party='false'
    ))
] -%}
-- Evidence, not truth: a record stands here once for each different thing that its versions have said.
with person_accounts as (
    select distinct account_ref
    from {{ ref('salesforce__accounts') }}
    where is_person_account
),

-- Who pays for themselves: the billing system says so, or the CRM account that the billing system names.
private_payers as (
    select distinct
        stripe__customers.customer_ref,
        lower(stripe__customers.email) as email
    from {{ ref('stripe__customers') }} as stripe__customers
    left join person_accounts on stripe__customers.salesforce_account_ref = person_accounts.account_ref
    where
        stripe__customers.individual_name is not null
        or (person_accounts.account_ref is not null and stripe__customers.business_name is null)
),

salesforce_accounts as (
    select * from {{ ref('salesforce__accounts') }}
),

salesforce_contacts as (
    select * from {{ ref('salesforce__contacts') }}
),

stripe_customers as (
    select
        *,
        customer_ref in (select private_payers.customer_ref from private_payers) as is_private_payer
    from {{ ref('stripe__customers') }}
),

zendesk_organizations as (
    select * from {{ ref('zendesk__organizations') }}
),

zendesk_users as (
    select *
    from {{ ref('zendesk__users') }}
    where role is null or role = 'end-user'
),

-- A workspace that names no billing customer belongs to the person whose address owns it.
product_workspaces as (
    select
        *,
        case
            when stripe_customer_ref is null
                then coalesce(lower(owner_email) in (select private_payers.email from private_payers), false)
            else stripe_customer_ref in (select private_payers.customer_ref from private_payers)
        end as is_private_payer
    from {{ ref('product__workspaces') }}
),

product_users as (
    select * from {{ ref('product__users') }}
),

files_customers as (
    select * from {{ ref('files__customers') }}
),

files_contacts as (
    select * from {{ ref('files__contacts') }}
),

delivered_parties as (
    {%- for system, object_name, key, said in objects %}
    select
        '{{ system }}' as system,
        '{{ object_name }}' as object,
        {{ key }} as source_ref,
        {%- for column, type in columns.items() %}
        {%- set expression = said.get(column, 'created_at' if column == 'created_at' else 'null') %}
        cast({{ expression }} as {{ type }}) as {{ column }}{% if not loop.last %},{% endif %}
        {%- endfor %}
    from {{ system }}_{{ object_name }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

references_in_facts as (
    {%- for relation, system, object_name, source_ref, happened_at in references %}
    select
        '{{ system }}' as system,
        '{{ object_name }}' as object,
        {{ source_ref }} as source_ref,
        cast(null as text) as email,
        {{ happened_at }} as created_at
    from {{ ref(relation) }}
    union all
    {%- endfor %}
    {%- for relation, happened_at in addresses %}
    select
        'marketing' as system,
        'emails' as object,
        {{ email_ref('email') }} as source_ref,
        lower(trim(email)) as email,
        {{ happened_at }} as created_at
    from {{ ref(relation) }}
    union all
    {%- endfor %}
    select
        'zendesk' as system,
        if(organization_ref is null, 'users', 'organizations') as object,
        coalesce(organization_ref, requester_ref) as source_ref,
        cast(null as text) as email,
        created_at
    from {{ ref('zendesk__tickets') }}
),

named_in_facts as (
    select
        system,
        object,
        source_ref,
        if(object in ('users', 'emails'), 'person', 'organization') as likely_kind,
        any_value(email) as email,
        min(created_at) as created_at
    from references_in_facts
    where source_ref is not null
    group by system, object, source_ref
),

delivered_kinds as (
    select
        system,
        object,
        source_ref,
        max(kind) as kind
    from delivered_parties
    group by system, object, source_ref
),

-- Such a party is a customer all the same, known by its reference alone. One that is delivered too keeps its kind.
referenced_parties as (
    select
        named_in_facts.system,
        named_in_facts.object,
        named_in_facts.source_ref,
        {%- set said = {
            'kind': "coalesce(delivered_kinds.kind, named_in_facts.likely_kind)",
            'email': 'named_in_facts.email',
            'is_paying_party': "named_in_facts.object not in ('users', 'emails')",
            'created_at': 'named_in_facts.created_at'
        } %}
        {%- for column, type in columns.items() %}
        cast({{ said.get(column, 'null') }} as {{ type }}) as {{ column }}{% if not loop.last %},{% endif %}
        {%- endfor %}
    from named_in_facts
    left join delivered_kinds
        on
            named_in_facts.system = delivered_kinds.system
            and named_in_facts.object = delivered_kinds.object
            and named_in_facts.source_ref = delivered_kinds.source_ref
),

all_parties as (
    select * from delivered_parties
    union distinct
    select * from referenced_parties
)

select * from all_parties
