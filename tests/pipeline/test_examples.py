"""The shipped examples of bringing your own data, on the real third-party files."""

import json
import shutil

import duckdb
import pytest
from workspace import PROJECT, Workspace, drop_example, third_party


@pytest.fixture(scope="module")
def ravenstack(tmp_path_factory):
    data_dir = tmp_path_factory.mktemp("ravenstack")
    drop_example("ravenstack", data_dir)
    workspace = Workspace(data_dir, CUSTINT_SOURCES="files")
    workspace.run_well()
    return workspace


@pytest.fixture(scope="module")
def cdnow(tmp_path_factory):
    data_dir = tmp_path_factory.mktemp("cdnow")
    drop_example("cdnow", data_dir)
    workspace = Workspace(
        data_dir, CUSTINT_SOURCES="files", CUSTINT_CUSTOMER_DAILY_DAYS="31"
    )  # 9 M rows fewer
    workspace.run_well(CUSTINT_AS_OF_DATE="1997-09-30")
    return workspace


@pytest.fixture(scope="module")
def completejourney(tmp_path_factory):
    """Every fortieth household, and the products that those buy: the whole takes minutes."""
    data_dir = tmp_path_factory.mktemp("completejourney")
    source, inbox = third_party("completejourney"), data_dir / "inbox"
    (inbox / "delivered").mkdir(parents=True)
    for path in (PROJECT / "data" / "examples" / "completejourney").glob("*.sql"):
        shutil.copy(path, inbox)
    own = "household_id % 40 = 0"
    kept = {
        "transactions": own, "demographics": own, "campaigns": own, "coupon_redemptions": own,
        "campaign_descriptions": "true",
        "products": f"product_id in (select product_id from '{source}/transactions.parquet' where {own})",
    }  # fmt: skip
    for name, condition in kept.items():
        duckdb.sql(
            f"copy (from '{source}/{name}.parquet' where {condition}) to '{inbox}/delivered/{name}.parquet'"
        )
    workspace = Workspace(data_dir, CUSTINT_SOURCES="files", CUSTINT_CUSTOMER_DAILY_DAYS="31")
    workspace.run_well()
    return workspace


def test_ravenstack_publishes_every_customer_and_ticket_and_loses_no_usage_row(ravenstack):
    assert ravenstack.query("select count(*) from gold.dim_customer") == [(500,)]
    assert ravenstack.query("select count(*) from gold.fct_tickets") == [(2000,)]
    intake = ravenstack.query(
        "select landed_row_count, kept_row_count + quarantined_row_count, quarantined_row_count"
        " from gold.data_intake where object = 'usage_events'"
    )
    assert intake == [(25_000, 25_000, 0)]
    assert ravenstack.query("select sum(event_count) from gold.fct_usage_daily") == [(25_000,)]


def test_ravenstack_revenue_ties_out_and_its_missing_invoices_are_named(ravenstack):
    months, off, explained, unexplained = ravenstack.query(
        """select
            count(*),
            sum(abs(starting_mrr_amount + new_mrr_amount + expansion_mrr_amount + contraction_mrr_amount
                + churn_mrr_amount + reactivation_mrr_amount - ending_mrr_amount)),
            (select sum(statement_amount) from gold.revenue_reconciliation where line_item = 'no_invoices')
                + (select sum(statement_amount) from gold.revenue_reconciliation where line_item = 'ending_mrr'),
            (select sum(abs(statement_amount)) from gold.revenue_reconciliation where line_item = 'unexplained')
        from gold.revenue_monthly"""
    )[0]
    assert months == 24
    assert (off, explained, unexplained) == (0, 0, 0)


def test_ravenstack_is_scored_for_the_last_day_in_its_data(ravenstack):
    assert json.loads((ravenstack.published / "manifest.json").read_text())["as_of_date"] == "2024-12-31"


def test_ravenstack_churn_claims_no_signal(ravenstack):
    """There is nothing to learn in this data: a discriminating model here would be reading the future."""
    aucs = ravenstack.query(
        "select value, note from gold.churn_model_metrics where metric = 'auc' and dataset = 'evaluation'"
    )
    for value, note in aucs:
        assert value is None or value <= 0.65
        assert value is not None or "too few to learn from" in note
    assert ravenstack.query("select distinct status, churn_probability from gold.customer_churn") == [
        ("insufficient_data", None)
    ]


@pytest.mark.proof
def test_cdnow_publishes_every_customer_and_every_cent(cdnow):
    assert cdnow.query("select count(*) from gold.dim_customer") == [(23_570,)]
    totals = cdnow.query(
        "select count(*), count(distinct customer_id), sum(net_spend_amount)::text from gold.fct_transactions"
    )
    assert totals == [(69_659, 23_570, "2500315.63")]


