{#
  Recurring revenue: what a bill is worth per month, which terms of a subscription hold when, the months that are
  counted. What a metric means in words stands in the seed `metric_definitions`.
#}

{# What a bill is worth per month, to the cent, half a cent up; whole numbers all the way, so that no float rounds it. #}
{% macro monthly_amount(bill_amount, billing_interval, interval_count) -%}
    {%- set months = "(case " ~ billing_interval ~ " when 'year' then 12 when 'week' then 12 when 'day' then 12 else 1 end"
        ~ " * coalesce(" ~ interval_count ~ ", 1))" -%}
    {%- set bills = "(case " ~ billing_interval ~ " when 'week' then 52 when 'day' then 365 else 1 end)" -%}
    cast(
        cast(
            (2 * cast({{ bill_amount }} * 100 as hugeint) * {{ bills }} + {{ months }}) // (2 * {{ months }})
            as decimal(18, 0)
        ) * cast(0.01 as decimal(3, 2))
        as decimal(18, 2)
    )
{%- endmacro %}

{# Key of `dim_plan`: one per plan and rhythm of its bills. #}
{% macro plan_id(plan, billing_interval, interval_count) -%}
    lower(trim(coalesce({{ plan }}, 'unknown'))) || ':'
    || if(coalesce({{ interval_count }}, 1) = 1, '', {{ interval_count }} || '-')
    || coalesce({{ billing_interval }}, 'unknown')
{%- endmacro %}

{#
  Terms cut where they change by themselves, at dates that they name (a discount that ends, a pause that resumes), and
  priced: the body of a CTE. `terms` has the columns of `subscription_terms`; each row holds from `from_at` to `to_at`,
  which may be open (`open_end`).
  Both timelines of a subscription go through here: what was known when (`subscription_versions`) and what was so when
  (`subscription_periods`). A coupon of duration `once` never counts; one without an end counts while it is there.
#}
{% macro terms_in_force(terms, from_at, to_at, cut_dates) -%}
    with {{ terms }}_with_further_discounts as (
        select
            *,
            unnest(further_discounts) as discount
        from {{ terms }}
        where len(further_discounts) > 0
    ),

    cuts as (
        select
            subscription_item_id,
            version_number,
            {{ from_at }} as in_force_from
        from {{ terms }}
        {%- for cut_date in cut_dates %}
        union
        select
            subscription_item_id,
            version_number,
            {{ cut_date }} as in_force_from
        from {{ terms }}
        where {{ cut_date }} > {{ from_at }} and {{ cut_date }} < {{ to_at }}
        {%- endfor %}
        {%- for end in ['started_at', 'ends_at'] %}
        union
        select
            subscription_item_id,
            version_number,
            discount['{{ end }}'] as in_force_from
        from {{ terms }}_with_further_discounts
        where discount['{{ end }}'] > {{ from_at }} and discount['{{ end }}'] < {{ to_at }}
        {%- endfor %}
    ),

    cut_terms as (
        select
            {{ terms }}.*,
            cuts.in_force_from,
            coalesce(
                lead(cuts.in_force_from) over (
                    partition by cuts.subscription_item_id, cuts.version_number order by cuts.in_force_from
                ),
                {{ terms }}.{{ to_at }}
            ) as in_force_to
        from cuts
        inner join {{ terms }}
            on
                cuts.subscription_item_id = {{ terms }}.subscription_item_id
                and cuts.version_number = {{ terms }}.version_number
    ),

    with_state as (
        select
            *,
            coalesce(discount_percent, discount_amount) is not null
            and coalesce(discount_duration, 'forever') <> 'once'
            and coalesce(in_force_from >= discount_started_at, true)
            and coalesce(in_force_from < discount_ends_at, true) as is_discounted,
            pause_behavior is not null and coalesce(in_force_from < pause_resumes_at, true) as is_paused
        from cut_terms
    ),

    with_first_discount as (
        select
            *,
            case
                when not is_discounted then bill_amount
                when discount_percent is not null
                    then cast(  -- it is the discount that a bill rounds to the cent
                        bill_amount - round(bill_amount * discount_percent * cast(0.01 as decimal(3, 2)), 2)
                        as decimal(18, 2)
                    )
                else greatest(bill_amount - discount_amount, 0)
            end as once_discounted_bill_amount
        from with_state
    ),

    -- Eight discounts at once count; each takes its part of what the one before has left.
    with_further_discounts as (
        select
            *,
            once_discounted_bill_amount as left_by_1
            {%- for place in range(1, 8) %},
            {{ left_after('left_by_' ~ place, 'further_discounts[' ~ place ~ ']', 'in_force_from') | indent(12) }}
                as left_by_{{ place + 1 }}
            {%- endfor %}
        from with_first_discount
    ),

    -- A price that is not fixed or not known stays empty, whatever is taken off it.
    with_bill as (
        select
            * exclude (
                once_discounted_bill_amount{% for place in range(1, 9) %}, left_by_{{ place }}{% endfor %}
            ),
            if(bill_amount is null, null, left_by_8) as discounted_bill_amount
        from with_further_discounts
    ),

    per_month as (
        select
            *,
            {{ monthly_amount('bill_amount', 'priced_interval', 'priced_interval_count') }} as original_list_mrr_amount,
            {{ monthly_amount('discounted_bill_amount', 'priced_interval', 'priced_interval_count') }}
                as original_discounted_mrr_amount
        from with_bill
    )

    select
        per_month.*,
        rates.exchange_rate,
        rates.rate_date,
        {{ at_exchange_rate('per_month.original_list_mrr_amount', 'rates.exchange_rate') }} as list_mrr_amount,
        {{ at_exchange_rate('per_month.original_discounted_mrr_amount', 'rates.exchange_rate') }} as discounted_mrr_amount
    from per_month
    {{ join_exchange_rate('rates', 'per_month.currency', 'per_month.rate_as_of_date') }}
{%- endmacro %}

{# The months from the one of a first day to the one of a last day, as their first days: the body of a CTE. #}
{% macro months_between(relation, first_day, last_day) -%}
    select
        cast(unnest(generate_series(
            date_trunc('month', {{ first_day }}), date_trunc('month', {{ last_day }}), interval 1 month
        )) as date) as month_start_date
    from {{ relation }}
{%- endmacro %}
