with customers as (
    select * from {{ ref('customers') }}
),

described as (
    select
        customer_id,
        kind,
        is_person,
        name,
        given_name,
        surname,
        email,
        phone,
        domain,
        address_line,
        city,
        postal_code,
        country,
        birth_date,
        industry,
        employee_count,
        plan,
        time_zone,
        parent_customer_id,
        household_id,
        customer_since_date,
        source_record_count
    from customers
)

select * from described
