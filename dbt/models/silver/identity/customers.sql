with identities as (
    select * from {{ source('resolved', 'customer_identities') }}
),

household_members as (
    select * from {{ source('resolved', 'household_members') }}
),

parties as (
    select * from {{ ref('parties') }}
),

customer_field_values as (
    select * from {{ ref('customer_field_values') }}
),

current_values as (
    select
        customer_id,
        {%- for field in golden_fields() %}
        max(field_value) filter (where field = '{{ field }}') as {{ field }}{% if not loop.last %},{% endif %}
        {%- endfor %}
    from customer_field_values
    where valid_to = {{ open_end() }}
    group by customer_id
),

records as (
    select
        identities.customer_id,
        -- Where no record says it: an account makes an organization; who has none is a person.
        if(bool_or(parties.kind = 'organization'), 'organization', 'person') as likely_kind,
        min(parties.created_at) as customer_since_at,
        count(distinct concat_ws('|', identities.system, identities.object, identities.source_ref))
            as source_record_count
    from identities
    inner join parties
        on
            identities.system = parties.system
            and identities.object = parties.object
            and identities.source_ref = parties.source_ref
    group by identities.customer_id
),

-- A family counts before the group of companies that one of its members owns.
households as (
    select
        customer_id,
        {{ first_known('household_id', "if(household_kind = 'family', 0, 1) || household_id") }} as household_id
    from household_members
    group by customer_id
),

golden_records as (
    select
        records.customer_id,
        coalesce(current_values.kind, records.likely_kind) as kind,
        coalesce(current_values.kind, records.likely_kind) = 'person' as is_person,
        current_values.name,
        current_values.given_name,
        current_values.surname,
        current_values.email,
        current_values.phone,
        current_values.domain,
        {{ address_part('current_values.address', 1) }} as address_line,
        {{ address_part('current_values.address', 2) }} as city,
        {{ address_part('current_values.address', 3) }} as postal_code,
        current_values.country,
        cast(current_values.birth_date as date) as birth_date,
        current_values.industry,
        cast(current_values.employee_count as bigint) as employee_count,
        current_values.plan,
        current_values.time_zone,
        current_values.parent_customer_id,
        households.household_id,
        records.customer_since_at,
        cast(records.customer_since_at as date) as customer_since_date,
        records.source_record_count
    from records
    left join current_values on records.customer_id = current_values.customer_id
    left join households on records.customer_id = households.customer_id
)

select * from golden_records
