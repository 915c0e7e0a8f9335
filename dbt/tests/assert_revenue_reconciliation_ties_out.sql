-- Months in which the lines of a statement do not add up to what was billed.
with revenue_reconciliation as (
    select * from {{ ref('revenue_reconciliation') }}
),

sums as (
    select
        month_start_date,
        statement_name,
        sum(if(line_item = 'billed', statement_amount, 0)) as billed_amount,
        sum(if(line_item <> 'billed', statement_amount, 0)) as sum_of_lines_amount
    from revenue_reconciliation
    group by month_start_date, statement_name
),

open_statements as (
    select * from sums
    where billed_amount <> sum_of_lines_amount
)

select * from open_statements
