with transactions as (
    select * from {{ ref('transactions') }}
),

data_window as (
    select * from {{ ref('data_window') }}
),

-- What is charged at once, and what names no day, is due on the day of the bill.
with_due_dates as (
    select
        transactions.*,
        data_window.last_date,
        if(
            {{ gives_back('transactions.kind') }},
            null,
            cast(coalesce(transactions.due_at, transactions.occurred_at) as date)
        ) as due_date
    from transactions
    cross join data_window
),

described as (
    select
        transaction_id,
        customer_id,
        system,
        kind,
        status,
        subscription_id,
        refunded_transaction_id,
        occurred_at,
        due_at,
        paid_at,
        closed_at,
        cast(occurred_at as date) as transaction_date,
        gross_amount,
        discount_amount,
        tax_amount,
        transaction_amount,
        billed_amount,
        paid_amount,
        open_amount,
        refunded_amount,
        written_off_amount,
        credited_amount,
        balance_amount,
        net_spend_amount,
        original_amount,
        currency,
        exchange_rate,
        rate_date,
        payment_method,
        due_date,
        if(open_amount > 0 and due_date < last_date, date_diff('day', due_date, last_date), null) as overdue_days
    from with_due_dates
)

select * from described
