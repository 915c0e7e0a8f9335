{{ config(materialized='view') }}

with received_survey_responses as (
    select * from {{ ref('received_survey_responses') }}
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
        'marketing:' || responses.response_ref as response_id,
        email_identities.customer_id,
        'marketing' as system,
        responses.responded_at,
        'nps' as survey_kind,
        cast(responses.rating as double) as rating
    from received_survey_responses as responses
    inner join email_identities on responses.email_ref = email_identities.source_ref
),

file_responses as (
    select
        'files:' || responses.response_ref as response_id,
        file_identities.customer_id,
        'files' as system,
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
),

within_the_run as (
    select *
    from all_responses
    where responded_at < {{ run_ends_at() }}
)

select * from within_the_run
