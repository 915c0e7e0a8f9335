with marketing__consents as (
    {{ latest_versions(ref('marketing__consents'), 'consent_ref', 'recorded_at') }}
),

files__consents as (
    select * from {{ ref('files__consents') }}
),

email_identities as (
    {{ customer_of('marketing', 'emails') }}
),

file_identities as (
    {{ customer_of('files', 'customers') }}
),

marketing_consents as (
    select
        email_identities.customer_id,
        consents.purpose,
        consents.is_granted,
        consents.source,
        consents.recorded_at
    from marketing__consents as consents
    inner join email_identities on {{ email_ref('consents.email') }} = email_identities.source_ref
),

file_consents as (
    select
        file_identities.customer_id,
        consents.purpose,
        consents.is_granted,
        consents.source,
        consents.recorded_at
    from files__consents as consents
    inner join file_identities on consents.customer_ref = file_identities.source_ref
),

all_consents as (
    select * from marketing_consents
    union all
    select * from file_consents
)

select * from all_consents
