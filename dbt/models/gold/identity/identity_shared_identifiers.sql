with shared_identifiers as (
    select
        identifier_kind,
        identifier,
        party_count
    from {{ source('resolved', 'identity_shared_identifiers') }}
)

select * from shared_identifiers
