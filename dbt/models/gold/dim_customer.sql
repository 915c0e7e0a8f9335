with customers as (
    select * from {{ ref('customers') }}
),

described as (
    select
        customer_id,
        kind,
        name,
        email,
        phone,
        domain,
        industry,
        country,
        employee_count,
        customer_since_date,
        source_record_count
    from customers
)

select * from described
