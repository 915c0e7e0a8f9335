"""Campaigns, members and sales of the CRM from landing to gold, as the real dbt builds them from hand-made rows."""

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import duckdb
import polars as pl
import pytest
from dbt_in_process import run_dbt

from dagster_project.contracts import landing_objects
from dagster_project.ingest.landing import write_batch, write_empty_file

LOADED_AT = dt.datetime(2026, 10, 1, 6)
DAY = "2026-09-30"
POLARS_TYPES = {"VARCHAR": pl.String, "BIGINT": pl.Int64, "DOUBLE": pl.Float64, "BOOLEAN": pl.Boolean}
Row = dict[str, Any]


def record(ref: str, created: str = "2026-01-10", modified: str = "", **fields: Any) -> Row:
    times = {
        "CreatedDate": f"{created}T08:00:00.000+0000",
        "SystemModstamp": f"{modified or created}T09:00:00.000+0000",
    }
    return {"Id": ref} | times | fields


def campaign(ref: str, **fields: Any) -> Row:
    return record(ref, **({"Name": ref, "StartDate": "2026-09-01"} | fields))


def sale(ref: str, stage: str = "open", **fields: Any) -> Row:
    known = {
        "AccountId": "acc_a",
        "StageName": stage,
        "Amount": 1000.0,
        "CloseDate": "2026-09-15",
        "OwnerId": "u1",
    }
    decided = {"IsClosed": stage != "open", "IsWon": stage == "won"}
    return record(ref, **(known | decided | fields))


ROWS: dict[str, list[Row]] = {
    "salesforce__users": [
        record("u1", Name="Ida Owen", Email="ida@ours.example"),
        record("u1", modified="2026-03-01", Name="Ida Owens", Email="ida@ours.example"),
        record("u2", Name="Udo Rowe", Email="udo@ours.example", IsActive=False),
    ],
    "salesforce__accounts": [
        record("acc_a", Name="Alpha", OwnerId="u1"),
        record("acc_younger", "2026-02-01", Name="Alpha again", OwnerId="u2"),
        record("acc_deleted", "2025-02-01", Name="Alpha, first", OwnerId="u2", IsDeleted=True),
        record("acc_b", Name="Beta", OwnerId="u_hidden"),
        record("acc_c", Name="Gamma"),
    ],
    "salesforce__campaigns": [
        campaign("peso", CurrencyIsoCode="MXN", ActualCost=1800.0, BudgetedCost=2000.0),
        campaign("peso before", CurrencyIsoCode="MXN", ActualCost=1800.0, StartDate="2021-05-01"),
        campaign("small letters", CurrencyIsoCode="eur", ActualCost=100.0),
        campaign("one currency alone", ActualCost=1800.0),
        campaign("nobody knows the rate", CurrencyIsoCode="ZWL", ActualCost=1800.0),
        campaign("dear", CurrencyIsoCode="JPY", ActualCost=2_500_000_000.0),
        campaign("paid back", ActualCost=-25.0),
        campaign("deleted", ActualCost=5.0, IsDeleted=True),
    ],
    "salesforce__contacts": [record("con_a", LastName="Ames", AccountId="acc_a")],
    "salesforce__campaign_members": [
        record("00v1", CampaignId="peso", ContactId="con_a"),
        record("00v2", CampaignId="peso", ContactId="con_a"),
        record("00v2", modified="2026-02-02", CampaignId="peso", ContactId="con_a", IsDeleted=True),
    ],
    "salesforce__opportunities": [
        sale("open"),
        sale("open in euros", Amount=100.0, CurrencyIsoCode="EUR"),
        sale("won", "won"),
        sale("lost", "lost", Amount=None),
        sale("without amount", "won", Amount=None),
        sale("of nothing", "won", Amount=0.0),
        sale("below nothing", "won", Amount=-250.0),
        sale("of yens", "won", Amount=1_500_000_000.0, CurrencyIsoCode="JPY"),
        sale("without account", "won", AccountId=None),
        sale("of a hidden account", AccountId="acc_hidden"),
        sale("decided later", "won", CloseDate="2026-10-05"),
        sale("won and not closed", "won", IsClosed=None, CloseDate=None, modified="2026-04-01"),
        sale("deleted", IsDeleted=True),
        sale("of another owner", "lost", AccountId="acc_b", OwnerId="u2"),
    ],
}  # fmt: skip
IDENTITIES = [
    ("salesforce", "accounts", ref, customer)
    for ref, customer in {
        "acc_a": "A", "acc_younger": "A", "acc_deleted": "A", "acc_b": "B", "acc_c": "C"
    }.items()
] + [("salesforce", "contacts", "con_a", "A")]  # fmt: skip
MODELS = ("fct_opportunities", "campaigns", "campaign_members", "account_owners")


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    data_dir = tmp_path_factory.mktemp("sales")
    for name, fields in landing_objects().items():
        system, object_name = name.split("__", 1)
        write_empty_file(data_dir / "landing", system, object_name, fields)
        if name in ROWS:
            schema = {field: POLARS_TYPES[kind] for field, kind in fields.items()}
            rows = [{field: row.get(field) for field in schema} for row in ROWS[name]]
            frame = pl.DataFrame(rows, schema=schema)
            write_batch(data_dir / "landing", system, object_name, "b1", frame, LOADED_AT)
    path = str(data_dir / "warehouse.duckdb")
    with duckdb.connect(path) as connection:
        connection.execute("create schema silver; create schema gold")
        connection.execute(
            "create table silver.customer_identities"
            " (system varchar, object varchar, source_ref varchar, customer_id varchar)"
        )
        connection.executemany("insert into silver.customer_identities values (?, ?, ?, ?)", IDENTITIES)
        connection.execute(
            "create table gold.dim_customer as from (values ('A', date '2026-01-01'), ('B', date '2026-01-01'),"
            " ('C', date '2026-01-01'), ('D', date '2026-10-01')) as customers (customer_id, customer_since_date)"
        )
    selected = (*(f"+{name}" for name in MODELS), "customer_sales", "--exclude", "dim_customer")
    run_dbt(data_dir, "build", "--exclude-resource-type", "test", "-s", *selected, CUSTINT_RUN_AS_OF_DATE=DAY)
    with duckdb.connect(path, read_only=True) as connection:
        yield connection


