{{ config(tags="daily_features") }}

-- A returned row is a customer of whom the bills, the newest day and its features say that different amounts are open.
with fct_transactions as (
    select * from {{ ref('fct_transactions') }}
),

fct_customer_daily as (
    select * from {{ ref('fct_customer_daily') }}
),

customer_features as (
    select * from {{ ref('customer_features') }}
),

newest_day as (
    select last_date from {{ ref('data_window') }}
    where last_date = {{ as_of_date() }}
),

statements as (
    select
        fct_customer_daily.customer_id,
        'days' as stated_by,
        fct_customer_daily.open_invoice_amount as open_amount
    from fct_customer_daily
    inner join newest_day on fct_customer_daily.date = newest_day.last_date
    union all
    select
        customer_features.customer_id,
        'features' as stated_by,
        customer_features.open_invoice_amount as open_amount
    from customer_features
    inner join newest_day on customer_features.as_of_date = newest_day.last_date
    union all
    select
        fct_transactions.customer_id,
        'bills' as stated_by,
        fct_transactions.open_amount
    from fct_transactions
    cross join newest_day
),

per_customer as (
    select
        customer_id,
        coalesce(sum(open_amount) filter (where stated_by = 'bills'), 0) as bills_amount,
        sum(open_amount) filter (where stated_by = 'days') as days_amount,
        sum(open_amount) filter (where stated_by = 'features') as features_amount
    from statements
    group by customer_id
),

differing as (
    select *
    from per_customer
    where
        bills_amount is distinct from days_amount
        or bills_amount is distinct from features_amount
)

select * from differing
