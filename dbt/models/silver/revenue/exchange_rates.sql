with currency_rates as (
    select * from {{ ref('currency_rates') }}
),

reporting_rates as (
    select
        rate_date,
        usd_rate
    from currency_rates
    where currency = {{ reporting_currency() }}
),

-- A rate into the reporting currency changes with either of its two rates in US dollars.
days_of_change as (
    select
        currency,
        rate_date as valid_from
    from currency_rates
    union distinct
    select
        currencies.currency,
        reporting_rates.rate_date as valid_from
    from (select distinct currency from currency_rates) as currencies
    cross join reporting_rates
),

with_newest_rates as (
    select
        days_of_change.currency,
        days_of_change.valid_from,
        last_value(currency_rates.usd_rate ignore nulls) over so_far as usd_rate,
        last_value(currency_rates.rate_date ignore nulls) over so_far as own_rate_date,
        last_value(reporting_rates.usd_rate ignore nulls) over so_far as reporting_usd_rate,
        last_value(reporting_rates.rate_date ignore nulls) over so_far as reporting_rate_date
    from days_of_change
    left join currency_rates
        on days_of_change.currency = currency_rates.currency and days_of_change.valid_from = currency_rates.rate_date
    left join reporting_rates on days_of_change.valid_from = reporting_rates.rate_date
    window so_far as (partition by days_of_change.currency order by days_of_change.valid_from)
),

-- The reporting currency needs no rate, whatever the day.
rates as (
    select
        currency,
        valid_from,
        cast(round(usd_rate / reporting_usd_rate, 8) as decimal(18, 8)) as exchange_rate,
        greatest(own_rate_date, reporting_rate_date) as rate_date
    from with_newest_rates
    where currency <> {{ reporting_currency() }} and usd_rate is not null and reporting_usd_rate is not null
    union all
    select
        {{ reporting_currency() }} as currency,
        date '0001-01-01' as valid_from,
        cast(1 as decimal(18, 8)) as exchange_rate,
        cast(null as date) as rate_date
)

select * from rates
