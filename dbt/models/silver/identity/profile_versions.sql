{#- Which objects describe a customer, and with what, their contracts say. -#}
{%- set columns = {
    'kind': 'text', 'name': 'text', 'given_name': 'text', 'surname': 'text', 'email': 'text', 'phone': 'text',
    'domain': 'text', 'address': 'text', 'country': 'text', 'birth_date': 'date', 'industry': 'text',
    'employee_count': 'bigint', 'stated_plan': 'text', 'time_zone': 'text', 'parent_ref': 'text',
    'is_deleted': 'boolean'
} -%}
with identities as (
    select * from {{ source('resolved', 'customer_identities') }}
),

parties as (
    select * from {{ ref('parties') }}
),

-- What can be read as a telephone number, in E.164; the rest stays as it is written.
numbers as (
    select
        written,
        country,
        spelling
    from {{ source('resolved', 'party_spellings') }}
    where field = 'phone'
),

delivered_versions as (
    {%- for name, contract in contracts_with('profile') %}
    {%- set system, object_name = name.split('__', 1) %}
    {%- set profile = contract.profile %}
    {%- if profile.address %}{% set profile = dict(profile, address=packed_address(*profile.address)) %}{% endif %}
    select
        '{{ system }}' as system,
        '{{ object_name }}' as object,
        {{ contract.key[0] }} as source_ref,
        {%- for column, type in columns.items() %}
        cast({{ profile.get(column, 'null') }} as {{ type }}) as {{ column }},
        {%- endfor %}
        {{ credible_moment('created_at') }} as created_at,
        ({{ credible_moment('created_at') }} is distinct from created_at) as is_created_by_guess,
        {{ credible_moment(contract.version or 'created_at') }} as known_at,
        _loaded_at,
        _source_file,
        _source_line
    from {{ ref(name) }}
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
        * exclude (
            created_at, is_created_by_guess, known_at, _loaded_at, _source_file, _source_line, is_deleted
        ),
        min(created_at) over same_record as record_created_at,
        coalesce(last_value(is_deleted) over same_record, false) as is_deleted_record,
        if(row_number() over to_this_version = 1, least(created_at, known_at), known_at) as valid_from,
        lead(known_at, 1, {{ open_end() }}) over to_this_version as valid_to,
        is_created_by_guess and row_number() over to_this_version = 1 as is_begin_a_guess
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
        {{ open_end() }} as valid_to,
        false as is_begin_a_guess
    from marketing_addresses
),

begins_of_customers as (
    select
        identities.customer_id,
        min(parties.created_at) as customer_since_at
    from identities
    inner join parties
        on
            identities.system = parties.system
            and identities.object = parties.object
            and identities.source_ref = parties.source_ref
    group by identities.customer_id
),

of_customers as (
    select
        identities.customer_id,
        begins_of_customers.customer_since_at,
        all_profiles.* exclude (phone),
        coalesce(numbers.spelling, all_profiles.phone) as phone,
        nullif(parents.customer_id, identities.customer_id) as parent_customer_id
    from all_profiles
    inner join identities
        on
            all_profiles.system = identities.system
            and all_profiles.object = identities.object
            and all_profiles.source_ref = identities.source_ref
    inner join begins_of_customers on identities.customer_id = begins_of_customers.customer_id
    left join identities as parents
        on
            all_profiles.system = parents.system
            and all_profiles.object = parents.object
            and all_profiles.parent_ref = parents.source_ref
    left join numbers
        on
            all_profiles.phone = numbers.written
            and coalesce(all_profiles.country, '') = numbers.country
),

-- A record that does not say when it was created holds since its customer is known.
with_known_begins as (
    select
        * exclude (is_begin_a_guess, customer_since_at)
        replace (if(is_begin_a_guess, least(valid_from, customer_since_at), valid_from) as valid_from)
    from of_customers
)

select * from with_known_begins
