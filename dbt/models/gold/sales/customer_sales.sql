{{ config(
    materialized='incremental', incremental_strategy='delete+insert', unique_key='as_of_date',
    on_schema_change='append_new_columns'
) }}

with scored_day as (
    select
        {{ as_of_date() }} as as_of_date,
        cast({{ as_of_date() }} + 1 as timestamp) as day_end
),

customers as (
    select * from {{ ref('dim_customer') }}
),

account_owners as (
    select * from {{ ref('account_owners') }}
),

-- How each sale stood at the end of the day.
opportunities as (
    select
        opportunities.*,
        if(opportunities.decided_at < scored_day.day_end, opportunities.status, 'open') as status_then
    from {{ ref('fct_opportunities') }} as opportunities
    inner join scored_day on opportunities.opened_at < scored_day.day_end
    where opportunities.customer_id is not null
),

sales as (
    select
        customer_id,
        count(*) filter (where status_then = 'open') as open_opportunity_count,
        coalesce(sum(opportunity_amount) filter (where status_then = 'open'), 0) as open_pipeline_amount,
        count(*) filter (where status_then = 'won') as won_opportunity_count,
        count(*) filter (where status_then = 'lost') as lost_opportunity_count,
        coalesce(sum(opportunity_amount) filter (where status_then = 'won'), 0) as won_amount
    from opportunities
    group by customer_id
),

described as (
    select
        customers.customer_id,
        scored_day.as_of_date,
        account_owners.owner_ref,
        account_owners.owner_name,
        account_owners.owner_email,
        coalesce(sales.open_opportunity_count, 0) as open_opportunity_count,
        cast(coalesce(sales.open_pipeline_amount, 0) as decimal(18, 2)) as open_pipeline_amount,
        coalesce(sales.won_opportunity_count, 0) as won_opportunity_count,
        coalesce(sales.lost_opportunity_count, 0) as lost_opportunity_count,
        cast(coalesce(sales.won_amount, 0) as decimal(18, 2)) as won_amount,
        sales.won_opportunity_count
        / nullif(sales.won_opportunity_count + sales.lost_opportunity_count, 0) as won_opportunity_share
    from customers
    inner join scored_day on customers.customer_since_date <= scored_day.as_of_date
    left join account_owners on customers.customer_id = account_owners.customer_id
    left join sales on customers.customer_id = sales.customer_id
)

select * from described
