with fct_customer_daily as (
    select * from {{ ref('fct_customer_daily') }}
),

bridge_household_member as (
    select * from {{ ref('bridge_household_member') }}
),

per_household as (
    select
        members.household_id,
        fct_customer_daily.date,
        count(*) as customer_count,
        count(*) filter (where fct_customer_daily.is_subscriber) as subscriber_count,
        cast(sum(fct_customer_daily.mrr_amount) as decimal(18, 2)) as mrr_amount,
        cast(sum(fct_customer_daily.seat_count) as bigint) as seat_count,
        cast(sum(fct_customer_daily.active_user_count) as bigint) as active_user_count,
        cast(sum(fct_customer_daily.event_count) as bigint) as event_count,
        cast(sum(fct_customer_daily.open_ticket_count) as bigint) as open_ticket_count,
        cast(sum(fct_customer_daily.open_invoice_amount) as decimal(18, 2)) as open_invoice_amount
    from bridge_household_member as members
    inner join fct_customer_daily on members.customer_id = fct_customer_daily.customer_id
    group by members.household_id, fct_customer_daily.date
)

select * from per_household
