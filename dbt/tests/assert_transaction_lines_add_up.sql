-- Transactions whose lines do not add up to them, and lines whose own parts do not, to the cent.
with fct_transactions as (
    select
        *,
        if({{ gives_back('kind') }}, -1, 1) as direction
    from {{ ref('fct_transactions') }}
),

fct_transaction_lines as (
    select * from {{ ref('fct_transaction_lines') }}
),

sums_of_lines as (
    select
        transaction_id,
        sum(total_amount) as total_amount,
        sum(original_total_amount) as original_total_amount,
        count(*) filter (where line_amount - discount_amount + tax_amount <> total_amount) as broken_line_count
    from fct_transaction_lines
    group by transaction_id
),

broken_transactions as (
    select
        transactions.transaction_id,
        transactions.transaction_amount,
        sums.total_amount
    from fct_transactions as transactions
    left join sums_of_lines as sums on transactions.transaction_id = sums.transaction_id
    where
        transactions.direction * transactions.transaction_amount is distinct from sums.total_amount
        or transactions.direction * transactions.original_amount is distinct from sums.original_total_amount
        or sums.broken_line_count > 0
)

select * from broken_transactions
