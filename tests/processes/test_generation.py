"""Publishing on real files: what analysts see before, during and after, and when it fails."""

import hashlib
import json
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import duckdb
import pytest

from dagster_project.contracts import Column, Table
from dagster_project.publish.generation import (
    DATABASE_NAME,
    KEPT_GENERATIONS,
    PublishedTable,
    PublishError,
    publish_generation,
)

VALUES = Table(
    name="customer_values",
    description="One row per customer: what it's worth.",
    columns=(
        Column("customer_id", "text", "Customer.", {"required": True}, not_null=True),
        Column("value_amount", "decimal(18,2)", "The customer's value."),
        Column("churn_probability", "double", "Chance to leave."),
    ),
    grain=("customer_id",),
    is_written_by_python=True,
)
DAYS = Table(
    name="dim_day",
    description="One row per day.",
    columns=(
        Column("day_date", "date", "Day.", {"required": True}, not_null=True),
        Column("kind", "text", "Kind of day.", {"accepted": ["work", "rest"]}),
    ),
    grain=("day_date",),
    is_written_by_python=False,
)
TABLES = [VALUES, DAYS]

READER = """
import sys
import duckdb
path = sys.argv[1]
connection = duckdb.connect(path, read_only=True)
count = "select count(*), max(value_amount) from gold.customer_values"
print(connection.execute(count).fetchone(), flush=True)
sys.stdin.readline()
print(connection.execute(count).fetchone(), flush=True)
print(connection.execute("select count(*) from gold.customer_values where value_amount = 1").fetchone(), flush=True)
"""


def write_warehouse(path: Path, rows: int = 3, amount: str = "1.00", order: str = "n") -> Path:
    """A warehouse as runs leave it: the gold tables in some row order, and one that is not published."""
    path.unlink(missing_ok=True)
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema gold")
        connection.execute(
            "create table gold.customer_values as"
            " select 'c' || lpad(cast(n as varchar), 7, '0') as customer_id,"
            f" cast({amount} as decimal(18, 2)) as value_amount,"
            f" (hash(n) % 1000) / 1000.0::double as churn_probability from range({rows}) as numbers(n) order by {order}"
        )
        connection.execute(
            "create table gold.dim_day as select day_date, 'work' as kind from"
            " (select unnest([date '2026-09-29', date '2026-09-30']) as day_date)"
            f" order by {order.replace('n', 'day_date')}"
        )
        connection.execute("create table gold.not_in_a_contract as select 1 as one")
    return path


def publish(folder: Path, generation: str, tables: list[Table] | None = None) -> dict[str, PublishedTable]:
    return publish_generation(
        folder / "warehouse.duckdb",
        folder / "published",
        tables or TABLES,
        generation=generation,
        run_id="run-1",
        as_of_date="2026-09-30",
        code_version="abc",
    )


def ask(folder: Path, query: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(folder / "published" / DATABASE_NAME), read_only=True) as connection:
        return connection.execute(query).fetchall()


def generations(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "published" / "generations").iterdir())


@pytest.fixture
def company(tmp_path: Path) -> Path:
    """A data folder with a warehouse and one published generation of three customers."""
    write_warehouse(tmp_path / "warehouse.duckdb")
    publish(tmp_path, "g1")
    return tmp_path


def test_the_published_database_holds_the_contract_tables_sorted_and_nothing_else(company: Path):
    assert ask(company, "select schema_name, table_name from duckdb_tables() order by all") == [
        ("gold", "customer_values"),
        ("gold", "dim_day"),
    ]
    keys = ask(company, "select customer_id from gold.customer_values")
    assert keys == [("c0000000",), ("c0000001",), ("c0000002",)]


def test_the_parquet_files_hold_the_same_rows_as_the_database(company: Path):
    parquet = company / "published" / "parquet"
    assert sorted(path.name for path in parquet.iterdir()) == ["customer_values.parquet", "dim_day.parquet"]
    for table in TABLES:
        path = parquet / f"{table.name}.parquet"
        (both,) = ask(
            company,
            f"select count(*) from (from gold.{table.name} except all from read_parquet('{path}')"
            f" union all (from read_parquet('{path}') except all from gold.{table.name}))",
        )
        assert both == (0,)


