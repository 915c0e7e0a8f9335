with reconciliation_lines as (
    select * from {{ ref('reconciliation_lines') }}
),

transactions as (
    select * from {{ ref('transactions') }}
),

revenue_monthly as (
    select * from {{ ref('revenue_monthly') }}
),

revenue_differences as (
    select * from {{ ref('revenue_differences') }}
),

data_window as (
    select * from {{ ref('data_window') }}
),

settlements as (
    select
        cast(date_trunc('month', occurred_at) as date) as month_start_date,
        billed_amount,
        paid_amount,
        open_amount,
        refunded_amount,
        written_off_amount,
        credited_amount,
        balance_amount
    from transactions
),

statement_items as (
    {%- for line_item in ['billed', 'paid', 'open', 'refunded', 'written_off', 'credited', 'balance'] %}
    select
        month_start_date,
        'settlement' as statement_name,
        '{{ line_item }}' as line_item,
        {{ line_item }}_amount as amount
    from settlements
    where {{ line_item }}_amount <> 0
    union all
    {%- endfor %}
    select
        month_start_date,
        'recurring_revenue' as statement_name,
        'billed' as line_item,
        billed_amount as amount
    from settlements
    where billed_amount <> 0
    union all
    select
        month_start_date,
        'recurring_revenue' as statement_name,
        'ending_mrr' as line_item,
        ending_mrr_amount as amount
    from revenue_monthly
    union all
    select
        month_start_date,
        'recurring_revenue' as statement_name,
        line_item,
        difference_amount as amount
    from revenue_differences
),

amounts as (
    select
        month_start_date,
        statement_name,
        line_item,
        sum(amount) as amount,
        count(*) as item_count
    from statement_items
    group by month_start_date, statement_name, line_item
),

months as (
    select month_start_date from amounts
    group by month_start_date
),

-- Every line stands in every month, so that a reader sees that it is nothing.
statements as (
    select
        months.month_start_date,
        last_day(months.month_start_date) <= data_window.last_date as is_complete_month,
        reconciliation_lines.statement_name,
        reconciliation_lines.line_number,
        reconciliation_lines.line_item,
        cast(coalesce(amounts.amount, 0) as decimal(18, 2)) as statement_amount,
        coalesce(amounts.item_count, 0) as item_count,
        reconciliation_lines.explanation
    from months
    cross join reconciliation_lines
    cross join data_window
    left join amounts
        on
            months.month_start_date = amounts.month_start_date
            and reconciliation_lines.statement_name = amounts.statement_name
            and reconciliation_lines.line_item = amounts.line_item
)

select * from statements
