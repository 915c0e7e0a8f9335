with subscription_periods as (
    select * from {{ ref('subscription_periods') }}
),

revenue_months as (
    select * from {{ ref('revenue_months') }}
),

subscription_bills as (
    select * from {{ ref('subscription_bills') }}
    where is_billed and not is_double_bill
),

transactions as (
    select * from {{ ref('transactions') }}
    where status = 'paid'
),

contracts as (
    select
        months.month_start_date,
        sum(periods.contracted_mrr_amount) as contracted_mrr_amount,
        sum(periods.mrr_amount) filter (where periods.status = 'active') as strict_mrr_amount
    from subscription_periods as periods
    inner join revenue_months as months
        on
            periods.valid_from < months.closes_at
            and periods.valid_to >= months.closes_at
    where periods.contracted_mrr_amount > 0
    group by months.month_start_date
),

collections as (
    select
        months.month_start_date,
        sum(bills.agreed_mrr_amount) as collected_mrr_amount
    from subscription_bills as bills
    inner join transactions on bills.transaction_id = transactions.transaction_id
    inner join revenue_months as months
        on
            bills.service_from < months.closes_at
            and bills.service_to >= months.closes_at
    group by months.month_start_date
),

mrr_bases as (
    select
        months.month_start_date,
        cast(coalesce(contracts.contracted_mrr_amount, 0) as decimal(18, 2)) as contracted_mrr_amount,
        cast(coalesce(contracts.strict_mrr_amount, 0) as decimal(18, 2)) as strict_mrr_amount,
        cast(coalesce(collections.collected_mrr_amount, 0) as decimal(18, 2)) as collected_mrr_amount
    from revenue_months as months
    left join contracts on months.month_start_date = contracts.month_start_date
    left join collections on months.month_start_date = collections.month_start_date
)

select * from mrr_bases
