{{ config(severity='warn') }}

-- It warns: the amount stands in `revenue_reconciliation` for all to see, and one strange bill must not keep everything
-- else from being published.
-- Lines and months of subscriptions in which bills and terms differ and nothing in the data says why. Each one counts:
-- two that make up for one another are not explained.
with revenue_differences as (
    select * from {{ ref('revenue_differences') }}
),

unexplained as (
    select
        month_start_date,
        difference_amount,
        subscription_id,
        line_id
    from revenue_differences
    where line_item = 'unexplained' and difference_amount <> 0
)

select * from unexplained
