with resolved_identities as (
    select * from {{ source('resolved', 'customer_identities') }}
),

identities as (
    select
        customer_id,
        person_id,
        system,
        object,
        source_ref,
        match_kind,
        match_probability,
        evidence
    from resolved_identities
)

select * from identities