@pytest.mark.proof
def test_cdnow_reaches_the_published_estimates_as_of_september_1997(cdnow):
    rows = cdnow.query(
        "select model, parameter, estimate, log_likelihood, standard_error, customer_count"
        " from gold.clv_model_parameters where as_of_date = '1997-09-30'"
    )
    estimates = {(model, parameter): estimate for model, parameter, estimate, *_ in rows}
    for parameter, published in (("r", 0.2516), ("alpha", 4.789), ("a", 0.7234), ("b", 2.1611)):
        assert estimates["bg_nbd", parameter] == pytest.approx(published, rel=0.005)
    for parameter, published in (("p", 6.275), ("q", 3.624), ("v", 14.98)):
        assert estimates["gamma_gamma", parameter] == pytest.approx(published, rel=0.01)
    likelihoods = {round(likelihood, 2) for model, _, _, likelihood, *_ in rows if model == "bg_nbd"}
    assert likelihoods == {-95_368.44}
    assert all(error > 0 and count > 0 for *_, error, count in rows)


@pytest.mark.proof
def test_cdnow_with_transactions_alone_says_what_it_cannot_know(cdnow):
    rows = cdnow.query(
        "select distinct churn_status, incentive_status, clv_model, health_status from gold.customer_360"
        " where as_of_date = '1997-09-30'"
    )
    ((winner,),) = cdnow.query(
        "select model from gold.clv_model_contest where is_winner and as_of_date = '1997-09-30'"
    )
    assert rows == [("not_a_subscriber", "not_eligible", winner, "partial")]


@pytest.mark.proof
def test_cdnow_bills_are_settled_and_explained_to_the_cent(cdnow):
    billed, unexplained = cdnow.query(
        "select sum(statement_amount) filter (line_item = 'billed' and statement_name = 'settlement')::text,"
        " sum(abs(statement_amount)) filter (line_item = 'unexplained') from gold.revenue_reconciliation"
    )[0]
    assert (billed, unexplained) == ("2500315.63", 0)


@pytest.mark.proof
def test_cdnow_forecast_of_september_1997_is_near_what_the_customers_then_bought(cdnow):
    """The forecast is for a year, the data go on for nine months: compare the rate, within a third."""
    ((forecast,),) = cdnow.query(
        "select sum(expected_purchases) * 273 / 365 from gold.customer_clv"
        " where as_of_date = '1997-09-30' and horizon_days = 365"
    )
    ((bought,),) = cdnow.query(
        "select count(*) from (select distinct customer_id, transaction_date from gold.fct_transactions"
        " where transaction_date > '1997-09-30')"
    )
    assert forecast == pytest.approx(bought, rel=1 / 3)


@pytest.mark.proof
def test_completejourney_spend_is_that_of_its_lines_to_the_cent(completejourney):
    (paid, baskets, lines), *_ = duckdb.sql(
        "select sum(cast(sales_value as decimal(18, 2))), count(distinct basket_id), count(*)"
        f" from '{completejourney.data_dir}/inbox/delivered/transactions.parquet'"
    ).fetchall()
    assert completejourney.query("select sum(net_spend_amount), count(*) from gold.fct_transactions") == [
        (paid, baskets)
    ]
    found = completejourney.query(
        "select sum(total_amount), count(*) filter (line_kind = 'one_off') from gold.fct_transaction_lines"
    )
    assert found == [(paid, lines)]
    assert completejourney.query("select sum(spend_amount) from gold.customer_360_latest") == [(paid,)]


@pytest.mark.proof
def test_completejourney_loses_no_row_and_joins_no_households(completejourney):
    counts = completejourney.query(
        "select landed_row_count, kept_row_count + quarantined_row_count, quarantined_row_count,"
        " reached_row_count + left_out_row_count - kept_row_count, left_out_row_count"
        " from gold.data_intake where landed_row_count > 0"
    )
    assert len(counts) == 5
    for landed, accounted, quarantined, unexplained, left_out in counts:
        assert (landed, quarantined, unexplained, left_out) == (accounted, 0, 0, 0)
    customers, households = completejourney.query(
        f"""select count(*), (select count(distinct household_id)
            from '{completejourney.data_dir}/inbox/delivered/transactions.parquet') from gold.dim_customer"""
    )[0]
    assert customers == households > 30


@pytest.mark.proof
def test_completejourney_is_a_shop_of_which_nobody_has_a_contract(completejourney):
    rows = completejourney.query(
        "select distinct churn_status, incentive_status from gold.customer_360_latest"
    )
    assert rows == [("not_a_subscriber", "not_eligible")]
    assert (
        completejourney.query(
            "select count(*) from gold.customer_clv where predicted_clv_amount is not null"
        )[0][0]
        > 30
    )
    # Of very few products nobody knows anything; their reference stands for a name.
    assert completejourney.query(
        "select count(*) filter (product_name = ''), count(*) filter (category is null) < 0.001 * count(*)"
        " from gold.dim_product"
    ) == [(0, True)]