def test_the_public_names_lead_through_one_link_to_one_generation(company: Path):
    published = company / "published"
    assert sorted(path.name for path in published.iterdir()) == [
        "current", DATABASE_NAME, "generations", "manifest.json", "parquet",
    ]  # fmt: skip
    assert (published / "current").readlink() == Path("generations/g1")
    for name in (DATABASE_NAME, "manifest.json", "parquet"):
        assert (published / name).readlink() == Path("current") / name


def test_the_data_folder_can_be_moved_as_a_whole(company: Path, tmp_path_factory: pytest.TempPathFactory):
    moved = tmp_path_factory.mktemp("elsewhere") / "company"
    company.rename(moved)
    assert ask(moved, "select count(*) from gold.customer_values") == [(3,)]


def test_the_manifest_says_what_was_published_and_its_hashes_are_those_of_the_files(company: Path):
    manifest = json.loads((company / "published" / "manifest.json").read_text())
    tables = manifest.pop("tables")
    assert manifest == {"run_id": "run-1", "as_of_date": "2026-09-30", "code_version": "abc"}
    assert {name: entry["rows"] for name, entry in tables.items()} == {"customer_values": 3, "dim_day": 2}
    for name, entry in tables.items():
        content = (company / "published" / "parquet" / f"{name}.parquet").read_bytes()
        assert entry["sha256"] == hashlib.sha256(content).hexdigest()


def test_what_is_returned_is_what_the_manifest_says(company: Path):
    returned = publish(company, "g2")
    tables = json.loads((company / "published" / "manifest.json").read_text())["tables"]
    assert {name: asdict(table) for name, table in returned.items()} == tables


def test_the_database_carries_the_words_of_the_contract(company: Path):
    assert ask(company, "select comment from duckdb_tables() where table_name = 'customer_values'") == [
        ("One row per customer: what it's worth.",)
    ]
    comments = ask(
        company, "select column_name, comment from duckdb_columns() where table_name = 'customer_values'"
    )
    assert dict(comments) == {
        "customer_id": "Customer.",
        "value_amount": "The customer's value. [reporting currency]",
        "churn_probability": "Chance to leave. [0-1]",
    }


