"""The connector `postgres` against a real server: what lies in landing is what the table holds, whatever happens."""

import datetime as dt
import itertools
import json
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from postgres_server import OWNER, OWNER_PASSWORD, PostgresServer, postgres_server

from dagster_project.contracts import landing_contract
from dagster_project.ingest.postgres import Postgres, parse_table
from dagster_project.ingest.postgres_landing import TableLanding
from dagster_project.ingest.postgres_session import PostgresSession
from dagster_project.ingest.streams import Landed, SourceError

PROJECT = Path(__file__).resolve().parents[3]
READ_AT = dt.datetime(2026, 10, 1, 2)
LAG_SECONDS = 300
READER_PASSWORD = "s3cret/@:%word"
CONTRACT_COLUMNS = """
    id bigint primary key, workspace_id text not null, name text, email text,
    created_at timestamptz not null, updated_at timestamptz
"""
COMPARED = ("id", "workspace_id", "name", "email", "created_at")


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
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


@pytest.fixture
def users(server: PostgresServer, tmp_path: Path) -> Table:
    return Table(server, tmp_path)


@pytest.mark.parametrize(
    ("text", "table", "cursor", "key"),
    [
        ("users=app.users", "app.users", "updated_at", "id"),
        ("workspaces=app.spaces:changed", "app.spaces", "changed", "id"),
        (" events=public.events:received_at:event_id", "public.events", "received_at", "event_id"),
        ("events=public.Event Log", "public.Event Log", "received_at", "event_id"),
    ],
)
def test_a_table_is_written_as_object_table_cursor_and_key(
    text: str, table: str, cursor: str, key: str
) -> None:
    found = parse_table(text)
    assert (found.name, found.cursor_column, found.key_column) == (table, cursor, key)


@pytest.mark.parametrize(
    "text", ["", "users", "users=users", "orders=app.orders", "users=a.b:c:d:e", "users=a.b:"]
)
def test_a_table_that_is_written_otherwise_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not <object>=<schema>\.<table>") as refused:
        parse_table(text)
    assert "\n" not in str(refused.value)


def test_an_object_has_one_table(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="make one view of them"):
        Postgres("postgresql://h/d", ("users=a.b", "users=a.c"), tmp_path, 1000, 300, 60)


def test_the_first_read_lands_the_table_and_the_second_nothing(users: Table) -> None:
    users.fill(2500)
    first = users.land_well()
    assert (first.fetched_row_count, first.landed_row_count) == (2500, 2500)
    assert users.newest() == users.truth()
    assert len(list((users.landing_dir / "product/users").glob("*-postgres.parquet"))) == 3
    second = users.land_well()
    assert second.landed_row_count == 0
    assert second.repeated_row_count > 0
    assert second.cursor_before == second.cursor_after == first.cursor_after
    assert len(list((users.landing_dir / "product/users").glob("*-postgres.parquet"))) == 3


