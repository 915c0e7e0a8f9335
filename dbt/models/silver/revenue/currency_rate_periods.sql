with currency_rates as (
    select * from {{ ref('currency_rates') }}
),

periods as (
    select
        currency,
        rate_date,
        usd_rate,
        rate_date as valid_from,
        lead(rate_date, 1, date '9999-12-31') over (partition by currency order by rate_date) as valid_to
    from currency_rates
)

select * from periods
