with changes as (
    select
        detected_date,
        change_kind,
        customer_id_before,
        customer_id_after,
        record_count
    from {{ source('resolved', 'identity_changes') }}
)

select * from changes