def change(table: Table, count: int) -> None:
    """Inserts, updates and deletions of a table that `fill` filled with `count` rows."""
    stamp = "timestamptz '2026-09-01 00:00+00'"
    table.fill(count // 20, first=count + 1, stamp=stamp)
    table.run(
        f"update {{t}} set name = name || ' changed', updated_at = {stamp} where id % 17 = 0",
        "delete from {t} where id % 13 = 0",
    )


def test_inserts_updates_and_deletions_between_two_reads_are_landed_exactly(users: Table) -> None:
    users.fill(20_000)
    users.land_well(batch_rows=3000)
    change(users, 20_000)
    landed = users.land_well(batch_rows=3000)
    assert users.newest() == users.truth()
    assert landed.landed_row_count == 1000 - 77 + 1176 - 90 + 1538
    assert users.land_well().landed_row_count == 0


@pytest.mark.proof
def test_a_million_rows_and_their_changes_are_landed_exactly(users: Table) -> None:
    users.fill(1_000_000)
    assert users.land_well(batch_rows=100_000).landed_row_count == 1_000_000
    assert users.newest() == users.truth()
    change(users, 1_000_000)
    users.land_well(batch_rows=100_000)
    assert users.newest() == users.truth()
    assert users.land_well(batch_rows=100_000).landed_row_count == 0


def test_a_row_that_commits_late_within_the_lag_is_landed_once(users: Table) -> None:
    users.fill(70)
    users.land_well()
    users.fill(1, first=1000, stamp="timestamptz '2026-01-01 00:00+00' - interval '143 s' + interval '5 s'")
    landed = users.land_well()
    assert landed.landed_row_count == 1
    assert landed.api_call_count == 4  # seen by its cursor: the keys were not fetched
    assert users.newest() == users.truth()


def test_a_late_row_beyond_the_lag_is_found_even_when_a_deletion_leaves_the_count_as_it_was(
    users: Table,
) -> None:
    users.fill(5000)
    users.land_well()
    users.fill(1, first=9000, stamp="timestamptz '2020-01-01 00:00+00'")
    users.run("delete from {t} where id = 17")
    landed = users.land_well()
    assert landed.landed_row_count == 2
    assert users.newest() == users.truth()


def test_an_update_with_an_older_stamp_is_landed_above_the_version_before(users: Table) -> None:
    users.fill(5000)
    users.land_well()
    users.run("update {t} set name = 'Restored', updated_at = '2019-01-01 00:00+00' where id in (3, 4999)")
    assert users.land_well().landed_row_count == 2
    assert users.newest() == users.truth()
    assert users.land_well().landed_row_count == 0


def test_a_deleted_row_that_comes_back_as_it_was_is_alive_again(users: Table) -> None:
    users.fill(100)
    users.run("create table {t}_backup as select * from {t}")
    users.land_well()
    for _ in range(2):
        users.run("delete from {t} where id in (5, 99)")
        assert users.land_well().landed_row_count == 2
        assert users.newest() == users.truth()
        users.run("insert into {t} select * from {t}_backup where id in (5, 99)")
        assert users.land_well().landed_row_count == 2
        assert users.newest() == users.truth()
    assert users.land_well().landed_row_count == 0


def test_an_emptied_table_leaves_nobody_alive(users: Table) -> None:
    users.fill(100)
    users.land_well()
    users.run("truncate {t}")
    assert users.land_well().landed_row_count == 100
    assert users.newest() == []
    assert users.land_well().landed_row_count == 0


def test_an_empty_table_is_read(users: Table) -> None:
    assert users.land_well().fetched_row_count == 0
    users.fill(3)
    assert users.land_well().landed_row_count == 3


def test_a_stamp_from_the_future_does_not_hide_what_changes_before_it(users: Table) -> None:
    users.fill(50)
    users.fill(1, first=51, stamp="timestamptz '2200-01-01 00:00+00'")
    users.run("insert into {t} values (52, 'ws-1', null, null, now(), 'infinity')")
    landed = users.land_well()
    assert "2199" not in landed.cursor_after
    assert "2200" not in landed.cursor_after
    assert users.land_well().landed_row_count == 0
    users.run("update {t} set name = 'New', updated_at = now() where id = 7")
    assert users.land_well().landed_row_count == 1
    assert users.landed().filter("name = 'New'").project("id").fetchall() == [("7",)]


def test_rows_without_a_cursor_are_landed_for_quarantine_and_their_deletion_is_seen(users: Table) -> None:
    users.fill(10)
    users.run("insert into {t} values (11, 'ws-1', 'No stamp', null, now(), null)")
    assert users.land_well().landed_row_count == 11
    users.run("insert into {t} values (12, 'ws-1', 'No stamp', null, now(), null)")
    assert users.land_well().landed_row_count == 1
    assert users.land_well().landed_row_count == 0


def test_types_of_all_kinds_are_landed_or_rejected_row_by_row(server: PostgresServer, tmp_path: Path) -> None:
    server.run("create type app.mood as enum ('glad', 'sad')")
    users = Table(
        server,
        tmp_path,
        """id uuid primary key, workspace_id int, name varchar(50), email app.mood, created_at date,
        updated_at timestamp, price numeric, facts jsonb, tags text[],
        "Odd ""name" char(3), ratio float8, seen timestamptz, raw bytea""",
    )
    moments = {
        "0": ("2024-02-29", "2026-01-01 12:00:00.123456"),
        "1": ("infinity", "2026-01-01 12:00:01"),
        "2": ("2024-02-29", "-infinity"),
        "3": ("0044-03-15 BC", "2026-01-01 12:00:02"),
        "4": ("2024-02-29", "294276-12-31 23:59:59"),
        "5": ("2024-02-29", "infinity"),
    }
    for number, (created, updated) in moments.items():
        users.run(f"""
            insert into {{t}} values ('00000000-0000-0000-0000-00000000000{number}', 7, 'Zoë 😀 {number}', 'glad',
                '{created}', '{updated}', 12345678901234567890.10,
                '{{"a": [1, null, "\\u00e9"]}}', array['x', null, 'y,"'],
                'ab', 'NaN', 'infinity', '\\x00ff')
        """)
    landed = users.land_well()
    assert (landed.landed_row_count, landed.rejected_row_count) == (6, 5)
    columns = "id, workspace_id, name, email, created_at, updated_at, extra, _reject_column, _reject_reason"
    rows = users.landed().project(columns).order("id").fetchall()
    good = rows[0]
    assert good[:6] == (
        "00000000-0000-0000-0000-000000000000",
        "7",
        "Zoë 😀 0",
        "glad",
        dt.datetime(2024, 2, 29),
        dt.datetime(2026, 1, 1, 12, 0, 0, 123456),
    )
    assert '"price":12345678901234567890.10,' in good[6]
    extra = json.loads(good[6])
    assert extra == {
        "price": pytest.approx(12345678901234567890.10),
        "facts": {"a": [1, None, "é"]},
        "tags": ["x", None, 'y,"'],
        'Odd "name': "ab ",
        "ratio": "NaN",
        "seen": "infinity",
        "raw": "\\x00ff",
    }
    assert [row[7] for row in rows] == [
        None,
        "created_at",
        "updated_at",
        "created_at",
        "updated_at",
        "updated_at",
    ]
    assert rows[1][8] == "created_at: infinite, or not between the years 1 and 9999"
    assert users.land_well().landed_row_count == 0


def test_a_text_of_ten_megabytes_is_landed(users: Table) -> None:
    users.run("insert into {t} values (1, 'ws-1', repeat('é', 5000000), null, now(), now())")
    users.land_well()
    assert users.landed().aggregate("max(strlen(name))").fetchone() == (10_000_000,)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            "rename column updated_at to changed_at",
            "required column updated_at is missing; there are changed_at (renamed?)",
        ),
        ("drop column workspace_id", "required column workspace_id is missing"),
        ("alter column created_at type text", "required column created_at is text, not a time"),
        (
            "alter column updated_at type text",
            "column updated_at is text, not a time, and cannot be the cursor",
        ),
        (
            "alter column workspace_id type text[] using array['a']",
            "required column workspace_id is _text, not text",
        ),
    ],
)
def test_a_required_column_that_is_gone_or_retyped_sets_the_object_aside(
    users: Table, change: str, said: str
) -> None:
    users.fill(5)
    users.land_well()
    users.run(f"alter table {{t}} {change}")
    landed = users.land()
    assert landed.refused == f"product users ({users.name}): {said}; nothing of it was read"
    assert landed.landed_row_count == 0


