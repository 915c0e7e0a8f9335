with delivered_once as (
    {{ latest_versions(ref('marketing__consents'), 'consent_ref', 'recorded_at') }}
),

marketing_consents as (
    select
        customers.customer_id,
        consents.purpose,
        consents.is_granted,
        consents.source,
        consents.recorded_at
    from delivered_once as consents
    inner join {{ customer_of('marketing', 'emails') }} as customers
        on lower(consents.email) = customers.source_ref
),

file_consents as (
    select
        customers.customer_id,
        consents.purpose,
        consents.is_granted,
        consents.source,
        consents.recorded_at
    from {{ ref('files__consents') }} as consents
    inner join {{ customer_of('files', 'customers') }} as customers
        on consents.customer_ref = customers.source_ref
),

all_consents as (
    select * from marketing_consents
    union all
    select * from file_consents
)

select * from all_consents