def test_a_reader_keeps_its_snapshot_while_a_new_generation_comes(company: Path):
    path = str(company / "published" / DATABASE_NAME)
    with subprocess.Popen(
        [sys.executable, "-c", READER, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as reader:
        assert reader.stdin and reader.stdout
        assert reader.stdout.readline() == "(3, Decimal('1.00'))\n"
        write_warehouse(company / "warehouse.duckdb", rows=5, amount="2.00")
        for generation in ("g2", "g3", "g4", "g5"):  # so many that the reader's own folder is dropped
            publish(company, generation)
        assert "g1" not in generations(company)
        reader.stdin.write("\n")
        reader.stdin.flush()
        assert reader.stdout.readline() == "(3, Decimal('1.00'))\n"
        assert reader.stdout.readline() == "(3,)\n"
        late = subprocess.run(
            [sys.executable, "-c", READER, path], input="\n", capture_output=True, text=True
        )
    assert reader.returncode == 0
    assert late.stdout.splitlines()[0] == "(5, Decimal('2.00'))"
    assert ask(company, "select count(*) from gold.customer_values") == [(5,)]


def test_the_last_three_generations_stay(company: Path):
    for number in range(2, 7):
        publish(company, f"g{number}")
        assert len(generations(company)) == min(number, KEPT_GENERATIONS)
    assert generations(company) == ["g4", "g5", "g6"]
    assert (company / "published" / "current").readlink() == Path("generations/g6")


def test_a_generation_whose_name_sorts_first_is_current_and_not_dropped(company: Path):
    for name in ("g2", "g3", "a_clock_set_back"):
        publish(company, name)
    assert (company / "published" / "current").readlink() == Path("generations/a_clock_set_back")
    assert ask(company, "select count(*) from gold.customer_values") == [(3,)]


def test_publishing_the_same_generation_again_replaces_it(company: Path):
    write_warehouse(company / "warehouse.duckdb", rows=7)
    publish(company, "g1")
    assert generations(company) == ["g1"]
    assert ask(company, "select count(*) from gold.customer_values") == [(7,)]


def test_the_same_rows_in_another_order_give_the_same_parquet_bytes(tmp_path: Path):
    hashes = []
    for number, order in enumerate(("n", "n desc", "hash(n)")):
        folder = tmp_path / str(number)
        folder.mkdir()
        write_warehouse(folder / "warehouse.duckdb", rows=300_000, order=order)
        hashes.append({name: table.sha256 for name, table in publish(folder, "g1").items()})
        (first,) = ask(folder, "select customer_id from gold.customer_values limit 1")
        assert first == ("c0000000",)
    assert hashes[0] == hashes[1] == hashes[2]


def test_other_rows_give_other_parquet_bytes(company: Path):
    before = publish(company, "g2")
    write_warehouse(company / "warehouse.duckdb", amount="1.01")
    after = publish(company, "g3")
    assert before["customer_values"].sha256 != after["customer_values"].sha256
    assert before["dim_day"].sha256 == after["dim_day"].sha256


def inodes(folder: Path) -> dict[str, int]:
    current = folder / "published" / "current"
    return {path.name: path.stat().st_ino for path in [*current.glob("parquet/*"), current / DATABASE_NAME]}


def test_a_table_that_is_as_it_was_keeps_its_file(company: Path):
    first = inodes(company)
    write_warehouse(company / "warehouse.duckdb", order="n desc")
    publish(company, "g2")
    assert inodes(company) == first
    write_warehouse(company / "warehouse.duckdb", amount="2.00")
    publish(company, "g3")
    third = inodes(company)
    assert {name for name in first if third[name] == first[name]} == {"dim_day.parquet"}
    assert ask(company, "select distinct value_amount::text from gold.customer_values") == [("2.00",)]
    assert ask(company, "select day_date::text from gold.dim_day") == [("2026-09-29",), ("2026-09-30",)]
    assert ask(company, "select comment from duckdb_tables() where table_name = 'dim_day'") == [
        (DAYS.description,)
    ]


def test_a_generation_of_older_code_goes_with_the_next_as_it_may_name_persons(company: Path):
    manifest = company / "published" / "generations" / "g1" / "manifest.json"
    said = json.loads(manifest.read_text())
    for table in said["tables"].values():
        del table["content"]
    manifest.write_text(json.dumps(said))
    publish(company, "g2")
    publish(company, "g3")
    assert generations(company) == ["g2", "g3"]


def test_a_table_with_another_contract_is_written_again(company: Path):
    first = inodes(company)
    publish(company, "g2", [VALUES, replace(DAYS, description="One row per day of the run.")])
    assert {name for name, inode in inodes(company).items() if inode == first[name]} == {
        "customer_values.parquet"
    }
    assert ask(company, "select comment from duckdb_tables() where table_name = 'dim_day'") == [
        ("One row per day of the run.",)
    ]


@pytest.mark.parametrize("lost", ["parquet/dim_day.parquet", DATABASE_NAME, "manifest.json"])
def test_what_was_lost_of_the_generation_before_is_written_again(lost: str, company: Path):
    (company / "published" / "current" / lost).unlink()
    publish(company, "g2")
    assert ask(company, "select count(*) from gold.dim_day") == [(2,)]
    assert len(inodes(company)) == 3


def test_a_table_without_rows_is_published_too(company: Path):
    write_warehouse(company / "warehouse.duckdb", rows=0)
    assert publish(company, "g2")["customer_values"].rows == 0
    assert ask(company, "select count(*) from gold.customer_values") == [(0,)]


def everything_under(folder: Path) -> dict[str, str]:
    """Each path with its content's hash or its link's target."""
    return {
        str(path.relative_to(folder)): str(path.readlink())
        if path.is_symlink()
        else hashlib.sha256(path.read_bytes()).hexdigest()
        if path.is_file()
        else "folder"
        for path in folder.rglob("*")
    }


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (
            "update gold.customer_values set churn_probability = 1.5",
            "churn_probability is outside 0 to 1 in 3 rows",
        ),
        ("update gold.customer_values set customer_id = null", "customer_id is empty in 3 rows"),
        ("update gold.dim_day set kind = 'holiday'", "kind has the value 'holiday'"),
        ("insert into gold.dim_day from gold.dim_day", "2 keys (day_date) stand in more than one row"),
        ("alter table gold.dim_day add column more text", "columns differ"),
        ("alter table gold.customer_values alter value_amount type double", "columns differ"),
    ],
)
def test_a_table_that_breaks_its_contract_leaves_the_published_as_it_was(
    damage: str, words: str, company: Path
):
    before = everything_under(company / "published")
    with duckdb.connect(str(company / "warehouse.duckdb")) as connection:
        connection.execute(damage)
    with pytest.raises(PublishError) as caught:
        publish(company, "g2")
    assert words in str(caught.value)
    assert "gold.customer_values: " in str(caught.value) or "gold.dim_day: " in str(caught.value)
    assert everything_under(company / "published") == before
    assert ask(company, "select count(*) from gold.customer_values") == [(3,)]


