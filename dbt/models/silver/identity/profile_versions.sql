{#- Objects whose records describe a customer, their reference and clock, and what their columns say. -#}
{%- set columns = {
    'kind': 'text', 'name': 'text', 'given_name': 'text', 'surname': 'text', 'email': 'text', 'phone': 'text',
    'domain': 'text', 'address': 'text', 'country': 'text', 'birth_date': 'date', 'industry': 'text',
    'employee_count': 'bigint', 'stated_plan': 'text', 'time_zone': 'text', 'parent_ref': 'text',
    'is_deleted': 'boolean'
} -%}
{%- set address = packed_address('address_line', 'city', 'postal_code') -%}
{%- set objects = [
    ('stripe', 'customers', 'customer_ref', {
        'kind': "if(individual_name is not null, 'person', if(business_name is not null, 'organization', null))",
        'name': 'coalesce(individual_name, business_name, name)', 'email': 'email', 'phone': 'phone',
        'address': address, 'country': 'country', 'is_deleted': 'is_deleted'
    }),
    ('salesforce', 'accounts', 'account_ref', {
        'kind': "if(is_person_account, 'person', 'organization')", 'name': 'name', 'given_name': 'given_name',
        'surname': 'surname', 'email': 'email', 'phone': 'phone', 'domain': 'website', 'address': address,
        'country': 'country', 'birth_date': 'birth_date', 'industry': 'industry', 'employee_count': 'employee_count',
        'parent_ref': 'parent_account_ref', 'is_deleted': 'is_deleted'
    }),
    ('zendesk', 'organizations', 'organization_ref', {
        'kind': "'organization'", 'name': 'name', 'domain': 'domain', 'is_deleted': 'deleted_at is not null'
    }),
    ('product', 'workspaces', 'workspace_ref', {
        'name': 'name', 'email': 'owner_email', 'time_zone': 'time_zone', 'is_deleted': 'is_deleted'
    }),
    ('salesforce', 'contacts', 'contact_ref', {
        'name': "nullif(concat_ws(' ', first_name, last_name), '')", 'email': 'email', 'is_deleted': 'is_deleted'
    }),
    ('zendesk', 'users', 'user_ref', {
        'name': 'name', 'email': 'email', 'phone': 'phone', 'time_zone': 'time_zone', 'is_deleted': 'not is_active'
    }),
    ('product', 'users', 'user_ref', {'name': 'name', 'email': 'email', 'is_deleted': 'is_deleted'}),
    ('files', 'customers', 'customer_ref', {
        'kind': 'kind', 'name': 'name', 'email': 'email', 'phone': 'phone', 'domain': 'domain', 'address': address,
        'country': 'country', 'birth_date': 'birth_date', 'industry': 'industry', 'stated_plan': 'plan_tier',
        'parent_ref': 'parent_customer_ref'
    }),
    ('files', 'contacts', 'contact_ref', {'name': 'name', 'email': 'email'})
] -%}
with identities as (
    select * from {{ source('resolved', 'customer_identities') }}
),

parties as (
    select * from {{ ref('parties') }}
),

delivered_versions as (
    {%- for system, object_name, key, said in objects %}
    select
        '{{ system }}' as system,
        '{{ object_name }}' as object,
        {{ key }} as source_ref,
        {%- for column, type in columns.items() %}
        cast({{ said.get(column, 'null') }} as {{ type }}) as {{ column }},
        {%- endfor %}
        created_at,
        {{ 'created_at' if system == 'files' else 'modified_at' }} as known_at,
        _loaded_at,
        _source_file,
        _source_line
    from {{ ref(system ~ '__' ~ object_name) }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

-- What was delivered twice for one moment: the newest delivery is the version of that moment.
versions as (
    select *
    from delivered_versions
    qualify row_number() over (
        partition by system, object, source_ref, known_at
        order by _loaded_at desc, _source_file desc, _source_line desc
    ) = 1
),

-- The first version that a source delivers is taken to hold since the record was created.
with_validity as (
    select
        * exclude (created_at, known_at, _loaded_at, _source_file, _source_line, is_deleted),
        min(created_at) over same_record as record_created_at,
        coalesce(last_value(is_deleted) over same_record, false) as is_deleted_record,
        if(row_number() over to_this_version = 1, least(created_at, known_at), known_at) as valid_from,
        lead(known_at, 1, {{ open_end() }}) over to_this_version as valid_to
    from versions
    window
        same_record as (
            partition by system, object, source_ref
            order by known_at rows between unbounded preceding and unbounded following
        ),
        to_this_version as (partition by system, object, source_ref order by known_at)
),

-- An address that only marketing knows is all that is known of its person.
marketing_addresses as (
    select
        system,
        object,
        source_ref,
        any_value(email) as email,
        min(created_at) as created_at
    from parties
    where system = 'marketing' and object = 'emails'
    group by system, object, source_ref
),

all_profiles as (
    select * from with_validity
    union all by name
    select
        system,
        object,
        source_ref,
        email,
        created_at as record_created_at,
        false as is_deleted_record,
        created_at as valid_from,
        {{ open_end() }} as valid_to
    from marketing_addresses
),

of_customers as (
    select
        identities.customer_id,
        all_profiles.*,
        nullif(parents.customer_id, identities.customer_id) as parent_customer_id
    from all_profiles
    inner join identities
        on
            all_profiles.system = identities.system
            and all_profiles.object = identities.object
            and all_profiles.source_ref = identities.source_ref
    left join identities as parents
        on
            all_profiles.system = parents.system
            and all_profiles.object = parents.object
            and all_profiles.parent_ref = parents.source_ref
)

select * from of_customers
