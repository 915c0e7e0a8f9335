"""Event files into landing and bronze, beside DuckDB's own `create table as select` of the same Parquet files.

Run it with `make bench`. Both write a table into a DuckDB file, in one process with the same settings, in turns; the
best of each counts. Bronze is the real dbt model with its hooks, by dbt's own clock; what dbt needs to start is the
same for one model and for all, and shown by itself. PostgreSQL is `postgres_reads.py`.
"""

import argparse
import datetime as dt
import os
import resource
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import duckdb

PROJECT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(PROJECT), str(PROJECT / "tests")]

from dbt_in_process import run_dbt  # noqa: E402

from dagster_project.contracts import landing_objects  # noqa: E402
from dagster_project.ingest.events.connector import EventFiles  # noqa: E402
from dagster_project.ingest.landing import write_empty_file  # noqa: E402

READ_AT = dt.datetime(2026, 10, 1, 2)
WRITTEN_AT = dt.datetime(2026, 9, 30, tzinfo=dt.UTC).timestamp()
SHARE_BAR = 0.60
NOTHING_NEW_SHARE_BAR = 0.10
FILE_COUNT = 8
EVENTS = """
    select
        'evt_' || i as event_id,
        'ws_' || hash(i // 97) % 20000 as workspace_id,
        'u_' || hash(i // 97) % 20000 || '_' || hash(i // 31) % 20 as user_id,
        's_' || i // 5 as session_id,
        feature || '_used' as event_name,
        feature,
        cast(hash(i + 1) % 20 as bigint) as quantity,
        cast(hash(i + 2) % 3000 as bigint) as duration_seconds,
        cast(hash(i + 3) % 50 = 0 as bigint) as error_count,
        timestamp '2026-01-01' + to_milliseconds(i * 2000 + cast(hash(i) % 1000 as bigint)) as occurred_at,
        occurred_at + to_seconds(cast(hash(i + 4) % 600 as bigint)) as received_at
    from (
        select
            i,
            list_extract(
                ['reports', 'export', 'dashboard', 'api', 'search', 'share', 'comment', 'import'],
                cast(1 + hash(i) % 8 as bigint)
            ) as feature
        from range({start}, {end}) as numbers(i)
    )
"""
SEGMENT = """
    select
        event_id as "messageId",
        'track' as type,
        user_id as "userId",
        event_name as event,
        {'groupId': workspace_id, 'sessionId': session_id} as context,
        {'feature': feature, 'quantity': quantity, 'duration_seconds': duration_seconds} as properties,
        strftime(occurred_at, '%Y-%m-%dT%H:%M:%S.%gZ') as timestamp,
        strftime(received_at, '%Y-%m-%dT%H:%M:%S.%gZ') as "receivedAt"
    from events
"""


@dataclass(frozen=True)
class Run:
    """Wall seconds of one run: landing, bronze by dbt's clock, and dbt around it."""

    landing: float
    bronze: float
    dbt_start: float

    @property
    def total(self) -> float:
        """Landing and bronze."""
        return self.landing + self.bronze


