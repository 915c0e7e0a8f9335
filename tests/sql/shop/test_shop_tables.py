"""Visits, loyalty accounts and the price list of the file drop, from bronze to gold, as dbt compiles the models."""

import datetime as dt
from collections.abc import Iterator

import duckdb
import pytest
from dbt_in_process import run_dbt
from hypothesis import given
from hypothesis import strategies as st

from dagster_project.contracts import read_tables
from dagster_project.settings import DBT_DIR

MODELS = ("visits", "loyalty_events", "fct_visits", "fct_loyalty_events")
NOON = dt.datetime(2026, 9, 1, 12)
KINDS = st.sampled_from(["earn", "redeem", "expire", "tier"])
EVENTS = st.lists(
    st.tuples(st.sampled_from("ab"), st.integers(0, 5), KINDS, st.none() | st.integers(-500, 500)),
    max_size=25,
)


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """Bronze tables without rows, two customers, and the models as views over them."""
    compiled = run_dbt(tmp_path_factory.mktemp("shop"), "compile", "--select", *MODELS)
    sql_of = {result.node.name: result.node.compiled_code for result in compiled.results}
    contracts = read_tables(DBT_DIR / "models" / "bronze")
    with duckdb.connect() as connection:
        connection.execute("attach ':memory:' as warehouse; use warehouse; set timezone = 'UTC'")
        connection.execute("create schema bronze; create schema silver; create schema gold")
        for name in ("files__visits", "files__loyalty_events"):
            columns = ", ".join(f"{column.name} {column.data_type}" for column in contracts[name].columns)
            connection.execute(f"create table bronze.{name} ({columns})")
        connection.execute("""
            create table silver.customer_identities (customer_id text, system text, object text, source_ref text);
            insert into silver.customer_identities values
                ('A', 'files', 'customers', 'a'), ('A', 'files', 'customers', 'a again'),
                ('B', 'files', 'customers', 'b')""")
        for name in MODELS:
            schema = "gold" if name.startswith("fct_") else "silver"
            connection.execute(f"create view {schema}.{name} as {sql_of[name]}")
        yield connection


def put_loyalty(warehouse: duckdb.DuckDBPyConnection, rows: list[tuple]) -> None:
    warehouse.execute("truncate bronze.files__loyalty_events")
    if rows:
        warehouse.executemany(
            "insert into bronze.files__loyalty_events values (?, ?, ?, ?, ?, ?, null)", rows
        )


def test_visits_of_both_accounts_of_a_person_are_that_persons(warehouse: duckdb.DuckDBPyConnection):
    warehouse.execute("truncate bronze.files__visits")
    warehouse.executemany(
        "insert into bronze.files__visits values (?, ?, ?, ?, ?, ?, null)",
        [
            ("v1", "a", NOON, "Harbour Street", 1260, 2),
            ("v2", "a again", NOON, " ", None, None),
            ("v3", "b", NOON, "Mill Lane", 60, 1),
        ],
    )
    found = warehouse.execute("select * exclude (occurred_at, visit_date) from gold.fct_visits order by 1")
    assert found.fetchall() == [
        ("files:v1", "A", "Harbour Street", 1260, 2),
        ("files:v2", "A", "unknown", None, None),
        ("files:v3", "B", "Mill Lane", 60, 1),
    ]


def test_points_that_go_are_below_zero_however_they_are_written(warehouse: duckdb.DuckDBPyConnection):
    put_loyalty(warehouse, [
        ("1", "a", NOON, "earn", 100, None), ("2", "a", NOON, "redeem", 30, None),
        ("3", "a again", NOON, "redeem", -30, None), ("4", "a", NOON, "expire", 10, None),
        ("5", "a", NOON, "earn", -5, None), ("6", "a", NOON, "tier", 999, "gold"), ("7", "a", NOON, "earn", None, None),
    ])  # fmt: skip
    found = warehouse.execute(
        "select points_change, points_balance, tier, previous_tier"
        " from gold.fct_loyalty_events order by loyalty_event_id"
    )
    assert found.fetchall() == [
        (100, 100, None, None), (-30, 70, None, None), (-30, 40, None, None), (-10, 30, None, None),
        (-5, 25, None, None), (0, 25, "gold", None), (0, 25, "gold", None),
    ]  # fmt: skip


@given(events=EVENTS)
def test_the_last_balance_is_the_sum_of_all_changes(
    warehouse: duckdb.DuckDBPyConnection, events: list[tuple]
):
    put_loyalty(warehouse, [
        (f"{number:02}", ref, NOON + dt.timedelta(hours=hour), kind, points, f"t{number}" if kind == "tier" else None)
        for number, (ref, hour, kind, points) in enumerate(events)
    ])  # fmt: skip
    gold = dict(
        warehouse.execute(
            "select customer_id, arg_max(points_balance, (occurred_at, loyalty_event_id))"
            " from gold.fct_loyalty_events group by all"
        ).fetchall()
    )
    sums: dict[str, int] = {}
    for ref, _, kind, points in events:
        change = {"earn": points or 0, "tier": 0}.get(kind, -abs(points or 0))
        sums[ref.upper()] = sums.get(ref.upper(), 0) + change
    assert gold == sums
    tiers = warehouse.execute(
        "select count(*) filter (previous_tier is null) from gold.fct_loyalty_events where event_kind = 'tier'"
    ).fetchall()
    assert tiers == [(len({ref for ref, _, kind, _ in events if kind == "tier"}),)]
