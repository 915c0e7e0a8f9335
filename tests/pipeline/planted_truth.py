"""What a run has published beside what was planted in the sample company. Not here: how near they must be."""

from workspace import Workspace


def compared_recurring_revenue(workspace: Workspace) -> tuple[int, int]:
    """Customers and months of published and planted recurring revenue, and how many differ by a cent or more."""
    truth = workspace.data_dir / "sample_truth"
    ((compared, differing),) = workspace.warehouse(
        f"""with warehouse as (
            select
                identities.true_customer_ref, months.month_end_date, periods.currency,
                cast(sum(periods.original_mrr_amount) * 100 as bigint) as mrr_cents
            from gold.fct_subscription_periods as periods
            inner join silver.revenue_months as months
                on periods.valid_from < months.closes_at
                and coalesce(periods.valid_to, '9999-12-31') >= months.closes_at
            inner join (select distinct subscription_ref, customer_ref from silver.received_subscription_versions)
                as versions on periods.subscription_id = 'stripe:' || versions.subscription_ref
            inner join '{truth / "identities.parquet"}' as identities
                on identities.system = 'stripe' and identities.object = 'customers'
                and identities.source_ref = versions.customer_ref
            where periods.mrr_amount > 0 and months.is_complete_month and months.month_end_date >= '2024-10-01'
            group by all
        ), truth as (
            select true_customer_ref, month_end_date, upper(currency) as currency, mrr_cents
            from '{truth / "mrr_monthly.parquet"}'
            where mrr_cents > 0 and month_end_date <= (select max(month_end_date) from warehouse)
        ) select count(*), count(*) filter (warehouse.mrr_cents is distinct from truth.mrr_cents)
        from warehouse full join truth using (true_customer_ref, month_end_date, currency)"""
    )
    return compared, differing


def compared_households(workspace: Workspace) -> tuple[int, int, int]:
    """Pairs of customers of one family or group: planted, found, and both."""
    truth = workspace.data_dir / "sample_truth"
    ((planted, found, both),) = workspace.query(
        f"""with of_truth as (
            select distinct identities.customer_id, customers.true_household_ref as truth
            from gold.customer_identities as identities
            inner join '{truth / "identities.parquet"}' as true_identities using (system, object, source_ref)
            inner join '{truth / "customers.parquet"}' as customers using (true_customer_ref)
            where customers.true_household_ref is not null
        ), pairs as (
            select l.customer_id as a, r.customer_id as b
            from of_truth as l inner join of_truth as r on l.truth = r.truth and l.customer_id < r.customer_id
        ), found as (
            select l.customer_id as a, r.customer_id as b
            from gold.bridge_household_member as l
            inner join gold.bridge_household_member as r
                on l.household_id = r.household_id and l.customer_id < r.customer_id
        ) select
            (select count(*) from pairs), (select count(*) from found),
            (select count(*) from (from pairs intersect from found))"""
    )
    return planted, found, both
