"""What the connector `postgres` makes of types, other shapes, and a server that refuses; against a real one."""

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from postgres_reads import READ_AT, READER_PASSWORD, Table, server_with_reader
from postgres_server import OWNER_PASSWORD, PostgresServer

from dagster_project.ingest.postgres.connector import Postgres
from dagster_project.ingest.postgres.landing import TableLanding
from dagster_project.ingest.streams import SourceError


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with server_with_reader() as running:
        yield running


@pytest.fixture
def users(server: PostgresServer, tmp_path: Path) -> Table:
    return Table(server, tmp_path)


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
