{{ config(severity='warn') }}

-- A returned row is a sale that no customer can be credited with, or whose amount is in a currency without a rate.
with fct_opportunities as (
    select * from {{ ref('fct_opportunities') }}
),

incomplete_sales as (
    select
        opportunity_id,
        account_ref,
        currency,
        original_opportunity_amount
    from fct_opportunities
    where customer_id is null or (original_opportunity_amount is not null and opportunity_amount is null)
)

select * from incomplete_sales
