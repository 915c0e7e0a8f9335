"""Incremental tables end in the same rows as a full refresh, whatever the order and batching in which rows arrive.

The statements are those that dbt executes (`dbt_statements.py`), the rows those of the sample company, broken and
repeated ones included. The same test with a hundred arrivals is in `make proofs`.
"""

import datetime as dt
import hashlib
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pytest
from dbt_in_process import run_dbt
from dbt_statements import caught_statements, execute, node_statements, open_warehouse

from dagster_project.contracts import landing_objects
from dagster_project.ingest.landing import batch_path, write_batch, write_empty_file
from dagster_project.sample_company import land_sample_company
from dagster_project.settings import DBT_DIR

VENDOR_OBJECTS = [name for name in landing_objects() if not name.startswith("files__")]
VENDOR_TABLES = ("run", "-s", "bronze", "received_*", "--exclude", "bronze.files")
LINEAGE = ("_source_file", "_source_line", "_loaded_at", "_load_number")
KEPT_RECORDS_PER_OBJECT = 150
LOADED_AT = dt.datetime(2026, 10, 1, 6, 0)
NEVER_LATE = {"CUSTINT_LATE_ARRIVAL_DAYS": "10000"}


@dataclass
class Caught:
    """The statements of the first build and of every later one, where they were caught, and all rows."""

    first: list[str]
    later: list[str]
    data_dir: Path
    rows: dict[str, pl.DataFrame]


def some_records(frame: pl.DataFrame) -> pl.DataFrame:
    """All versions of some records; the first landing column is the record's id."""
    key = frame.columns[0]
    kept = frame.get_column(key).unique().sort().head(KEPT_RECORDS_PER_OBJECT).implode()
    return frame.filter(pl.col(key).is_in(kept)).select(pl.exclude(r"^_.*$"))


def land(data_dir: Path, batch: str, rows: dict[str, pl.DataFrame]) -> None:
    """One batch of every object; an object without rows gets none."""
    for name, frame in rows.items():
        system, object_name = name.split("__", 1)
        write_empty_file(data_dir / "landing", system, object_name, landing_objects()[name])
        if not frame.is_empty():
            write_batch(data_dir / "landing", system, object_name, batch, frame, LOADED_AT)


@pytest.fixture(scope="module")
def caught(tmp_path_factory: pytest.TempPathFactory) -> Caught:
    source = tmp_path_factory.mktemp("company")
    land_sample_company(source / "landing", source / "truth", 50, dt.date(2026, 9, 30))
    rows = {}
    for name in VENDOR_OBJECTS:
        path = batch_path(source / "landing", *name.split("__", 1), "2026-09-30")
        schema = pl.read_parquet(path) if path.exists() else pl.DataFrame({"id": []})
        rows[name] = some_records(schema)
    data_dir = tmp_path_factory.mktemp("caught")
    run_dbt(data_dir, "seed", "-s", "currency_rates", **NEVER_LATE)
    land(data_dir, "b0", {name: frame.head(5) for name, frame in rows.items()})
    first = node_statements(caught_statements(data_dir, *VENDOR_TABLES, **NEVER_LATE))
    land(data_dir, "b1", {name: frame.tail(5) for name, frame in rows.items()})
    later = node_statements(caught_statements(data_dir, *VENDOR_TABLES, **NEVER_LATE))
    return Caught(first, later, data_dir, rows)


def build(
    caught: Caught, data_dir: Path, batches: list[dict[str, pl.DataFrame]]
) -> duckdb.DuckDBPyConnection:
    """A warehouse into which the batches were loaded one after the other."""
    connection = open_warehouse()
    for number, rows in enumerate(batches):
        land(data_dir, f"b{number}", rows)
        execute(connection, caught.later if number else caught.first, caught.data_dir, data_dir)
    return connection


