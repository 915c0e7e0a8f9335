-- Periods that are empty, or that do not begin where the period before ended.
with fct_subscription_periods as (
    select * from {{ ref('fct_subscription_periods') }}
),

with_previous_end as (
    select
        *,
        lag(valid_to) over (partition by subscription_item_id order by period_number) as previous_valid_to
    from fct_subscription_periods
),

broken_periods as (
    select
        subscription_id,
        period_number
    from with_previous_end
    where
        valid_to <= valid_from
        or (period_number > 1 and previous_valid_to is distinct from valid_from)
)

select * from broken_periods
