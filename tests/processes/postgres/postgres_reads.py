"""What the tests of the PostgreSQL connector share: the server with a reader, and a table with its landing."""

import datetime as dt
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
from postgres_server import OWNER, OWNER_PASSWORD, PostgresServer, postgres_server

from dagster_project.ingest.postgres.connector import Postgres
from dagster_project.ingest.streams import Landed

READ_AT = dt.datetime(2026, 10, 1, 2)
LAG_SECONDS = 300
READER_PASSWORD = "s3cret/@:%word"
CONTRACT_COLUMNS = """
    id bigint primary key, workspace_id text not null, name text, email text,
    created_at timestamptz not null, updated_at timestamptz
"""
COMPARED = ("id", "workspace_id", "name", "email", "created_at")


@contextmanager
def server_with_reader() -> Iterator[PostgresServer]:
    """A running server with a schema `app` that its role `reader` may read."""
    with postgres_server() as running:
        running.run(
            "set scram_iterations = 1",  # logging in takes 50 ms otherwise
            f"alter role {OWNER} password '{OWNER_PASSWORD}'",
            "create schema app",
            f"create role reader login password '{READER_PASSWORD}'",
            "grant usage on schema app to reader",
            "alter default privileges in schema app grant select on tables to reader",
        )
        yield running


class Table:
    """A table of users of its own, and the landing of its connector."""

    numbers = itertools.count()

    def __init__(self, server: PostgresServer, landing_dir: Path, columns: str = CONTRACT_COLUMNS) -> None:
        self.server = server
        self.landing_dir = landing_dir
        self.name = f"app.users_{next(self.numbers)}"
        self.days = itertools.count()
        server.run(f"create table {self.name} ({columns})")

    def run(self, *statements: str) -> None:
        self.server.run(*(statement.replace("{t}", self.name) for statement in statements))

    def fill(self, count: int, first: int = 1, stamp: str = "timestamptz '2026-01-01 00:00+00'") -> None:
        """Users whose stamps go up in steps that seven of them share."""
        self.run(
            f"""insert into {{t}} (id, workspace_id, name, email, created_at, updated_at)
            select i, 'ws-' || i % 50, 'Person ' || i, 'p' || i || '@example.com', {stamp},
                {stamp} + i / 7 * interval '1 s'
            from generate_series({first}, {first + count - 1}) as i"""
        )

    def connector(self, object_name: str = "users", batch_rows: int = 1000, setting: str = "") -> Postgres:
        tables = (f"{object_name}={setting or self.name}",)
        return Postgres(self.server.url(), tables, self.landing_dir, batch_rows, LAG_SECONDS, 60)

    def land(self, object_name: str = "users", batch_rows: int = 1000, setting: str = "") -> Landed:
        connector = self.connector(object_name, batch_rows, setting)
        (landed,) = connector.land(READ_AT + dt.timedelta(days=next(self.days)))
        return landed

    def land_well(self, object_name: str = "users", batch_rows: int = 1000, setting: str = "") -> Landed:
        landed = self.land(object_name, batch_rows, setting)
        assert (landed.failure, landed.refused) == ("", "")
        assert landed.fetched_row_count == landed.landed_row_count + landed.repeated_row_count
        return landed

    def landed(self, object_name: str = "users") -> duckdb.DuckDBPyRelation:
        files = self.landing_dir / "product" / object_name / "*Z-*-postgres.parquet"
        return duckdb.read_parquet(str(files), union_by_name=True)

    def newest(self) -> list[tuple]:
        """The rows that silver takes for the truth: the newest version of each key, unless it is deleted."""
        rows = self.landed()  # noqa: F841, DuckDB finds it by its name
        return duckdb.sql(f"""
            select {", ".join(COMPARED)} from rows
            qualify row_number() over (
                partition by id order by updated_at desc, _loaded_at desc, _source_file desc, _source_line desc
            ) = 1 and not coalesce(is_deleted, false)
            order by id
        """).fetchall()

    def truth(self) -> list[tuple]:
        """The rows of the table."""
        return self.server.rows(f"""
            select id::text, workspace_id, name, email, timezone('UTC', created_at) from {self.name}
            order by id::text collate "C"
        """)