def test_a_new_column_is_kept_and_named_once(users: Table) -> None:
    users.fill(5)
    assert users.land_well().new_fields == ()
    users.run(
        "alter table {t} add plan text default 'pro', alter column name type jsonb using to_jsonb(name)"
    )
    users.run("update {t} set updated_at = '2026-05-01 00:00+00' where id = 2")
    landed = users.land_well()
    assert landed.new_fields == ("name", "plan")
    extra = users.landed().filter("updated_at > '2026-04-01'").project("name, extra").fetchall()
    assert extra == [(None, '{"name":"Person 2","plan":"pro"}')]
    assert users.land_well().new_fields == ()


def test_the_setting_may_name_another_cursor_and_key(server: PostgresServer, tmp_path: Path) -> None:
    columns = "number int primary key, workspace_id text, created_at timestamptz, changed timestamptz"
    users = Table(server, tmp_path, columns)
    users.run(
        "insert into {t} values (1, 'ws', now(), '2026-01-01 10:00+02'), (2, 'ws', now(), '2026-01-02 00:00+00')"
    )
    users.land_well(setting=f"{users.name}:changed:number")
    rows = users.landed().project("id, updated_at").order("id").fetchall()
    assert rows == [("1", dt.datetime(2026, 1, 1, 8)), ("2", dt.datetime(2026, 1, 2))]


