with transactions as (
    select * from {{ ref('transactions') }}
    where not {{ gives_back('kind') }}
),

invoice_settlements as (
    select * from {{ ref('invoice_settlements') }}
    where settled_at < {{ run_ends_at() }}
),

-- What was closed as it was made was never open; what is no invoice of Stripe is closed so, or still open.
once_open as (
    select * from transactions
    where coalesce(closed_at > occurred_at, true)
),

changes as (
    select
        transaction_id,
        occurred_at as changed_at,
        original_amount as change_amount
    from once_open
    union all
    select
        once_open.transaction_id,
        settlements.settled_at as changed_at,
        -settlements.settled_amount as change_amount
    from invoice_settlements as settlements
    inner join once_open on once_open.transaction_id = 'stripe:' || settlements.invoice_ref
),

changes_per_moment as (
    select
        transaction_id,
        changed_at,
        sum(change_amount) as change_amount
    from changes
    group by transaction_id, changed_at
),

still_open as (
    select
        *,
        sum(change_amount) over (
            partition by transaction_id order by changed_at rows between unbounded preceding and current row
        ) as still_open_amount
    from changes_per_moment
),

in_money as (
    select
        still_open.transaction_id,
        once_open.customer_id,
        still_open.changed_at,
        {{ part_at_exchange_rate(
            'still_open.still_open_amount', 'still_open.still_open_amount - still_open.change_amount',
            'once_open.exchange_rate'
        ) }} as open_change_amount
    from still_open
    inner join once_open on still_open.transaction_id = once_open.transaction_id
),

open_amount_changes as (
    select *
    from in_money
    where open_change_amount <> 0
)

select * from open_amount_changes
