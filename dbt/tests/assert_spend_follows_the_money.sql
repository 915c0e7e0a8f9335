-- Transactions whose money, part by part, is not what the transaction adds to spend.
with fct_transactions as (
    select * from {{ ref('fct_transactions') }}
),

fct_spend_changes as (
    select * from {{ ref('fct_spend_changes') }}
),

spend_per_transaction as (
    select
        transaction_id,
        sum(spend_change_amount) as spend_amount
    from fct_spend_changes
    group by transaction_id
),

differing as (
    select
        fct_transactions.transaction_id,
        fct_transactions.net_spend_amount,
        spend.spend_amount
    from fct_transactions
    left join spend_per_transaction as spend on fct_transactions.transaction_id = spend.transaction_id
    where fct_transactions.net_spend_amount is distinct from spend.spend_amount
)

select * from differing
