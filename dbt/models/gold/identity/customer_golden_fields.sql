with customer_field_values as (
    select * from {{ ref('customer_field_values') }}
),

-- No values here: those are in `dim_customer`, and personal.
origins as (
    select
        customer_id,
        field,
        system,
        object,
        source_ref,
        rule,
        valid_from
    from customer_field_values
    where valid_to = {{ open_end() }}
)

select * from origins
