"""Writes one generation of the published gold, checks it and makes it the current one.

A generation is a folder under `<published>/generations/`. The names that analysts open are links through one link,
`current`: replacing that link swaps the DuckDB file, the Parquet files and the manifest in one atomic step, and a
reader that has the old file open keeps it. A table that is as it was is not written again: its file gets a second name.
Not here: what gold is (the contracts), what of it is personal (`personal.py`) and when to publish (`defs/`).
"""

import hashlib
import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import duckdb

from dagster_project.contracts import Table
from dagster_project.data_dictionary import meaning
from dagster_project.databases import connect
from dagster_project.publish.personal import CONTACTS_NAME, drop_contacts, published_rows, write_contacts
from dagster_project.quality.contract_check import contract_violations

KEPT_GENERATIONS = 3
DATABASE_NAME = "customer_intelligence.duckdb"
PUBLIC_NAMES = (DATABASE_NAME, "parquet", "manifest.json")


class PublishError(Exception):
    """The new generation is not what it should be; what was published before stays."""


@dataclass(frozen=True)
class PublishedTable:
    """One table of the manifest; `content` stands for its rows, in whatever order, and for its contract."""

    rows: int
    sha256: str
    content: str


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _contents(warehouse_path: Path, tables: list[Table]) -> dict[str, str]:
    """Stands for what is to be published of each table: its rows, read once and not sorted, and its contract."""
    contents = {}
    with connect() as connection:
        connection.execute(f"attach '{warehouse_path}' as warehouse (read_only)")
        for table in tables:
            query = published_rows(connection, table)
            rows = connection.execute(
                f"select count(*), bit_xor(hash(published)), sum(hash(published)) from ({query}) as published"
            ).fetchall()[0]
            text = repr((duckdb.__version__, query, table.description, table.grain, table.columns, rows))
            contents[table.name] = hashlib.sha256(text.encode()).hexdigest()
    return contents


def _tables_of(folder: Path) -> dict[str, PublishedTable]:
    """The tables of a generation; none where there is none, or one of older code."""
    try:
        tables = json.loads((folder / "manifest.json").read_text())["tables"]
        return {name: PublishedTable(**table) for name, table in tables.items()}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _current(published_dir: Path) -> tuple[Path, dict[str, PublishedTable]]:
    """The generation that analysts see, and its tables that are whole."""
    folder = (published_dir / "current").resolve()
    known = _tables_of(folder) if (folder / DATABASE_NAME).is_file() else {}
    return folder, {name: known[name] for name in known if (folder / "parquet" / f"{name}.parquet").is_file()}


def _link(source: Path, target: Path) -> None:
    """One file under two names where the file system can, else a copy."""
    try:
        target.hardlink_to(source)
    except OSError:
        shutil.copyfile(source, target)


def _write_tables(
    warehouse_path: Path, folder: Path, tables: list[Table], before: Path, known: dict[str, PublishedTable]
) -> dict[str, PublishedTable]:
    """Write the tables that are not as they were, and link the others; the database is linked when all are."""
    (folder / "parquet").mkdir(parents=True)
    contents = _contents(warehouse_path, tables)
    same = {name for name, content in contents.items() if name in known and known[name].content == content}
    for name in sorted(same):
        _link(before / "parquet" / f"{name}.parquet", folder / "parquet" / f"{name}.parquet")
    if same == known.keys() == contents.keys():
        _link(before / DATABASE_NAME, folder / DATABASE_NAME)
        return known
    written = {}
    with connect(folder / DATABASE_NAME) as connection:
        connection.execute(f"attach '{warehouse_path}' as warehouse (read_only)")
        connection.execute("create schema gold")
        for table in tables:
            parquet = folder / "parquet" / f"{table.name}.parquet"
            if table.name in same:
                connection.execute(f"create table gold.{table.name} as from read_parquet('{parquet}')")
                written[table.name] = known[table.name]
            else:
                rows = f"{published_rows(connection, table)} order by {', '.join(table.grain)}"
                connection.execute(f"create table gold.{table.name} as {rows}")
                connection.execute(
                    f"copy gold.{table.name} to '{parquet}' (format parquet, compression zstd)"
                )
                (row_count,) = connection.execute(f"select count(*) from gold.{table.name}").fetchall()[0]
                written[table.name] = PublishedTable(row_count, _sha256(parquet), contents[table.name])
            _describe(connection, table)
    return written


