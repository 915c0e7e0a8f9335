-- Every field that the golden record has is chosen by a rule of the seed, from a source that the rule lets speak.
with customer_golden_fields as (
    select * from {{ ref('customer_golden_fields') }}
),

survivorship_rules as (
    select * from {{ ref('survivorship_rules') }}
),

without_rule as (
    select
        customer_golden_fields.customer_id,
        customer_golden_fields.field
    from customer_golden_fields
    left join survivorship_rules
        on
            customer_golden_fields.field = survivorship_rules.field
            and customer_golden_fields.rule = survivorship_rules.rule
    where
        coalesce({{ source_priority(
            'survivorship_rules.sources', 'customer_golden_fields.system', 'customer_golden_fields.object'
        ) }}, 0) = 0
)

select * from without_rule
