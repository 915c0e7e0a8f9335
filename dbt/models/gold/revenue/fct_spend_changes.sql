with spend_changes as (
    select * from {{ ref('spend_changes') }}
),

described as (
    select
        transaction_id,
        customer_id,
        kind,
        is_purchase,
        changed_at,
        cast(changed_at as date) as spend_date,
        cast(purchased_at as date) as purchase_date,
        spend_change_amount
    from spend_changes
)

select * from described
