with loyalty_events as (
    select * from {{ ref('loyalty_events') }}
),

-- The tier of an event is the newest that was told by then. Two events of one second: any order, but always the same.
with_account as (
    select
        loyalty_event_id,
        customer_id,
        occurred_at,
        event_kind,
        points_change,
        sum(points_change) over account_so_far as points_balance,
        last_value(stated_tier ignore nulls) over account_so_far as tier,
        last_value(stated_tier ignore nulls) over account_before as tier_before
    from loyalty_events
    window
        account_so_far as (
            partition by customer_id
            order by occurred_at, loyalty_event_id
            rows between unbounded preceding and current row
        ),
        account_before as (
            partition by customer_id
            order by occurred_at, loyalty_event_id
            rows between unbounded preceding and 1 preceding
        )
),

described as (
    select
        loyalty_event_id,
        customer_id,
        occurred_at,
        cast(occurred_at as date) as event_date,
        event_kind,
        points_change,
        cast(points_balance as bigint) as points_balance,
        tier,
        if(event_kind = 'tier', tier_before, null) as previous_tier
    from with_account
)

select * from described
