with nps_responses as (
    {{ latest_versions(ref('marketing__nps_responses'), 'response_ref', 'responded_at') }}
),

marketing_responses as (
    select
        'marketing:' || nps_responses.response_ref as response_id,
        customers.customer_id,
        nps_responses.responded_at,
        'nps' as survey_kind,
        cast(nps_responses.rating as double) as rating
    from nps_responses
    inner join {{ customer_of('marketing', 'emails') }} as customers
        on lower(nps_responses.email) = customers.source_ref
),

file_responses as (
    select
        'files:' || responses.response_ref as response_id,
        customers.customer_id,
        responses.responded_at,
        responses.survey_kind,
        responses.rating
    from {{ ref('files__survey_responses') }} as responses
    inner join {{ customer_of('files', 'customers') }} as customers
        on responses.customer_ref = customers.source_ref
),

all_responses as (
    select * from marketing_responses
    union all
    select * from file_responses
)

select * from all_responses
