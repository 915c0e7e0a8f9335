with customers as (
    select * from {{ ref('customers') }}
),

customer_field_values as (
    select * from {{ ref('customer_field_values') }}
),

-- Nothing is said of a customer before the first record of any kind.
tracked_values as (
    select
        customer_field_values.customer_id,
        customer_field_values.field,
        customer_field_values.field_value,
        greatest(customer_field_values.valid_from, customers.customer_since_at) as valid_from,
        customer_field_values.valid_to
    from customer_field_values
    inner join customers on customer_field_values.customer_id = customers.customer_id
    where
        {{ is_tracked('customer_field_values.field') }}
        and customer_field_values.valid_to > customers.customer_since_at
),

moments_of_change as (
    select
        customer_id,
        customer_since_at as changed_at
    from customers
    union distinct
    select
        customer_id,
        valid_from as changed_at
    from tracked_values
    union distinct
    select
        customer_id,
        valid_to as changed_at
    from tracked_values
    where valid_to < {{ open_end() }}
),

states as (
    select
        moments_of_change.customer_id,
        moments_of_change.changed_at,
        {%- for field in tracked_fields() %}
        max(held.field_value) filter (where held.field = '{{ field }}') as {{ field }}{% if not loop.last %},{% endif %}
        {%- endfor %}
    from moments_of_change
    left join tracked_values as held
        on
            moments_of_change.customer_id = held.customer_id
            and moments_of_change.changed_at >= held.valid_from
            and moments_of_change.changed_at < held.valid_to
    group by moments_of_change.customer_id, moments_of_change.changed_at
),

-- Another record may have said the same from then on: that is no change of the customer.
changes as (
    select *
    from states
    window same_customer as (partition by customer_id order by changed_at)
    qualify
        row_number() over same_customer = 1
        {%- for field in tracked_fields() %}
        or {{ field }} is distinct from lag({{ field }}) over same_customer
        {%- endfor %}
),

versions as (
    select
        customer_id,
        changed_at as valid_from,
        lead(changed_at, 1, {{ open_end() }}) over (partition by customer_id order by changed_at) as valid_to,
        {%- for field in tracked_fields() %}
        {{ field }}{% if not loop.last %},{% endif %}
        {%- endfor %}
    from changes
)

select * from versions
