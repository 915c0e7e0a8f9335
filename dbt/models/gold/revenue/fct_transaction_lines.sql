with transaction_lines as (
    select * from {{ ref('transaction_lines') }}
),

described as (
    select
        line_id,
        transaction_id,
        line_number,
        customer_id,
        product_id,
        subscription_id,
        line_kind,
        cast(occurred_at as date) as transaction_date,
        cast(period_started_at as date) as period_start_date,
        cast(period_ends_at as date) as period_end_date,
        description,
        cast(quantity as double) as quantity,
        cast(round(line_amount / nullif(quantity, 0), 2) as decimal(18, 2)) as unit_price_amount,
        line_amount,
        discount_amount,
        tax_amount,
        total_amount,
        original_total_amount,
        currency,
        exchange_rate,
        rate_date
    from transaction_lines
)

select * from described