def test_a_view_is_read_and_one_that_repeats_keys_is_refused(users: Table) -> None:
    users.fill(20)
    users.run(
        "create view {t}_view as select * from {t} where id < 10",
        "create view {t}_twice as select * from {t} union all select * from {t} where id = 3",
    )
    assert users.land_well(setting=f"{users.name}_view").landed_row_count == 9
    refused = users.land(setting=f"{users.name}_twice").refused
    assert "column id is not a key, 1 rows repeat one; name another in CUSTINT_POSTGRES_TABLES" in refused


def test_another_table_in_the_setting_replaces_the_first_ones_rows(
    server: PostgresServer, users: Table
) -> None:
    users.fill(100)
    users.land_well()
    other = Table(server, users.landing_dir)
    other.days = users.days
    other.fill(60, first=50)
    other.land_well()
    assert other.newest() == other.truth()


def test_events_are_only_added_and_their_deletion_is_no_news(server: PostgresServer, tmp_path: Path) -> None:
    events = Table(
        server,
        tmp_path,
        """event_id text, workspace_id text, event_name text, quantity numeric, duration_seconds int,
        occurred_at timestamptz, received_at timestamptz""",
    )
    insert = """insert into {t} select 'e' || i, 'ws', 'used', i, 3, timestamptz '2026-01-01 00:00+00',
        timestamptz '2026-01-01 00:00+00' + i * interval '1 s' from generate_series"""
    events.run(f"{insert}(1, 1000) as i")
    events.land_well("events")
    events.run("delete from {t} where event_id < 'e5'", f"{insert}(901, 1010) as i where i = 950 or i > 1000")
    events.run("update {t} set quantity = 1.5 where event_id = 'e1010'")
    landed = events.land_well("events")
    assert (landed.landed_row_count, landed.rejected_row_count) == (10, 1)
    assert events.land_well("events").landed_row_count == 0
    assert events.landed("events").aggregate("count(*), count(distinct event_id)").fetchone() == (1010, 1010)
    reasons = (
        events.landed("events").filter("_reject_reason is not null").project("_reject_column, _reject_reason")
    )
    assert reasons.fetchall() == [("quantity", "quantity: 1.5 is not a whole number")]


def test_all_queries_of_a_table_see_one_snapshot_that_cannot_be_written(server: PostgresServer) -> None:
    session = PostgresSession(server.url(), timeout_seconds=60)
    with session.connected() as connection, session.transaction(connection, "it") as transaction:
        names = ("transaction_isolation", "transaction_read_only", "statement_timeout", "timezone")
        settings = transaction.rows("select " + ", ".join(f"current_setting('{n}') as {n}" for n in names))
    assert list(settings[0].values()) == ["repeatable read", "on", "1min", "UTC"]


