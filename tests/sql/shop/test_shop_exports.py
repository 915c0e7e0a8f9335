"""The exports of the simulated shop through the file drop and dbt, with the identities of the truth: a light run."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import duckdb
import polars as pl
import pytest
from dbt_in_process import run_dbt

from dagster_project.contracts import landing_objects
from dagster_project.ingest.files.drop import land_file_drop
from dagster_project.ingest.landing import write_empty_file
from dagster_project.sample_company.shop import export_shop

WRITTEN_BY_PYTHON = {
    "customer_identities": "system text, object text, source_ref text, customer_id text, person_id text",
    "household_members": "household_id text, customer_id text, household_kind text",
    "party_spellings": "field text, written text, country text, spelling text",
    "ticket_sentiments": "system text, ticket_ref text, polarity double",
}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    for name, columns in landing_objects().items():
        write_empty_file(folder / "landing", *name.split("__", 1), columns)
    at = export_shop(folder / "inbox", folder / "landing", folder / "truth", 200, dt.date(2024, 12, 31))
    land_file_drop(folder / "inbox", folder / "landing", at, "USD")
    with duckdb.connect(str(folder / "warehouse.duckdb")) as connection:
        connection.execute("create schema silver")
        for table, columns in WRITTEN_BY_PYTHON.items():
            connection.execute(f"create table silver.{table} ({columns})")
        connection.execute(f"""
            insert into silver.customer_identities by name
            select system, object, source_ref, true_customer_ref as customer_id
            from '{folder}/truth/identities.parquet'""")
    run_dbt(
        folder, "build", "--indirect-selection", "empty", "--exclude-resource-type", "unit_test", "--select",
        "+fct_transactions", "+fct_transaction_lines", "+fct_visits", "+fct_loyalty_events",
        "assert_transaction_lines_add_up",
    )  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def warehouse(data_dir: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(data_dir / "warehouse.duckdb"), read_only=True) as connection:
        yield connection


def exported(data_dir: Path, name: str) -> pl.DataFrame:
    """The rows of a file that nobody has broken, each once."""
    rows = pl.read_csv(data_dir / "inbox" / f"{name}.csv", infer_schema=False)
    return rows.filter(~pl.col(rows.columns[0]).str.ends_with("_broken")).unique()


def test_spend_is_what_was_paid_less_what_came_back_to_the_cent(warehouse, data_dir):
    rows = exported(data_dir, "transactions").filter(pl.col("status") == "paid")
    paid = rows.select(pl.col("amount").cast(pl.Decimal(18, 2)).sum()).item()
    assert paid > 1000
    assert rows.filter(pl.col("kind") == "refund").height > 0
    found = warehouse.execute(
        "select sum(net_spend_amount), (select sum(total_amount) from gold.fct_transaction_lines"
        " where transaction_id not like '%-F') from gold.fct_transactions"
    )
    assert found.fetchall() == [(paid, paid)]


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("transactions", "fct_transactions"),
        ("visits", "fct_visits"),
        ("loyalty_events", "fct_loyalty_events"),
    ],
)
def test_every_sound_row_is_one_row_of_gold(warehouse, data_dir, name, table):
    ((count,),) = warehouse.execute(f"select count(*) from gold.{table}").fetchall()
    assert count == exported(data_dir, name).height > 100


def test_nobody_has_less_than_no_points_and_two_records_of_a_person_are_one_account(warehouse):
    lowest, accounts, tiers = warehouse.execute(
        "select min(points_balance), count(distinct customer_id),"
        " count(distinct customer_id) filter (event_kind = 'tier')"
        " from gold.fct_loyalty_events"
    ).fetchall()[0]
    assert lowest >= 0
    assert accounts == tiers
