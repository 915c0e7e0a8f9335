-- Transactions of which billed is not what became of it, or gross - discount + tax not the amount.
with fct_transactions as (
    select * from {{ ref('fct_transactions') }}
),

broken_transactions as (
    select
        transaction_id,
        billed_amount,
        transaction_amount
    from fct_transactions
    where
        billed_amount
        <> paid_amount + open_amount + refunded_amount + written_off_amount + credited_amount + balance_amount
        or transaction_amount <> gross_amount - discount_amount + tax_amount
)

select * from broken_transactions
