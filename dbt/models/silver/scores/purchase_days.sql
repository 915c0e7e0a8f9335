with spend_changes as (
    select
        *,
        cast(purchased_at as date) as purchase_date
    from {{ ref('spend_changes') }}
    where is_purchase
),

purchase_days as (
    select
        customer_id,
        purchase_date,
        count(*) filter (where changed_at = purchased_at) as purchase_count,
        cast(sum(spend_change_amount) as decimal(18, 2)) as gross_spend_amount
    from spend_changes
    group by customer_id, purchase_date
)

select * from purchase_days
