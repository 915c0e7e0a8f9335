with nps_responses as (
    {{ latest_versions(ref('marketing__nps_responses'), 'response_ref', 'responded_at') }}
),

files__survey_responses as (
    select * from {{ ref('files__survey_responses') }}
),

email_identities as (
    {{ customer_of('marketing', 'emails') }}
),

file_identities as (
    {{ customer_of('files', 'customers') }}
),

marketing_responses as (
    select
        'marketing:' || nps_responses.response_ref as response_id,
        email_identities.customer_id,
        nps_responses.responded_at,
        'nps' as survey_kind,
        cast(nps_responses.rating as double) as rating
    from nps_responses
    inner join email_identities on lower(nps_responses.email) = email_identities.source_ref
),

file_responses as (
    select
        'files:' || responses.response_ref as response_id,
        file_identities.customer_id,
        responses.responded_at,
        responses.survey_kind,
        responses.rating
    from files__survey_responses as responses
    inner join file_identities on responses.customer_ref = file_identities.source_ref
),

all_responses as (
    select * from marketing_responses
    union all
    select * from file_responses
)

select * from all_responses
