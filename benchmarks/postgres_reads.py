"""Reading a PostgreSQL table of a million rows into landing, beside the driver's bare Arrow fetch of the same query.

Run it with `make bench`. The server is real and local; its data lie in memory by then, and nothing is synced to disk,
so that the ratio is the cost of landing and not of the disk. Two more reads follow the first: with nothing new, and
after 1 % of the rows were inserted, updated or deleted.
"""

import argparse
import datetime as dt
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(PROJECT), str(PROJECT / "tests")]

from postgres_server import PostgresServer, postgres_server  # noqa: E402

from dagster_project.ingest.postgres.connector import Postgres  # noqa: E402

READ_AT = dt.datetime(2026, 10, 1, 2)
FETCH_SHARE_BAR = 0.50
NOTHING_NEW_SHARE_BAR = 0.10
COLUMNS = "id, workspace_id, name, email, created_at, updated_at"


def make_users(server: PostgresServer, row_count: int) -> None:
    """A table `app.users` with the contract's columns and an index on its cursor."""
    server.run(
        "create schema app",
        "create table app.users (id bigint primary key, workspace_id text not null, name text, email text, "
        "created_at timestamptz not null, updated_at timestamptz not null)",
        f"""insert into app.users
            select i, 'ws-' || i % 5000, 'Person ' || i, 'person' || i || '@example.com',
                timestamptz '2024-01-01 00:00+00' + i * interval '20 seconds',
                timestamptz '2025-01-01 00:00+00' + (i::bigint * 7919 % {row_count}) * interval '30 seconds'
            from generate_series(1, {row_count}) as i""",
        "create index on app.users (updated_at)",
    )
    with server.session(autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("vacuum analyze app.users")


def change_one_in_a_hundred(server: PostgresServer, row_count: int) -> None:
    """Inserts, updates and deletions, a third each."""
    each = row_count // 300
    stamp = "timestamptz '2026-09-30 12:00+00'"
    server.run(
        f"insert into app.users select {row_count} + i, 'ws-1', 'New', null, {stamp}, {stamp} "
        f"from generate_series(1, {each}) as i",
        f"update app.users set name = 'Changed', updated_at = {stamp} where id % 300 = 1 and id <= {row_count}",
        f"delete from app.users where id % 300 = 2 and id <= {row_count}",
    )


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Wall seconds, and what came of it."""
    began = time.perf_counter()
    done = work()
    return time.perf_counter() - began, done


def bare_fetch(server: PostgresServer, query: str) -> int:
    """The driver's Arrow fetch alone; the number of rows."""
    with server.session() as connection, connection.cursor() as cursor:
        cursor.execute(query)
        return int(cursor.fetch_arrow_table().num_rows)


def measure(row_count: int, repeats: int = 3) -> dict[str, float]:
    """Best wall seconds of each kind of read, and the peak memory of this process in MB."""
    seconds: dict[str, list[float]] = {"bare": [], "first": [], "nothing": []}
    with tempfile.TemporaryDirectory() as folder, postgres_server() as server:
        make_users(server, row_count)

        def read(landing: str, day: int) -> Any:
            connector = Postgres(
                server.url(), ("users=app.users",), Path(folder) / landing, 100_000, 300, 600
            )
            (landed,) = connector.land(READ_AT + dt.timedelta(days=day))
            assert not landed.failure
            assert not landed.refused
            return landed

        for turn in range(repeats):
            query = f"select {COLUMNS} from app.users order by updated_at"
            seconds["bare"].append(timed(lambda query=query: bare_fetch(server, query))[0])
            first, landed = timed(lambda turn=turn: read(f"landing-{turn}", 0))
            assert landed.landed_row_count == row_count
            seconds["first"].append(first)
            nothing, landed = timed(lambda turn=turn: read(f"landing-{turn}", 1))
            assert landed.landed_row_count == 0
            seconds["nothing"].append(nothing)
        change_one_in_a_hundred(server, row_count)
        changes, landed = timed(lambda: read("landing-0", 2))
        assert landed.landed_row_count == row_count // 300 * 3 or row_count % 300
    best = {name: min(values) for name, values in seconds.items()}
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return best | {"changes": changes, "memory_mb": memory}


def report(row_count: int) -> bool:
    """Measure and print; whether both bars are met."""
    found = measure(row_count)
    fetch_share = found["bare"] / found["first"]
    nothing_share = found["nothing"] / found["first"]
    print(f"\nPostgreSQL, {row_count:,} rows{'':14}seconds      rows/s")
    for name, label in (("bare", "bare Arrow fetch"), ("first", "first read into landing")):
        print(f"{label:36}{found[name]:8.2f}{row_count / found[name]:12,.0f}")
    print(f"{'nothing new':36}{found['nothing']:8.2f}")
    print(f"{'after 1 % of changes':36}{found['changes']:8.2f}")
    print(f"first read / bare fetch, rows/s     {fetch_share:8.1%}   bar {FETCH_SHARE_BAR:.0%} or more")
    print(f"nothing new / first read, seconds   {nothing_share:8.1%}   bar below {NOTHING_NEW_SHARE_BAR:.0%}")
    print(f"peak memory                         {found['memory_mb']:8,.0f} MB")
    return fetch_share >= FETCH_SHARE_BAR and nothing_share < NOTHING_NEW_SHARE_BAR


def main() -> None:
    """Measure, print, and fail below a bar."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    if not report(parser.parse_args().rows):
        sys.exit("a bar is not met")


if __name__ == "__main__":
    main()
