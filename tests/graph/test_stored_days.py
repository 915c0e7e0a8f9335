"""Days of a table that a step writes: those of another shape make way, and another day is read where it is there."""

import datetime as dt

import dagster as dg
import duckdb
import polars as pl
import pytest

from dagster_project.defs import warehouse_io
from dagster_project.defs.warehouse_io import WarehouseIOManager, stored_day

DAYS = dg.DailyPartitionsDefinition(start_date="2026-09-01", end_date="2026-10-05")
DAY, NEXT_DAY = dt.date(2026, 9, 29), dt.date(2026, 9, 30)


@pytest.fixture
def path(tmp_path, monkeypatch):
    found = tmp_path / "warehouse.duckdb"
    monkeypatch.setattr(warehouse_io, "read_warehouse", lambda: duckdb.connect(str(found), read_only=True))
    return found


def write(path, day: dt.date, frame: pl.DataFrame) -> None:
    @dg.asset(key=["gold", "customer_scores"], partitions_def=DAYS, metadata={"partition_expr": "as_of_date"})
    def scores() -> pl.DataFrame:
        return frame

    resources = {"io_manager": WarehouseIOManager(database=str(path))}
    assert dg.materialize([scores], resources=resources, partition_key=str(day)).success


def rows(path) -> list[tuple]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute("from gold.customer_scores order by all").fetchall()


def scored(day: dt.date, **columns: list) -> pl.DataFrame:
    return pl.DataFrame({"customer_id": ["c1"], "as_of_date": [day]} | columns)


def test_days_of_the_same_columns_stand_beside_each_other(path):
    write(path, DAY, scored(DAY, score=[1]))
    write(path, NEXT_DAY, scored(NEXT_DAY, score=[2]))
    assert rows(path) == [("c1", DAY, 1), ("c1", NEXT_DAY, 2)]


@pytest.mark.parametrize("is_empty", [False, True])
def test_days_of_other_columns_make_way(path, is_empty: bool):
    write(path, DAY, scored(DAY, score=[1]))
    frame = scored(NEXT_DAY, horizon_days=[90], score=[2])
    write(path, NEXT_DAY, frame.clear() if is_empty else frame)
    assert rows(path) == ([] if is_empty else [("c1", NEXT_DAY, 90, 2)])


def test_another_day_is_read_where_it_is_stored_with_these_columns(path):
    write(path, DAY, scored(DAY, score=[1]))
    found = stored_day("gold.customer_scores", ["customer_id", "score"], DAY)
    assert found is not None
    assert found.rows() == [("c1", 1)]
    assert stored_day("gold.customer_scores", ["customer_id", "score"], NEXT_DAY) is None
    assert stored_day("gold.customer_scores", ["customer_id", "horizon_days"], DAY) is None
    assert stored_day("gold.not_there", ["customer_id"], DAY) is None