def _describe(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Put the contract's words into the database, where an analyst's tool shows them."""

    def text(value: str) -> str:
        return "'" + value.replace("'", "''") + "'"

    connection.execute(f"comment on table gold.{table.name} is {text(table.description)}")
    for column in table.columns:
        words = f"{meaning(column)} [{column.unit}]" if column.unit else meaning(column)
        connection.execute(f"comment on column gold.{table.name}.{column.name} is {text(words)}")


def _check(
    warehouse_path: Path, folder: Path, tables: list[Table], written: dict[str, PublishedTable]
) -> None:
    """Read the new generation as an analyst would and compare it with the warehouse and the contracts."""
    problems = []
    with connect(folder / DATABASE_NAME, read_only=True) as connection:
        connection.execute(f"attach '{warehouse_path}' as warehouse (read_only)")
        for table in tables:
            problems += [f"gold.{table.name}: {text}" for text in contract_violations(connection, table)]
            parquet = folder / "parquet" / f"{table.name}.parquet"
            counts = connection.execute(
                f"select (select count(*) from warehouse.gold.{table.name}), count(*) from read_parquet('{parquet}')"
            ).fetchall()[0]
            if counts != (written[table.name].rows, written[table.name].rows):
                problems.append(
                    f"gold.{table.name}: warehouse and Parquet rows {counts}, published {written[table.name].rows}"
                )
    if problems:
        raise PublishError("; ".join(problems))


def _swap_in(published_dir: Path, folder: Path) -> None:
    new_link = published_dir / ".current.new"
    new_link.unlink(missing_ok=True)
    new_link.symlink_to(folder.relative_to(published_dir))
    new_link.replace(published_dir / "current")
    contacts = [CONTACTS_NAME] if (folder / CONTACTS_NAME).exists() else []
    for name in (*PUBLIC_NAMES, *contacts):
        link = published_dir / name
        if not link.is_symlink():
            link.symlink_to(Path("current") / name)


def _drop_old(generations_dir: Path, current: Path) -> None:
    """Keep the newest generations. Those of older code go at once: they name persons."""
    generations = sorted(path for path in generations_dir.iterdir() if path.is_dir())
    for folder in generations:
        is_recent = folder in generations[-KEPT_GENERATIONS:] and _tables_of(folder)
        if folder != current and not is_recent:
            shutil.rmtree(folder)


def publish_generation(
    warehouse_path: Path,
    published_dir: Path,
    tables: list[Table],
    *,
    generation: str,
    run_id: str,
    as_of_date: str,
    code_version: str,
    with_contacts: bool = False,
) -> dict[str, PublishedTable]:
    """Publish the gold tables of a warehouse as a new generation.

    Args:
        warehouse_path: The DuckDB file that runs write; no other process may have it open for writing.
        published_dir: Where analysts look; made if missing.
        tables: Contracts of the tables to publish, each with a grain that orders it.
        generation: Name of the new generation; names sort by time.
        run_id: Who published, for the manifest.
        as_of_date: Newest day of the daily tables, for the manifest.
        code_version: Version of the code, for the manifest.
        with_contacts: Personal data too, in `contacts.duckdb`; without, one that is there is removed.

    Returns:
        Rows and SHA-256 of each table's Parquet file.

    Raises:
        PublishError: The generation does not meet the contracts or the warehouse's counts; nothing was swapped.
    """
    generations_dir = published_dir / "generations"
    partial = generations_dir / f".{generation}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        before, known = _current(published_dir)
        written = _write_tables(warehouse_path, partial, tables, before, known)
        # What is as it was, by the same contract, has been checked.
        new = [table for table in tables if written[table.name] != known.get(table.name)]
        _check(warehouse_path, partial, new, written)
        if with_contacts:
            write_contacts(warehouse_path, partial)
        manifest = {
            "run_id": run_id,
            "as_of_date": as_of_date,
            "code_version": code_version,
            "tables": {name: asdict(table) for name, table in written.items()},
        }
        (partial / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    folder = generations_dir / generation
    shutil.rmtree(folder, ignore_errors=True)
    partial.replace(folder)
    _swap_in(published_dir, folder)
    drop_contacts(published_dir, keep=folder if with_contacts else None)
    _drop_old(generations_dir, folder)
    return written