def reader_url(server: PostgresServer, password: str = READER_PASSWORD, database: str = "postgres") -> str:
    encoded = "".join(f"%{byte:02X}" for byte in password.encode())
    return f"postgresql://reader:{encoded}@127.0.0.1:{server.port}/{database}"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda url: url.replace("@", "x@", 1), "cannot connect: the password or the user is wrong"),
        (lambda url: url.replace("/postgres", "/nowhere"), "cannot connect: the database does not exist"),
        (lambda url: url[: url.rindex(":")] + ":1/postgres", "cannot connect: nothing listens there"),
        (lambda url: f"postgresql://reader:{READER_PASSWORD}@127.0.0.1:1/x", "cannot connect: "),
        (
            lambda url: url.replace("postgresql", "mysql"),
            "CUSTINT_POSTGRES_URL must begin with postgresql://",
        ),
    ],
)
def test_a_source_that_lets_nobody_in_says_why_and_never_the_password(
    server: PostgresServer, tmp_path: Path, change: object, said: str
) -> None:
    url = change(reader_url(server))  # type: ignore[operator]
    connector = Postgres(url, ("users=app.users", "events=app.events"), tmp_path, 1000, 300, 5)
    failures = [landed.failure for landed in connector.land(READ_AT)]
    assert len(failures) == 2
    with pytest.raises(SourceError) as error:
        connector.probe()
    assert error.value.stops_source
    for message in (*failures, str(error.value)):
        assert said in message
        assert "\n" not in message
        assert not any(piece in message for piece in ("s3cret", "%73", "word@", READER_PASSWORD))


def test_a_failing_table_does_not_keep_the_others_back(server: PostgresServer, users: Table) -> None:
    users.fill(4)
    users.run(
        "create schema hidden", "create table hidden.users (id int)", "create table app.secret (id int)"
    )
    users.run("revoke all on app.secret from reader")
    tables = ("workspaces=app.secret", "events=app.nothing", f"users={users.name}")
    connector = Postgres(reader_url(server), tables, users.landing_dir, 1000, 300, 60)
    secret, nothing, good = connector.land(READ_AT)
    assert "permission denied; grant usage on its schema and select on it" in secret.refused
    assert "there is no such table or view; check CUSTINT_POSTGRES_TABLES" in nothing.refused
    assert (good.landed_row_count, good.refused, good.failure) == (4, "", "")
    probes = connector.probe()
    assert [probe.is_visible for probe in probes] == [False, False, True]
    assert probes[2].newest.startswith("2026-01-01 00:00:00")
    hidden = Postgres(reader_url(server), ("users=hidden.users",), users.landing_dir, 1000, 300, 60)
    assert "permission denied" in next(iter(hidden.land(READ_AT))).refused


def test_a_column_that_may_not_be_read_is_left_out(server: PostgresServer, users: Table) -> None:
    users.fill(4)
    users.run(
        "revoke select on {t} from reader",
        "grant select (id, workspace_id, created_at, updated_at) on {t} to reader",
    )
    connector = Postgres(reader_url(server), (f"users={users.name}",), users.landing_dir, 1000, 300, 60)
    (landed,) = connector.land(READ_AT)
    assert (landed.landed_row_count, landed.failure, landed.refused) == (4, "", "")
    assert users.landed().project("id, email, extra").order("id").fetchone() == ("1", None, None)
    users.run("revoke select on {t} from reader", "grant select (id, updated_at) on {t} to reader")
    (landed,) = connector.land(READ_AT)
    assert "permission denied for required column workspace_id" in landed.refused


def test_a_query_that_takes_too_long_says_which_setting_to_raise(users: Table) -> None:
    users.fill(2000)
    users.run(
        "create view {t}_slow as select *, case when id > 1500 then pg_sleep(0.01)::text end as slow from {t}",
    )
    tables = (f"users={users.name}_slow",)
    connector = Postgres(users.server.url(), tables, users.landing_dir, 100, 300, 0.4)
    (landed,) = connector.land(READ_AT)
    assert "took too long; raise CUSTINT_POSTGRES_TIMEOUT_SECONDS" in landed.failure
    assert OWNER_PASSWORD not in landed.failure


