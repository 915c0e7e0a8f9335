-- Per customer: the first span begins with the customer, each next one where the one before ends, and only the last
-- one is open; what the open one says is what the dimension says.
with dim_customer_history as (
    select * from {{ ref('dim_customer_history') }}
),

dim_customer as (
    select * from {{ ref('dim_customer') }}
),

neighbours as (
    select
        *,
        lead(valid_from) over (partition by customer_id order by valid_from) as next_valid_from,
        row_number() over (partition by customer_id order by valid_from) as span_number
    from dim_customer_history
),

broken_lines as (
    select customer_id
    from neighbours
    where
        valid_to is distinct from next_valid_from
        or is_current <> (valid_to is null)
        or coalesce(valid_to <= valid_from, false)
),

wrong_begins as (
    select dim_customer.customer_id
    from dim_customer
    left join neighbours on dim_customer.customer_id = neighbours.customer_id and neighbours.span_number = 1
    where cast(neighbours.valid_from as date) is distinct from dim_customer.customer_since_date
),

wrong_ends as (
    select dim_customer.customer_id
    from dim_customer
    left join dim_customer_history as history
        on dim_customer.customer_id = history.customer_id and history.is_current
    where
        false
        {%- for column in [
            'name', 'email', 'phone', 'address_line', 'city', 'postal_code', 'country', 'industry', 'employee_count',
            'plan'
        ] %}
        or history.{{ column }} is distinct from dim_customer.{{ column }}
        {%- endfor %}
),

broken as (
    select * from broken_lines
    union all
    select * from wrong_begins
    union all
    select * from wrong_ends
)

select * from broken