def rows(warehouse: duckdb.DuckDBPyConnection, query: str) -> dict[str, tuple[Any, ...]]:
    """The answer by its first column."""
    return {row[0]: row[1:] for row in warehouse.execute(query).fetchall()}


def test_no_row_of_the_crm_is_lost_for_what_a_seller_typed(warehouse: duckdb.DuckDBPyConnection) -> None:
    tables = ("campaigns", "opportunities", "campaign_members", "users")
    counts = {
        name: warehouse.execute(f"select count(*) from quarantine.salesforce__{name}").fetchall()
        for name in tables
    }
    assert counts == dict.fromkeys(tables, [(0,)])


def test_campaigns_cost_what_they_cost_in_their_own_currency(warehouse: duckdb.DuckDBPyConnection) -> None:
    query = "select campaign_ref, actual_amount, original_actual_amount, currency from silver.campaigns"
    found = rows(warehouse, query)
    rate = dict(warehouse.execute(
        "select currency, arg_max(usd_rate, rate_date) from bronze.currency_rates"
        " where rate_date <= '2026-09-01' group by currency"
    ).fetchall())  # fmt: skip
    (mexican_before,) = warehouse.execute(
        "select usd_rate from bronze.currency_rates where currency = 'MXN' and rate_date = '2021-01-01'"
    ).fetchall()[0]  # fmt: skip
    assert found == {
        "peso": (round(1800 * rate["MXN"], 2), 1800, "MXN"),
        "peso before": (round(1800 * mexican_before, 2), 1800, "MXN"),
        "small letters": (round(100 * rate["EUR"], 2), 100, "EUR"),
        "one currency alone": (1800, 1800, "USD"),
        "nobody knows the rate": (None, 1800, "ZWL"),
        "dear": (round(2_500_000_000 * rate["JPY"], 2), 2_500_000_000, "JPY"),
        "paid back": (-25, -25, "USD"),
    }
    assert 90 < found["peso"][0] < 110


def test_a_deleted_member_is_no_member(warehouse: duckdb.DuckDBPyConnection) -> None:
    assert rows(warehouse, "select campaign_member_id from silver.campaign_members") == {
        "salesforce:00v1": ()
    }


def test_every_sale_is_there_with_what_was_typed(warehouse: duckdb.DuckDBPyConnection) -> None:
    found = rows(
        warehouse,
        "select replace(opportunity_id, 'salesforce:', ''), customer_id, status, opportunity_amount"
        " from gold.fct_opportunities",
    )
    euro, yen = (
        warehouse.execute(
            "select max_by(usd_rate, rate_date) from bronze.currency_rates where currency = ?", [code]
        ).fetchall()[0][0]
        for code in ("EUR", "JPY")
    )
    assert found == {
        "open": ("A", "open", 1000),
        "open in euros": ("A", "open", round(100 * euro, 2)),
        "won": ("A", "won", 1000),
        "lost": ("A", "lost", None),
        "without amount": ("A", "won", None),
        "of nothing": ("A", "won", 0),
        "below nothing": ("A", "won", -250),
        "of yens": ("A", "won", round(1_500_000_000 * yen, 2)),
        "without account": (None, "won", 1000),
        "of a hidden account": (None, "open", 1000),
        "decided later": ("A", "won", 1000),
        "won and not closed": ("A", "won", 1000),
        "of another owner": ("B", "lost", 1000),
    }


def test_a_sale_says_who_is_responsible_and_how_long_it_took(warehouse: duckdb.DuckDBPyConnection) -> None:
    found = rows(
        warehouse,
        "select replace(opportunity_id, 'salesforce:', ''), owner_name, owner_email, decided_at, sales_cycle_days"
        " from gold.fct_opportunities",
    )
    assert found["won"] == ("Ida Owens", "ida@ours.example", dt.datetime(2026, 9, 15), 248)
    assert found["of another owner"][0] == "Udo Rowe"
    assert found["open"][2:] == (None, None)
    assert found["won and not closed"][2:] == (dt.datetime(2026, 4, 1, 9), 81)


def test_a_customer_has_an_owner_a_pipeline_and_a_win_rate(warehouse: duckdb.DuckDBPyConnection) -> None:
    found = rows(
        warehouse,
        "select customer_id, as_of_date, owner_ref, owner_name, owner_email, open_opportunity_count,"
        " open_pipeline_amount, won_opportunity_count, lost_opportunity_count, won_opportunity_share"
        " from gold.customer_sales",
    )
    day = dt.date.fromisoformat(DAY)
    euros = warehouse.execute(
        "select sum(opportunity_amount) from gold.fct_opportunities where customer_id = 'A'"
        " and opportunity_id in ('salesforce:open', 'salesforce:open in euros', 'salesforce:decided later')"
    ).fetchall()[0][0]
    assert found["A"] == (day, "u1", "Ida Owens", "ida@ours.example", 3, euros, 6, 1, pytest.approx(6 / 7))
    assert found["B"] == (day, "u_hidden", None, None, 0, Decimal(0), 0, 1, 0.0)
    assert found["C"] == (day, None, None, None, 0, Decimal(0), 0, 0, None)
    assert "D" not in found  # not known yet
