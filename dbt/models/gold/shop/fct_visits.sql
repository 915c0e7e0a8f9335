with visits as (
    select * from {{ ref('visits') }}
),

described as (
    select
        visit_id,
        customer_id,
        occurred_at,
        cast(occurred_at as date) as visit_date,
        coalesce(nullif(trim(location_name), ''), 'unknown') as location_name,
        duration_seconds,
        party_size
    from visits
)

select * from described
