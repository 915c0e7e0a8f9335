{#- Systems in the order in which their word counts: who bills the customer knows best. -#}
{%- set profiles = [
    ('stripe', 'customers', 'customer_ref', {'name': 'name', 'email': 'email', 'phone': 'phone', 'country': 'country'}),
    ('salesforce', 'accounts', 'account_ref', {
        'name': 'name', 'phone': 'phone', 'domain': 'website', 'industry': 'industry', 'country': 'country',
        'employee_count': 'employee_count'
    }),
    ('files', 'customers', 'customer_ref', {
        'name': 'name', 'email': 'email', 'phone': 'phone', 'domain': 'domain', 'industry': 'industry',
        'country': 'country', 'plan': 'plan_tier'
    }),
    ('zendesk', 'organizations', 'organization_ref', {'name': 'name', 'domain': 'domain'}),
    ('product', 'workspaces', 'workspace_ref', {'name': 'name', 'email': 'owner_email'}),
] -%}
{%- set fields = {
    'name': 'text', 'email': 'text', 'phone': 'text', 'domain': 'text', 'industry': 'text', 'country': 'text',
    'plan': 'text', 'employee_count': 'bigint'
} -%}

with identities as (
    select * from {{ source('resolved', 'customer_identities') }}
),

parties as (
    select * from {{ ref('parties') }}
),

{% for system, object_name, key, columns in profiles -%}
latest_{{ system }} as (
    {%- if system == 'files' %}
    select * from {{ ref('files__customers') }}
    {%- else %}
    {{ latest_versions(ref(system ~ '__' ~ object_name), key) }}
    {%- endif %}
),

{% endfor -%}
profiles as (
    {%- for system, object_name, key, columns in profiles %}
    select
        '{{ system }}' as system,
        '{{ object_name }}' as object,
        {{ key }} as source_ref,
        '{{ loop.index }}|' || {{ key }} as precedence,
        {%- for field, type in fields.items() %}
        cast({{ columns.get(field, 'null') }} as {{ type }}) as {{ field }}{% if not loop.last %},{% endif %}
        {%- endfor %}
    from latest_{{ system }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

customer_profiles as (
    select
        identities.customer_id,
        profiles.*
    from profiles
    inner join identities
        on
            profiles.system = identities.system
            and profiles.object = identities.object
            and profiles.source_ref = identities.source_ref
),

-- Each field from the first system in that order which knows it.
golden_fields as (
    select
        customer_id,
        {%- for field in fields %}
        {{ first_known(field, 'precedence') }} as {{ field }}{% if not loop.last %},{% endif %}
        {%- endfor %}
    from customer_profiles
    group by customer_id
),

records as (
    select
        identities.customer_id,
        -- One organisation among the records makes the customer an organisation; the rest are its people.
        if(bool_or(parties.kind = 'organization'), 'organization', 'person') as kind,
        cast(min(parties.created_at) as date) as customer_since_date,
        count(distinct concat_ws('|', identities.system, identities.object, identities.source_ref))
            as source_record_count,
        {{ first_known('parties.name', 'parties.created_at || parties.source_ref') }} as any_name,
        {{ first_known('parties.email', 'parties.created_at || parties.source_ref') }} as any_email
    from identities
    inner join parties
        on
            identities.system = parties.system
            and identities.object = parties.object
            and identities.source_ref = parties.source_ref
    group by identities.customer_id
),

golden_records as (
    select
        records.customer_id,
        records.kind,
        coalesce(golden_fields.name, records.any_name) as name,
        coalesce(golden_fields.email, records.any_email) as email,
        golden_fields.phone,
        golden_fields.domain,
        golden_fields.industry,
        golden_fields.country,
        golden_fields.plan,
        golden_fields.employee_count,
        records.customer_since_date,
        records.source_record_count
    from records
    left join golden_fields on records.customer_id = golden_fields.customer_id
)

select * from golden_records