def test_all_tables_that_break_their_contracts_are_named_at_once(company: Path):
    with duckdb.connect(str(company / "warehouse.duckdb")) as connection:
        connection.execute("update gold.customer_values set churn_probability = -1")
        connection.execute("update gold.dim_day set kind = 'holiday'")
    with pytest.raises(PublishError, match=r"gold\.customer_values: .*; gold\.dim_day: "):
        publish(company, "g2")


@pytest.mark.parametrize(
    "damage", ["drop table gold.dim_day", "alter table gold.dim_day drop column day_date"]
)
def test_a_crash_in_the_middle_leaves_the_published_as_it_was(damage: str, company: Path):
    before = everything_under(company / "published")
    with duckdb.connect(str(company / "warehouse.duckdb")) as connection:
        connection.execute(
            "create or replace table gold.dim_day as select date '2026-09-30' as day_date, 'work' as kind"
        )
        connection.execute(damage)
    with pytest.raises(duckdb.Error):
        publish(company, "g2")
    assert everything_under(company / "published") == before


def test_a_first_publication_that_fails_leaves_nothing_to_open(tmp_path: Path):
    write_warehouse(tmp_path / "warehouse.duckdb")
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        connection.execute("update gold.dim_day set kind = 'holiday'")
    with pytest.raises(PublishError):
        publish(tmp_path, "g1")
    assert everything_under(tmp_path / "published") == {"generations": "folder"}


def test_a_missing_warehouse_is_not_made_and_leaves_the_published_as_it_was(company: Path):
    before = everything_under(company / "published")
    (company / "warehouse.duckdb").unlink()
    with pytest.raises(duckdb.Error):
        publish(company, "g2")
    assert not (company / "warehouse.duckdb").exists()
    assert everything_under(company / "published") == before


def test_what_a_killed_run_left_behind_does_not_disturb_the_next_one(company: Path):
    published = company / "published"
    for name in (".g2.partial", ".g0.partial"):
        (published / "generations" / name / "parquet").mkdir(parents=True)
        (published / "generations" / name / DATABASE_NAME).write_text("half")
    (published / ".current.new").symlink_to("generations/.g2.partial")
    for name in ("g2", "g3", "g4"):
        publish(company, name)
    assert generations(company) == ["g2", "g3", "g4"]
    assert not (published / ".current.new").is_symlink()
    assert ask(company, "select count(*) from gold.customer_values") == [(3,)]


def test_a_generation_that_was_finished_but_not_swapped_in_is_not_what_analysts_see(company: Path):
    finished = company / "published" / "generations" / "g2"
    finished.mkdir()
    (finished / DATABASE_NAME).write_text("never became current")
    assert ask(company, "select count(*) from gold.customer_values") == [(3,)]
    publish(company, "g3")
    assert (company / "published" / "current").readlink() == Path("generations/g3")


def test_a_warehouse_that_another_process_writes_is_not_published(company: Path):
    before = everything_under(company / "published")
    writer = f"""
import duckdb, sys
with duckdb.connect({str(company / "warehouse.duckdb")!r}) as connection:
    print("open", flush=True)
    sys.stdin.readline()
"""
    with subprocess.Popen(
        [sys.executable, "-c", writer], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin and process.stdout
        assert process.stdout.readline() == "open\n"
        with pytest.raises(duckdb.Error, match="lock"):
            publish(company, "g2")
        process.stdin.write("\n")
    assert everything_under(company / "published") == before


@pytest.mark.parametrize("name", ["with space", "50%", "größe"])
def test_a_data_folder_of_any_name_can_be_published(name: str, tmp_path: Path):
    folder = tmp_path / name
    folder.mkdir()
    write_warehouse(folder / "warehouse.duckdb")
    publish(folder, "g1")
    assert ask(folder, "select count(*) from gold.customer_values") == [(3,)]
