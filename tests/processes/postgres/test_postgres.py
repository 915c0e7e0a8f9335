"""The connector `postgres` against a real server: what lies in landing is what the table holds, whatever happens."""

import datetime as dt
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from postgres_reads import COMPARED, READ_AT, Table, server_with_reader
from postgres_server import PostgresServer

from dagster_project.contracts import landing_contract
from dagster_project.ingest.postgres.connector import Postgres, parse_table
from dagster_project.ingest.postgres.session import PostgresSession

PROJECT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with server_with_reader() as running:
        yield running


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


READER_PROCESS = """
import datetime as dt, os, signal, sys, time
from pathlib import Path
from dagster_project.ingest.postgres.connector import Postgres

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
    """The table's own key comes first; what else tells rows apart (time and name of an event) is bronze's."""
    for name, key in {"workspaces": "id", "users": "id", "events": "event_id"}.items():
        contract = landing_contract(parse_table(f"{name}=a.b").object_name)
        assert contract.key[0] == key
