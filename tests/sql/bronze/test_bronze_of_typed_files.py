"""Bronze of event files that were landed byte for byte, beside old batches of text: the real dbt, one warehouse."""

import datetime as dt
import os
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from dbt_in_process import run_dbt

from dagster_project.contracts import landing_objects
from dagster_project.ingest.events.connector import EventFiles
from dagster_project.ingest.landing import write_batch, write_empty_file

FIRST = dt.datetime(2026, 9, 30, 6)
SECOND = dt.datetime(2026, 10, 1, 6)
THIRD = dt.datetime(2026, 10, 2, 6)
MOMENT = dt.datetime(2026, 9, 29, 10, 0, 0, 250_000)


def event(event_id: str | None, **changes: Any) -> dict[str, Any]:
    return {
        "event_id": event_id, "workspace_id": " w1 ", "user_id": "u1", "session_id": None, "event_name": "open",
        "feature": "", "quantity": 1, "duration_seconds": 2, "error_count": 0, "occurred_at": MOMENT,
        "received_at": MOMENT,
    } | changes  # fmt: skip


def events(rows: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema_overrides={"session_id": pl.String})


def drop(folder: Path, name: str, frame: pl.DataFrame) -> None:
    frame.write_parquet(folder / name)
    moment = dt.datetime(2026, 9, 29, tzinfo=dt.UTC).timestamp()
    os.utime(folder / name, (moment, moment))


def run(data_dir: Path, source: Path, read_at: dt.datetime) -> None:
    (landed,) = EventFiles(str(source), data_dir / "landing").land(read_at)
    assert landed.refused == ""
    run_dbt(data_dir, "run", "-s", "product__events")


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    data_dir, source = tmp_path_factory.mktemp("typed"), tmp_path_factory.mktemp("events")
    for name, columns in landing_objects().items():
        write_empty_file(data_dir / "landing", *name.split("__", 1), columns)
    run_dbt(data_dir, "seed", "-s", "currency_rates")
    drop(source, "first.parquet", events([event(" typed "), event(None), event("late", quantity=-1)]))
    run(data_dir, source, FIRST)

    text = event("text", occurred_at="2026-09-29T12:00:00.250+02:00", received_at="2026-09-29T10:00:00.250Z")
    write_batch(
        data_dir / "landing", "product", "events", "20260930T070000Z-0001-old",
        pl.DataFrame([text, text | {"event_id": "bad", "occurred_at": "last week"}]), dt.datetime(2026, 9, 30, 7),
    )  # fmt: skip
    zoned = pl.col("occurred_at").dt.replace_time_zone("Asia/Tokyo")
    drop(
        source,
        "zoned.parquet",
        events([event("zoned")]).with_columns(zoned).drop("session_id", "feature"),
    )
    drop(
        source,
        "nanoseconds.parquet",
        events([event("ns")]).with_columns(pl.col("occurred_at").cast(pl.Datetime("ns"))),
    )
    run(data_dir, source, SECOND)

    drop(
        source,
        "small.parquet",
        events([event("small")]).with_columns(pl.col("quantity").cast(pl.UInt8)),
    )
    run(data_dir, source, THIRD)
    run(data_dir, source, THIRD + dt.timedelta(days=1))
    return duckdb.connect(str(data_dir / "warehouse.duckdb"), read_only=True)


def test_a_copied_file_gets_its_meta_columns_from_its_name_and_rows(warehouse: duckdb.DuckDBPyConnection):
    query = """
        select _source_file, _source_line, _loaded_at, _load_number
        from bronze.product__events
        where event_ref = 'typed'"""
    ((file, line, loaded_at, load),) = warehouse.execute(query).fetchall()
    assert file.startswith("product/events/20260930T060000Z-0001-events-first-")
    assert (line, loaded_at, load) == (1, FIRST, 1)


def test_its_bad_rows_are_in_quarantine_with_line_and_reason(warehouse: duckdb.DuckDBPyConnection):
    query = "select source_line, column_name, reason, loaded_at from quarantine.product__events order by 4, 1"
    assert warehouse.execute(query).fetchall() == [
        (2, "event_ref", "event_ref: required, and empty", FIRST),
        (
            2,
            "occurred_at",
            "occurred_at: 'last week' is not a time: write 2026-04-30 or 2026-04-30T14:30:00Z",
            dt.datetime(2026, 9, 30, 7),
        ),
    ]


def test_a_count_that_cannot_be_costs_only_itself(warehouse: duckdb.DuckDBPyConnection):
    query = "select event_ref, quantity, _faults from bronze.product__events where _faults is not null"
    assert warehouse.execute(query).fetchall() == [("late", None, "quantity: -1 is below 0")]


def test_types_that_differ_between_files_end_in_the_same_values(warehouse: duckdb.DuckDBPyConnection):
    query = """
        select event_ref, workspace_ref, session_ref, feature, quantity, occurred_at, received_at
        from bronze.product__events where _faults is null order by 1"""
    in_utc = MOMENT - dt.timedelta(hours=9)
    assert warehouse.execute(query).fetchall() == [
        ("ns", "w1", None, None, 1, MOMENT, MOMENT),
        ("small", "w1", None, None, 1, MOMENT, MOMENT),
        ("text", "w1", None, None, 1, MOMENT, MOMENT),
        ("typed", "w1", None, None, 1, MOMENT, MOMENT),
        ("zoned", "w1", None, None, 1, in_utc, MOMENT),
    ]


def test_each_file_is_loaded_once(warehouse: duckdb.DuckDBPyConnection):
    query = """
        select load_number, count(*)
        from bronze.loaded_files
        where object = 'product__events'
        group by 1
        order by 1"""
    assert warehouse.execute(query).fetchall() == [(1, 1), (2, 3), (3, 1)]
