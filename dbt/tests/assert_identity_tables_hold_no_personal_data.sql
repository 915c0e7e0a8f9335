-- No reference, evidence or identifier holds an e-mail address, or is a name or number of a party.
with profile_versions as (
    select * from {{ ref('profile_versions') }}
),

customer_identities as (
    select * from {{ ref('customer_identities') }}
),

identity_review_queue as (
    select * from {{ ref('identity_review_queue') }}
),

identity_shared_identifiers as (
    select * from {{ ref('identity_shared_identifiers') }}
),

written_texts as (
    select source_ref as written_text from customer_identities
    union distinct
    select evidence as written_text from customer_identities
    union distinct
    select left_ref as written_text from identity_review_queue
    union distinct
    select right_ref as written_text from identity_review_queue
    union distinct
    select evidence as written_text from identity_review_queue
    union distinct
    select identifier as written_text from identity_shared_identifiers
),

personal_values as (
    {%- for column in ['name', 'surname', 'email', 'phone'] %}
    select lower({{ column }}) as personal_value from profile_versions
    {{ 'union distinct' if not loop.last }}
    {%- endfor %}
),

leaks as (
    select written_texts.written_text
    from written_texts
    where
        written_texts.written_text like '%_@_%'
        or lower(written_texts.written_text) in (
            select personal_values.personal_value
            from personal_values
            where personal_values.personal_value is not null
        )
)

select * from leaks
