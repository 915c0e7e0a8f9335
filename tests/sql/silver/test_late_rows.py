"""What arrives within the window changes history; what arrives later is listed and changes nothing."""

import datetime as dt
from pathlib import Path

import duckdb
import polars as pl
import pytest
from dbt_in_process import run_dbt

from dagster_project.contracts import landing_objects
from dagster_project.ingest.landing import write_batch, write_empty_file

EVENTS = ("product", "events")
TABLES = ("product__events", "marketing__touchpoints", "marketing__nps_responses", "received_usage_events")
WINDOW_DAYS = 30


def event(event_id: str, occurred_at: str, workspace: str = "w1") -> dict[str, object]:
    return {
        "event_id": event_id, "workspace_id": workspace, "user_id": "u1", "session_id": None, "event_name": "open",
        "feature": "reports", "quantity": 1, "duration_seconds": 1, "error_count": 0, "occurred_at": occurred_at,
        "received_at": occurred_at,
    }  # fmt: skip


def land_and_build(
    data_dir: Path, batch: str, loaded_at: dt.datetime, events: list[dict[str, object]]
) -> None:
    write_batch(data_dir / "landing", *EVENTS, batch, pl.DataFrame(events), loaded_at)
    run_dbt(
        data_dir, "run", "-s", *TABLES, "late_rows", CUSTINT_LATE_ARRIVAL_DAYS=str(WINDOW_DAYS)
    )  # fmt: skip


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("late")
    for name, columns in landing_objects().items():
        write_empty_file(folder / "landing", *name.split("__", 1), columns)
    run_dbt(folder, "seed", "-s", "currency_rates")
    first = dt.datetime(2026, 6, 1, 6)
    land_and_build(folder, "2026-05-31", first, [event("history", "2024-01-01T00:00:00Z")])
    second = dt.datetime(2026, 7, 1, 6)
    land_and_build(
        folder, "2026-06-30", second,
        [
            event("on time", "2026-06-30T12:00:00Z"),
            event("within", "2026-06-01T06:00:00Z"),
            event("beyond", "2026-06-01T05:59:59Z"),
            event("history", "2024-01-01T00:00:00Z", workspace="changed too late"),
        ],
    )  # fmt: skip
    return folder


def rows(data_dir: Path, query: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(data_dir / "warehouse.duckdb"), read_only=True) as connection:
        return connection.execute(query).fetchall()


def test_events_within_the_window_change_history_and_later_ones_do_not(data_dir: Path):
    found = rows(data_dir, "select event_ref, workspace_ref from silver.received_usage_events order by 1")
    assert found == [("history", "w1"), ("on time", "w1"), ("within", "w1")]


def test_late_events_stay_in_bronze_and_are_listed_with_file_and_line(data_dir: Path):
    assert rows(data_dir, "select count(*) from bronze.product__events") == [(5,)]
    listed = "select object, source_ref, late_days, source_file, source_line from gold.late_rows order by 2"
    assert rows(data_dir, listed) == [
        ("events", "beyond", 30, "product/events/2026-06-30.parquet", 3),
        ("events", "history", 912, "product/events/2026-06-30.parquet", 4),
    ]  # fmt: skip


def test_each_file_is_loaded_once(data_dir: Path):
    loaded = rows(data_dir, "select object, file, load_number from bronze.loaded_files order by load_number")
    assert [file for _, file, _ in loaded] == ["2026-05-31.parquet", "2026-06-30.parquet"]
    assert loaded[0][2] < loaded[1][2]


def test_a_change_of_code_or_window_builds_the_tables_anew(data_dir: Path):
    run_dbt(
        data_dir, "run", "-s", *TABLES, "late_rows",
        CUSTINT_LATE_ARRIVAL_DAYS="3000", CUSTINT_DBT_FINGERPRINT="another window",
    )  # fmt: skip
    assert rows(data_dir, "select count(*) from silver.received_usage_events") == [(4,)]
    assert rows(data_dir, "select count(*) from gold.late_rows") == [(0,)]
    assert rows(data_dir, "select distinct load_number from bronze.loaded_files") == [(1,)]
