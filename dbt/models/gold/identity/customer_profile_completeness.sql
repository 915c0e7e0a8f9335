with dim_customer as (
    select * from {{ ref('dim_customer') }}
),

customer_golden_fields as (
    select * from {{ ref('customer_golden_fields') }}
),

profile_fields as (
    select * from {{ ref('profile_fields') }}
),

expected_fields as (
    select
        dim_customer.customer_id,
        dim_customer.kind,
        profile_fields.field,
        profile_fields.weight,
        customer_golden_fields.field is not null as is_known
    from dim_customer
    inner join profile_fields on dim_customer.kind = profile_fields.kind
    left join customer_golden_fields
        on
            dim_customer.customer_id = customer_golden_fields.customer_id
            and profile_fields.field = customer_golden_fields.field
),

weighed as (
    select
        customer_id,
        kind,
        count(*) as expected_field_count,
        count(*) filter (where is_known) as known_field_count,
        cast(
            round(100 * coalesce(sum(weight) filter (where is_known), 0) / cast(sum(weight) as decimal(18, 6)), 1)
            as double
        ) as completeness_score,
        {{ comma_list('field', 'not is_known', 'weight desc, field asc') }} as missing_fields
    from expected_fields
    group by customer_id, kind
),

with_levels as (
    select
        customer_id,
        kind,
        completeness_score,
        {{ score_level('completeness_score', 'completeness_level') }} as completeness_level,
        completeness_score >= 70 as is_complete_enough,
        known_field_count,
        expected_field_count,
        missing_fields
    from weighed
)

select * from with_levels
