{{ config(materialized='view') }}

with files__visits as (
    select * from {{ ref('files__visits') }}
),

file_identities as (
    {{ customer_of('files', 'customers') }}
),

file_visits as (
    select
        'files:' || visits.visit_ref as visit_id,
        file_identities.customer_id,
        visits.occurred_at,
        visits.location_name,
        visits.duration_seconds,
        visits.party_size
    from files__visits as visits
    inner join file_identities on visits.customer_ref = file_identities.source_ref
),

within_the_run as (
    select *
    from file_visits
    where occurred_at < {{ run_ends_at() }}
)

select * from within_the_run