@pytest.fixture(scope="module")
def full_refresh(caught: Caught, tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    return build(caught, tmp_path_factory.mktemp("full"), [caught.rows])


def tables_to_compare(connection: duckdb.DuckDBPyConnection) -> list[str]:
    found = connection.execute(
        "select schema_name || '.' || table_name from duckdb_tables()"
        " where table_name like '%\\_\\_%' escape '\\' or table_name like 'received%' order by 1"
    ).fetchall()
    return [name for (name,) in found]


def content(connection: duckdb.DuckDBPyConnection, table: str) -> str:
    """A query of the table's rows without what tells from which file and load they came."""
    if table.startswith("quarantine."):
        return f"select column_name, reason from {table}"
    columns = [name for name, *_ in connection.execute(f"describe {table}").fetchall()]
    return f"select {', '.join(name for name in columns if name not in LINEAGE)} from {table}"


def differing_rows(
    left: duckdb.DuckDBPyConnection, right: duckdb.DuckDBPyConnection, table: str
) -> list[tuple[object, ...]]:
    query = content(left, table)
    right.register("left_rows", left.execute(query).to_arrow_table())
    return right.execute(
        f"(from left_rows except all ({query})) union all (({query}) except all from left_rows)"
    ).fetchall()


def parquet_hash(connection: duckdb.DuckDBPyConnection, table: str, folder: Path) -> str:
    """SHA-256 of a file with the table's rows in one order."""
    path = folder / "rows.parquet"
    connection.execute(f"copy ({content(connection, table)} order by all) to '{path}' (format parquet)")
    return hashlib.sha256(path.read_bytes()).hexdigest()


def random_batches(
    rows: dict[str, pl.DataFrame], seed: int, repeated_share: float = 0
) -> list[dict[str, pl.DataFrame]]:
    """The rows of every object in random order, cut at random places into two to five batches; some are empty.

    A share of the rows is delivered once more, in a batch of its own choice.
    """
    random = np.random.default_rng(seed)
    batch_count = int(random.integers(2, 6))
    batches: list[dict[str, pl.DataFrame]] = [{} for _ in range(batch_count)]
    for name, frame in rows.items():
        repeated = frame[random.integers(0, max(frame.height, 1), int(frame.height * repeated_share))]
        delivered = pl.concat([frame, repeated])
        batch_of_row = random.integers(0, batch_count, delivered.height)
        shuffled = delivered[random.permutation(delivered.height)]
        for number, batch in enumerate(batches):
            batch[name] = shuffled.filter(pl.Series(batch_of_row == number))
    return batches


@pytest.mark.parametrize(
    "seed", [*range(3), *(pytest.param(seed, marks=pytest.mark.proof) for seed in range(3, 100))]
)
def test_any_order_and_batching_ends_in_the_rows_of_a_full_refresh(
    seed: int, caught: Caught, full_refresh: duckdb.DuckDBPyConnection, tmp_path: Path
):
    incremental = build(caught, tmp_path, random_batches(caught.rows, seed))
    assert tables_to_compare(incremental) == tables_to_compare(full_refresh)
    for table in tables_to_compare(full_refresh):
        assert differing_rows(incremental, full_refresh, table) == [], table


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.proof) for seed in range(1, 20))])
def test_rows_that_come_twice_leave_silver_byte_for_byte_as_it_is(
    seed: int, caught: Caught, full_refresh: duckdb.DuckDBPyConnection, tmp_path: Path
):
    incremental = build(caught, tmp_path, random_batches(caught.rows, seed, repeated_share=0.2))
    for table in tables_to_compare(full_refresh):
        if table.startswith("silver."):
            hashes = [parquet_hash(warehouse, table, tmp_path) for warehouse in (incremental, full_refresh)]
            assert hashes[0] == hashes[1], table


def test_the_comparison_covers_rows_of_every_incremental_table(full_refresh: duckdb.DuckDBPyConnection):
    tables = tables_to_compare(full_refresh)
    assert {name for name in tables if name.startswith("bronze.")} == {
        f"bronze.{name}" for name in VENDOR_OBJECTS
    }
    models = (DBT_DIR / "models" / "silver").rglob("received_*.sql")
    received = [f"silver.{path.stem}" for path in models if "materialized='incremental'" in path.read_text()]
    assert set(received) <= set(tables)
    assert len(received) >= 5
    for name in received:
        assert full_refresh.execute(f"select count(*) from {name}").fetchone() > (0,), name


def test_a_load_without_new_files_changes_nothing(caught: Caught, tmp_path: Path):
    warehouse = build(caught, tmp_path, [caught.rows])
    before = {
        name: warehouse.execute(f"from {name}").to_arrow_table() for name in tables_to_compare(warehouse)
    }
    execute(warehouse, caught.later, caught.data_dir, tmp_path)
    for name, rows in before.items():
        warehouse.register("rows_before", rows)
        assert warehouse.execute(f"(from {name} except all from rows_before)").fetchall() == [], name
        assert warehouse.execute(f"select count(*) from {name}").fetchone() == (rows.num_rows,), name
