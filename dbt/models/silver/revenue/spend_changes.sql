with transactions as (
    select * from {{ ref('transactions') }}
    where net_spend_amount is not null
),

received_parts as (
    select
        'stripe:' || invoice_ref as transaction_id,
        settled_at as changed_at,
        sum(settled_amount) as received_amount
    from {{ ref('invoice_settlements') }}
    where settlement_kind = 'paid' and settled_at < {{ run_ends_at() }}
    group by invoice_ref, settled_at
),

received_so_far as (
    select
        *,
        sum(received_amount) over (
            partition by transaction_id order by changed_at rows between unbounded preceding and current row
        ) as so_far_amount
    from received_parts
),

-- A bill adds what came in when it came in; what is no bill, and a bill that took no money, all at once.
in_money as (
    select
        transactions.transaction_id,
        transactions.customer_id,
        transactions.kind,
        transactions.transaction_amount,
        coalesce(parts.changed_at, transactions.paid_at) as changed_at,
        if(
            parts.transaction_id is null,
            transactions.net_spend_amount,
            {{ part_at_exchange_rate(
                'parts.so_far_amount', 'parts.so_far_amount - parts.received_amount', 'transactions.exchange_rate'
            ) }}
        ) as spend_change_amount
    from transactions
    left join received_so_far as parts on transactions.transaction_id = parts.transaction_id
),

spend_changes as (
    select
        transaction_id,
        customer_id,
        kind,
        not {{ gives_back('kind') }} and transaction_amount >= 0 as is_purchase,
        changed_at,
        min(changed_at) over (partition by transaction_id) as purchased_at,
        spend_change_amount
    from in_money
)

select * from spend_changes
