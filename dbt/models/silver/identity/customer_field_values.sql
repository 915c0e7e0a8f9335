with profile_versions as (
    select * from {{ ref('profile_versions') }}
),

subscription_versions as (
    select * from {{ ref('subscription_versions') }}
),

survivorship_rules as (
    select * from {{ ref('survivorship_rules') }}
),

name_spellings as (
    select
        field,
        written,
        spelling
    from {{ source('resolved', 'party_spellings') }}
    where field = 'name'
),

-- One row per field that a version of a record fills.
stated_values as (
    {%- for field in golden_fields() %}
    select
        customer_id,
        '{{ field }}' as field,
        cast({{ 'stated_plan' if field == 'plan' else field }} as text) as field_value,
        system,
        object,
        source_ref,
        record_created_at,
        is_deleted_record,
        valid_from,
        valid_to
    from profile_versions
    where {{ 'stated_plan' if field == 'plan' else field }} is not null
    union all
    {%- endfor %}
    select
        customer_id,
        'plan' as field,
        plan as field_value,
        system,
        'subscriptions' as object,
        subscription_ref as source_ref,
        started_at as record_created_at,
        false as is_deleted_record,
        greatest(valid_from, paid_from_at) as valid_from,
        least(valid_to, ended_at) as valid_to
    from subscription_versions
    where
        is_paid_status
        and plan is not null
        and greatest(valid_from, paid_from_at) < least(valid_to, ended_at)
),

-- A version that changed another field did not say this one anew: such versions are one.
with_changes as (
    select
        *,
        coalesce(lag(field_value) over same_record = field_value and lag(valid_to) over same_record = valid_from, false)
            as is_unchanged
    from stated_values
    window same_record as (partition by field, system, object, source_ref order by valid_from)
),

numbered_changes as (
    select
        *,
        count(*) filter (where not is_unchanged) over (
            partition by field, system, object, source_ref order by valid_from
        ) as change_number
    from with_changes
),

distinct_values as (
    select
        customer_id,
        field,
        field_value,
        system,
        object,
        source_ref,
        min(record_created_at) as record_created_at,
        bool_or(is_deleted_record) as is_deleted_record,
        min(valid_from) as valid_from,
        max(valid_to) as valid_to
    from numbered_changes
    group by customer_id, field, field_value, system, object, source_ref, change_number
),

-- A trusted source speaks through its oldest record that still exists, and before that through its oldest one; that
-- also bounds how many values compete.
competing_values as (
    select
        distinct_values.*,
        survivorship_rules.rule,
        if(survivorship_rules.rule = 'best_spelling', name_spellings.spelling, null) as name_spelling,
        {{ spelling_quality('distinct_values.field_value') }} as spelling_quality,
        {{ blank_count('distinct_values.field_value') }} as blank_count,
        {{ source_priority('survivorship_rules.sources', 'distinct_values.system', 'distinct_values.object') }}
            as source_priority
    from distinct_values
    inner join survivorship_rules on distinct_values.field = survivorship_rules.field
    left join name_spellings
        on
            distinct_values.field = name_spellings.field
            and distinct_values.field_value = name_spellings.written
    where {{ source_priority('survivorship_rules.sources', 'distinct_values.system', 'distinct_values.object') }} > 0
    window
        same_source as (
            partition by
                distinct_values.customer_id, distinct_values.field, distinct_values.system, distinct_values.object
        )
    qualify
        survivorship_rules.rule = 'most_recent'
        or dense_rank() over (
            same_source order by
                distinct_values.is_deleted_record, distinct_values.record_created_at, distinct_values.source_ref
        ) = 1
        or dense_rank() over (
            same_source order by distinct_values.record_created_at, distinct_values.source_ref
        ) = 1
),

moments_of_change as (
    select
        customer_id,
        field,
        valid_from as changed_at
    from competing_values
    union distinct
    select
        customer_id,
        field,
        valid_to as changed_at
    from competing_values
    where valid_to < {{ open_end() }}
),

-- Who speaks at each moment at which anything changed, the most believed first; nobody, when no record said anything.
speakers as (
    select
        moments_of_change.customer_id,
        moments_of_change.field,
        moments_of_change.changed_at,
        competing_values.field_value,
        competing_values.system,
        competing_values.object,
        competing_values.source_ref,
        competing_values.rule,
        competing_values.is_deleted_record,
        competing_values.name_spelling,
        competing_values.spelling_quality,
        competing_values.blank_count,
        row_number() over (
            partition by moments_of_change.customer_id, moments_of_change.field, moments_of_change.changed_at
            order by
                competing_values.is_deleted_record asc,
                if(competing_values.rule = 'most_recent', competing_values.valid_from, null) desc nulls last,
                competing_values.source_priority asc,
                competing_values.record_created_at asc,
                competing_values.system asc,
                competing_values.object asc,
                competing_values.source_ref asc
        ) as belief_rank
    from moments_of_change
    left join competing_values
        on
            moments_of_change.customer_id = competing_values.customer_id
            and moments_of_change.field = competing_values.field
            and moments_of_change.changed_at >= competing_values.valid_from
            and moments_of_change.changed_at < competing_values.valid_to
),

-- The most believed says which name it is; how it is written, whoever writes that name best and most fully.
with_believed_name as (
    select
        *,
        coalesce(
            name_spelling = first_value(name_spelling) over most_believed_first
            and is_deleted_record = first_value(is_deleted_record) over most_believed_first,
            false
        ) as is_believed_name,
        blank_count > first_value(blank_count) over most_believed_first as is_fuller
    from speakers
    window most_believed_first as (partition by customer_id, field, changed_at order by belief_rank)
),

winners as (
    select
        customer_id,
        field,
        changed_at,
        field_value,
        system,
        object,
        source_ref,
        rule
    from with_believed_name
    qualify row_number() over (
        partition by customer_id, field, changed_at
        order by
            is_believed_name desc,
            if(is_believed_name, spelling_quality, null) desc,
            if(is_believed_name, is_fuller, null) desc,
            belief_rank asc
    ) = 1
),

with_validity as (
    select
        customer_id,
        field,
        field_value,
        system,
        object,
        source_ref,
        rule,
        changed_at as valid_from,
        lead(changed_at, 1, {{ open_end() }}) over (partition by customer_id, field order by changed_at) as valid_to
    from winners
),

field_values as (
    select *
    from with_validity
    where field_value is not null
)

select * from field_values
