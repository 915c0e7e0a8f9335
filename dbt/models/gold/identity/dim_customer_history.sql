with customer_versions as (
    select * from {{ ref('customer_versions') }}
),

history as (
    select
        customer_id,
        valid_from,
        {{ published_end('valid_to') }} as valid_to,
        valid_to = {{ open_end() }} as is_current,
        name,
        email,
        phone,
        {{ address_part('address', 1) }} as address_line,
        {{ address_part('address', 2) }} as city,
        {{ address_part('address', 3) }} as postal_code,
        country,
        industry,
        cast(employee_count as bigint) as employee_count,
        plan
    from customer_versions
)

select * from history
