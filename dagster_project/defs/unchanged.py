"""Which of the dbt tables that a step selects must be built, and which are already what they would be.

A table is left as it is when its version (`table_versions.py`) is the one that was built and has passed its tests. The
days of daily tables are always built: they are small, and what they hold depends on scores.

Not here: how dbt is run (`dbt_runner.py`).
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb

from dagster_project.databases import connect
from dagster_project.settings import settings
from dagster_project.table_versions import table_versions

VERSIONS = "silver.table_versions"  # dbt makes it
STRETCHES = ("before_identity", "", "daily_features", "daily_marts")
"""Tags in the order in which their models are built; without one it is the main stretch."""
DAILY = STRETCHES[2:]
LANDED = "landing"
SHAPES_NO_ROW = ("CUSTINT_DATA_DIR", "CUSTINT_MEMORY_LIMIT", "CUSTINT_THREADS")


@dataclass(frozen=True)
class Stored:
    """A version that was built, and whether all tests of the table have passed since."""

    version: str
    is_tested: bool


@dataclass(frozen=True)
class Plan:
    """What a step does with the tables that are selected; unique ids of the dbt project.

    Attributes:
        built: Models and seeds to build.
        tests: Tests of these, as far as all tables that they read are there then.
        unchanged: Models and seeds that are already what they would be.
        versions: Of what is built, once it is.
    """

    built: tuple[str, ...]
    tests: tuple[str, ...]
    unchanged: tuple[str, ...]
    versions: Mapping[str, str]


def plan_step(
    manifest: Mapping[str, Any],
    codes: Mapping[str, str],
    selected: Collection[str],
    day: str,
    fingerprint: str,
) -> Plan:
    """Look at what has landed and at what the warehouse holds.

    Args:
        manifest: The parsed dbt project.
        codes: Of `table_codes`.
        selected: Unique ids of models and seeds of one stretch.
        day: That the run scores, `YYYY-MM-DD`; empty when it scores none.
        fingerprint: Of what shapes stored rows; under another one incremental tables are loaded anew, and nothing is
            unchanged.
    """
    nodes = manifest["nodes"]
    with connect(settings().warehouse_path) as connection:
        tables = _tables(connection)
        read = _source_versions(connection, manifest, tables, day)
        stored = _stored(connection, tables, fingerprint)
    # What another step builds counts as it was built: files may have landed since. What nobody knows is always new.
    others = codes.keys() - set(selected)
    read |= {name: stored[name].version if name in stored else uuid4().hex for name in others}
    versions = table_versions(manifest, {name: codes[name] for name in selected}, _read_by_all(), read)
    unchanged = {
        name
        for name in selected
        if stored.get(name) == Stored(versions[name], is_tested=True)
        and _address(nodes[name]) in tables
        and _stretch(nodes[name]) not in DAILY
    }
    built = set(selected) - unchanged
    there = {name for name in codes if _address(nodes[name]) in tables} | built
    last = max((STRETCHES.index(_stretch(nodes[name])) for name in built), default=0)
    tests = {
        name
        for name, node in nodes.items()
        if node["resource_type"] == "test"
        and built & set(node["depends_on"]["nodes"])
        and all(
            parent in there and STRETCHES.index(_stretch(nodes[parent])) <= last
            for parent in node["depends_on"]["nodes"]
            if parent in nodes
        )
    }
    return Plan(
        tuple(sorted(built)),
        tuple(sorted(tests)),
        tuple(sorted(unchanged)),
        {name: versions[name] for name in built},
    )


def forget(names: Iterable[str]) -> None:
    """Before tables are built: a run that is ended in the middle must not leave the version of what was there."""
    with connect(settings().warehouse_path) as connection:
        if VERSIONS in _names(_tables(connection)):
            connection.execute(
                f"delete from {VERSIONS} where table_id in (select unnest(?::text[]))", [list(names)]
            )


def remember(versions: Mapping[str, str], tested: Collection[str]) -> None:
    """After tables were built.

    Args:
        versions: By unique id; of tables that a test has found wrong too, since others have read them.
        tested: Those whose tests have all passed; the others are built and tested again.
    """
    rows = [(name, version, name in tested) for name, version in versions.items()]
    with connect(settings().warehouse_path) as connection:
        connection.executemany(f"insert into {VERSIONS} values (?, ?, ?)", rows)


def _stretch(node: Mapping[str, Any]) -> str:
    return next((tag for tag in STRETCHES if tag in node["config"]["tags"]), "")


def _address(node: Mapping[str, Any]) -> tuple[str, str]:
    return str(node["schema"]), str(node["name"])


def _names(tables: Iterable[tuple[str, str]]) -> set[str]:
    return {".".join(table) for table in tables}


def _tables(connection: duckdb.DuckDBPyConnection) -> set[tuple[str, str]]:
    return {
        (schema, name)
        for schema, name in connection.execute(
            "select schema_name, table_name from duckdb_tables()"
            " union all select schema_name, view_name from duckdb_views() where not internal"
        ).fetchall()
    }


def _stored(
    connection: duckdb.DuckDBPyConnection, tables: Collection[tuple[str, str]], fingerprint: str
) -> dict[str, Stored]:
    if VERSIONS not in _names(tables):
        return {}
    (built_by,) = connection.execute("select max(fingerprint) from bronze.built_by").fetchall()[0]
    if built_by != fingerprint:
        return {}
    rows = connection.execute(f"select table_id, version, is_tested from {VERSIONS}").fetchall()
    return {name: Stored(version, is_tested) for name, version, is_tested in rows}


def _read_by_all() -> list[str]:
    """What any SQL may read besides tables; the day of a run stands in the versions of `run_days`."""
    read = settings().for_dbt(None)
    shaping = sorted(f"{name}={value}" for name, value in read.items() if name not in SHAPES_NO_ROW)
    return [duckdb.__version__, *shaping]


def _source_versions(
    connection: duckdb.DuckDBPyConnection,
    manifest: Mapping[str, Any],
    tables: Collection[tuple[str, str]],
    day: str,
) -> dict[str, str]:
    """What stands for the rows of landing, of the tables that Python writes, and for the newest day of a run."""
    found = {}
    for name, source in manifest["sources"].items():
        if source["source_name"] == LANDED:
            found[name] = _files_digest(settings().landing_dir / Path(*source["name"].split("__", 1)))
        elif source["name"] == "run_days":
            is_there = (source["schema"], source["name"]) in tables
            query = f"select max(as_of_date)::text from {source['schema']}.run_days"
            newest = connection.execute(query).fetchall()[0][0] if is_there else None
            found[name] = max(newest or "", day)
        elif source["source_name"] == "resolved" and (source["schema"], source["name"]) in tables:
            digest = f"select count(*), bit_xor(hash(t)), sum(hash(t)) from {source['schema']}.{source['name']} as t"
            found[name] = str(connection.execute(digest).fetchall())
    return found


def _files_digest(folder: Path) -> str:
    """Landing files are never edited: names and sizes stand for them."""
    files = sorted((path.name, path.stat().st_size) for path in folder.glob("*.parquet"))
    return hashlib.sha256(repr(files).encode()).hexdigest()[:32]