def make_parquet(folder: Path, row_count: int) -> None:
    """Events in our own shape, typed, in `FILE_COUNT` files."""
    folder.mkdir()
    bounds = [row_count * number // FILE_COUNT for number in range(FILE_COUNT + 1)]
    with duckdb.connect() as connection:
        for number, (start, end) in enumerate(zip(bounds[:-1], bounds[1:], strict=True)):
            path = folder / f"events-{number}.parquet"
            connection.execute(f"copy ({EVENTS.format(start=start, end=end)}) to '{path}' (compression zstd)")
            os.utime(path, (WRITTEN_AT, WRITTEN_AT))


def make_segment(folder: Path, row_count: int) -> None:
    """The same events as lines of a Segment export, in one file."""
    folder.mkdir()
    path = folder / "segment.ndjson"
    with duckdb.connect() as connection:
        connection.execute(f"create view events as {EVENTS.format(start=0, end=row_count)}")
        connection.execute(f"copy ({SEGMENT}) to '{path}' (format json)")
    os.utime(path, (WRITTEN_AT, WRITTEN_AT))


def create_table_as(source: Path, folder: Path) -> float:
    """Wall seconds of DuckDB alone, into a file of its own."""
    path = folder / "alone.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("set TimeZone = 'UTC'")
        began = time.perf_counter()
        connection.execute(f"create table events as select * from read_parquet('{source}/*.parquet')")
        seconds = time.perf_counter() - began
    path.unlink()
    return seconds


def new_data_dir(data_dir: Path) -> None:
    """A data folder in which nothing has landed."""
    for name, columns in landing_objects().items():
        system, object_name = name.split("__", 1)
        write_empty_file(data_dir / "landing", system, object_name, columns)
    run_dbt(data_dir, "seed", "--select", "currency_rates")


def land_and_build(source: Path, data_dir: Path, row_count: int, day: int = 0) -> Run:
    """One run of the source and of its bronze model; `row_count` new rows are expected."""
    began = time.perf_counter()
    (landed,) = EventFiles(str(source), data_dir / "landing").land(READ_AT + dt.timedelta(days=day))
    landing = time.perf_counter() - began
    assert (landed.refused, landed.landed_row_count) == ("", row_count)
    began = time.perf_counter()
    results = run_dbt(data_dir, "run", "--select", "product__events")
    bronze = sum(float(result.execution_time) for result in results if result.node.name == "product__events")
    return Run(landing, bronze, time.perf_counter() - began - bronze)


def measure(row_count: int, segment_row_count: int, repeats: int) -> bool:
    """Measure and print; whether both bars are met."""
    alone: list[float] = []
    first: list[Run] = []
    second: list[Run] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_parquet(folder / "parquet", row_count)
        make_segment(folder / "segment", segment_row_count)
        for turn in range(repeats):
            alone.append(create_table_as(folder / "parquet", folder))
            data_dir = folder / f"data-{turn}"
            new_data_dir(data_dir)
            first.append(land_and_build(folder / "parquet", data_dir, row_count))
            second.append(land_and_build(folder / "parquet", data_dir, 0, day=1))
            shutil.rmtree(data_dir)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        began = time.perf_counter()
        list(EventFiles(str(folder / "segment"), folder / "landing").land(READ_AT))
        segment_seconds = time.perf_counter() - began
    best, nothing = (min(runs, key=lambda run: run.total) for runs in (first, second))
    share, nothing_share = min(alone) / best.total, nothing.total / best.total
    print(f"\nevent files, {row_count:,} rows of Parquet       seconds        rows/s")
    for label, seconds in (
        ("DuckDB's own create table as select", min(alone)),
        ("landing", best.landing),
        ("bronze", best.bronze),
        ("landing and bronze", best.total),
    ):
        print(f"{label:44}{seconds:8.2f}{row_count / seconds:14,.0f}")
    print(f"{'nothing new: landing and bronze':44}{nothing.total:8.2f}")
    print(f"{'dbt, to start (in each run)':44}{best.dbt_start:8.2f}")
    segment_rate = segment_row_count / segment_seconds
    print(
        f"{f'landing {segment_row_count:,} lines of Segment':44}{segment_seconds:8.2f}{segment_rate:14,.0f}"
    )
    print(f"rows/s beside DuckDB's own                  {share:8.0%}   bar {SHARE_BAR:.0%} or more")
    print(
        f"nothing new / first run, seconds            {nothing_share:8.0%}   bar below {NOTHING_NEW_SHARE_BAR:.0%}"
    )
    print(f"peak memory                                 {memory:8,.0f} MB")
    return share >= SHARE_BAR and nothing_share < NOTHING_NEW_SHARE_BAR


def main() -> None:
    """Measure, print, and fail below a bar."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--segment-rows", type=int, default=500_000)
    parser.add_argument("--repeats", type=int, default=2)
    arguments = parser.parse_args()
    if not measure(arguments.rows, arguments.segment_rows, arguments.repeats):
        sys.exit("a bar is not met")


if __name__ == "__main__":
    main()
