"""Accounts and contacts that Salesforce has merged, from landing to gold, with money that still names who is gone."""

import datetime as dt
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from dbt_in_process import run_dbt

from dagster_project.contracts import landing_objects
from dagster_project.identity.evidence import party_spellings
from dagster_project.identity.overrides import no_overrides
from dagster_project.identity.resolve import resolve_identities
from dagster_project.ingest.landing import write_batch, write_empty_file

LOADED_AT = dt.datetime(2026, 10, 1, 6)
POLARS_TYPES = {"VARCHAR": pl.String, "BIGINT": pl.Int64, "DOUBLE": pl.Float64, "BOOLEAN": pl.Boolean}
WINNER, LOSER, OTHER = "001xx000003DGbAAAW", "001xx000003DGbBAAW", "001xx000003DGbCAAW"
KEPT, GONE, COLLEAGUE = "003xx000004TmiAAAS", "003xx000004TmiBAAS", "003xx000004TmiCAAS"
MADE = 1_767_225_600  # 2026-01-01
Row = dict[str, Any]


def record(ref: str, modified: str = "2026-01-10", **fields: Any) -> Row:
    return {
        "Id": ref, "CreatedDate": "2026-01-10T08:00:00.000+0000",
        "SystemModstamp": f"{modified}T09:00:00.000+0000", **fields,
    }  # fmt: skip


def payer(ref: str, account: str) -> Row:
    return {
        "id": ref, "created": MADE, "event_created": MADE, "name": f"Payer {ref}",
        "metadata": json.dumps({"salesforce_account_id": account}),
    }  # fmt: skip


def bill(ref: str, customer: str, cents: int) -> Row:
    return {
        "id": ref, "customer": customer, "status": "paid", "currency": "usd", "total": cents, "amount_paid": cents,
        "amount_remaining": 0, "created": MADE, "event_created": MADE,
    }  # fmt: skip


ROWS: dict[str, list[Row]] = {
    "salesforce__accounts": [
        record(WINNER, Name="Acme"),
        record(LOSER, Name="Acme, typed again"),
        record(LOSER, "2026-03-01", Name="Acme, typed again", IsDeleted=True, MasterRecordId=WINNER[:15]),
        record(OTHER, Name="Zenith"),
    ],
    "salesforce__contacts": [
        record(KEPT, FirstName="Ann", LastName="Lee", AccountId=WINNER),
        record(GONE, FirstName="A.", LastName="Leigh", AccountId=OTHER),
        record(
            GONE, "2026-03-02", FirstName="A.", LastName="Leigh", AccountId=OTHER, IsDeleted=True,
            MasterRecordId=KEPT,
        ),
        record(COLLEAGUE, FirstName="Tom", LastName="Fox", AccountId=OTHER),
    ],
    "stripe__customers": [
        payer("cus_page", f"https://acme.lightning.force.com/lightning/r/Account/{LOSER}/view"),
        payer("cus_old_page", f"https://eu5.salesforce.com/{LOSER[:15]}?tab=1"),
        payer("cus_id", LOSER[:15]),
        payer("cus_other", OTHER),
    ],
    "stripe__invoices": [
        bill("in_1", "cus_page", 10_000), bill("in_2", "cus_old_page", 2_000), bill("in_3", "cus_id", 300),
        bill("in_4", "cus_other", 70),
    ],
}  # fmt: skip


def build(data_dir: Path, *selected: str) -> None:
    run_dbt(
        data_dir, "build", "--indirect-selection", "cautious", "--exclude-resource-type", "unit_test",
        "--select", *selected,
    )  # fmt: skip


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    data_dir = tmp_path_factory.mktemp("merged")
    for name, fields in landing_objects().items():
        system, object_name = name.split("__", 1)
        write_empty_file(data_dir / "landing", system, object_name, fields)
        if name in ROWS:
            schema = {field: POLARS_TYPES[kind] for field, kind in fields.items()}
            frame = pl.DataFrame([{field: row.get(field) for field in schema} for row in ROWS[name]], schema)
            write_batch(data_dir / "landing", system, object_name, "b1", frame, LOADED_AT)
    path = str(data_dir / "warehouse.duckdb")
    with duckdb.connect(path) as connection:
        connection.execute(
            "create schema bronze; create schema silver; create table bronze.run_days (as_of_date date);"
            " create table silver.ticket_sentiments (system text, ticket_ref text, polarity double)"
        )
    build(data_dir, "+parties")
    with duckdb.connect(path) as connection:
        parties = pl.DataFrame(connection.sql("from silver.parties").to_arrow_table())
        found = resolve_identities(parties, no_overrides(), pl.DataFrame())
        for table, frame in (
            ("customer_identities", found.identities),
            ("household_members", found.household_members),
            ("party_spellings", party_spellings(parties)),
        ):
            connection.register("made", frame.to_arrow())
            connection.execute(f"create table silver.{table} as from made")
    build(data_dir, "+dim_customer", "+fct_transactions")
    with duckdb.connect(path, read_only=True) as connection:
        yield connection


def groups(warehouse: duckdb.DuckDBPyConnection, column: str) -> set[frozenset[str]]:
    found = warehouse.execute(
        f"select list(source_ref) from silver.customer_identities where {column} is not null group by {column}"
    ).fetchall()
    return {frozenset(members) for (members,) in found}


def test_who_was_merged_is_one_with_who_stayed(warehouse: duckdb.DuckDBPyConnection) -> None:
    assert groups(warehouse, "customer_id") == {
        frozenset({WINNER, LOSER, KEPT, GONE, "cus_page", "cus_old_page", "cus_id"}),
        frozenset({OTHER, COLLEAGUE, "cus_other"}),
    }


def test_a_merged_contact_is_the_person_that_stayed_and_leaves_its_old_account(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    persons = groups(warehouse, "person_id")
    assert frozenset({KEPT, GONE}) in persons
    assert frozenset({COLLEAGUE}) in persons


def test_money_that_names_the_merged_account_is_the_customers_in_gold(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    spent = dict(
        warehouse.execute(
            "select accounts.source_ref, sum(net_spend_amount) from gold.fct_transactions"
            " inner join gold.dim_customer using (customer_id)"
            " inner join silver.customer_identities as accounts using (customer_id)"
            f" where accounts.source_ref in ('{WINNER}', '{OTHER}') group by all"
        ).fetchall()
    )
    assert spent == {WINNER: Decimal("123.00"), OTHER: Decimal("0.70")}
    assert warehouse.execute("select count(*) from gold.dim_customer").fetchall() == [(2,)]