def test_a_connection_that_breaks_keeps_what_was_landed_and_the_next_read_goes_on(
    users: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    row_count = 12_000  # 48 MB, more than waits in the buffers between the server and here
    users.fill(row_count)
    users.run("update {t} set name = repeat('x', 4000) || id")
    take = TableLanding.take
    others = "pid <> pg_backend_pid() and backend_type = 'client backend'"
    ends = iter([f"select pg_terminate_backend(pid) from pg_stat_activity where {others}"])

    def end_the_connection(self: TableLanding, *arguments: object) -> None:
        take(self, *arguments)  # type: ignore[arg-type]
        for statement in ends:
            users.run(statement)

    monkeypatch.setattr(TableLanding, "take", end_the_connection)
    connector = Postgres(
        users.server.url(), (f"users={users.name}", "events=app.events"), users.landing_dir, 1000, 300, 60
    )
    landed, other = connector.land(READ_AT)
    assert "the server ended the connection; the next run goes on from the last batch" in landed.failure
    assert other.failure == landed.failure
    assert 0 < landed.landed_row_count < row_count
    monkeypatch.undo()
    next(users.days)
    rest = users.land_well()
    assert rest.landed_row_count == row_count - landed.landed_row_count
    assert rest.fetched_row_count < row_count
    assert users.newest() == users.truth()


READER_PROCESS = """
import datetime as dt, os, signal, sys, time
from pathlib import Path
from dagster_project.ingest.postgres import Postgres

url, table, landing_dir = sys.argv[1:]
connector = Postgres(url, (f"users={table}",), Path(landing_dir), 200, 300, 60)
print("ready", flush=True)
for line in sys.stdin:
    read_at, seconds = line.split()
    child = os.fork()
    if child == 0:
        list(connector.land(dt.datetime.fromisoformat(read_at)))
        os._exit(0)
    time.sleep(float(seconds))
    os.kill(child, signal.SIGKILL)
    print("killed" if os.WIFSIGNALED(os.waitpid(child, 0)[1]) else "too late", flush=True)
"""


def kill_while_landing(users: Table, kills: int, row_count: int, seed: int) -> None:
    """Change the table, begin to land it, and kill the process at some moment; then let one read come to its end."""
    chance = random.Random(seed)
    users.fill(row_count)
    command = [sys.executable, "-c", READER_PROCESS, users.server.url(), users.name, str(users.landing_dir)]
    reader = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=PROJECT)
    assert reader.stdin
    assert reader.stdout
    assert reader.stdout.readline() == "ready\n"
    ends = set()
    for turn in range(kills):
        read_at = READ_AT + dt.timedelta(days=next(users.days))
        reader.stdin.write(f"{read_at.isoformat()} {chance.random() * row_count / 8000}\n")
        reader.stdin.flush()
        ends.add(reader.stdout.readline())
        stamp = f"timestamptz '2026-02-01 00:00+00' + {turn} * interval '1 h'"
        users.fill(row_count // 4, first=row_count * (turn + 2), stamp=stamp)
        users.run(
            f"update {{t}} set name = name || '{turn}', updated_at = {stamp} where id % {turn + 3} = 0",
            f"delete from {{t}} where id % 23 = {turn % 23}",
        )
    reader.stdin.close()
    reader.wait(timeout=30)
    assert "killed\n" in ends
    users.land_well()
    assert users.newest() == users.truth()
    assert list((users.landing_dir / "product/users").glob("*-postgres.partial")) == []
    content = ", ".join((*COMPARED, "updated_at", "coalesce(is_deleted, false)"))
    assert users.landed().aggregate(f"{content}, count(*) as n").filter("n > 1").fetchall() == []
    assert users.land_well().landed_row_count == 0


def test_a_kill_at_any_moment_neither_misses_nor_doubles_a_row(users: Table) -> None:
    kill_while_landing(users, kills=4, row_count=4000, seed=7)


@pytest.mark.proof
@pytest.mark.parametrize("seed", range(5))
def test_many_kills_neither_miss_nor_double_a_row(users: Table, seed: int) -> None:
    kill_while_landing(users, kills=12, row_count=20_000, seed=seed)


def test_the_landing_object_of_each_table_is_in_the_contracts() -> None:
    for name in ("workspaces", "users", "events"):
        contract = landing_contract(parse_table(f"{name}=a.b").object_name)
        assert len(contract.key) == 1
