"""Which columns a table's columns are made of: read from its SQL by sqlglot, or from its contract if Python writes it.

Not here: which SQL that is, and how it is shown (`defs/lineage.py`).
"""

import hashlib
import json
import os
from pathlib import Path

from dagster_project.contracts import Table

Columns = dict[str, dict[str, dict[str, str]]]  # schema -> table -> column -> type
Sources = dict[str, list[tuple[str, str, str]]]  # column -> (schema, table, column) of what it is made of

MOST_KEPT = 500


def column_sources(queries: dict[str, str], columns: Columns, kept: Path) -> dict[str, Sources]:
    """What each column of each query is made of: columns of the tables that it reads, through all its steps.

    Args:
        queries: Name and SQL, in DuckDB's words.
        columns: All tables that the queries may read, with types.
        kept: A JSON file that keeps what was found, by SQL and columns; written when something is new. One that
            cannot be read is made anew.

    Returns:
        Name, column and its sources, sorted; no sources where a value is made of none, as a constant or a count is.
        A query that sqlglot cannot read is left out.
    """
    digest = hashlib.sha256(json.dumps(columns, sort_keys=True).encode()).hexdigest()
    keys = {name: hashlib.sha256((digest + sql).encode()).hexdigest() for name, sql in queries.items()}
    known = _read(kept)
    new = {name: sql for name, sql in queries.items() if keys[name] not in known}
    if new:
        found = _read_sources(new, columns)
        # What other steps have read stays, and of what was read under other columns only the newest.
        older = {key: value for key, value in known.items() if key not in keys.values()}
        known |= {keys[name]: found.get(name) for name in new}
        recent = dict(list(older.items())[-MOST_KEPT:])
        written = kept.with_suffix(f".{os.getpid()}")  # two runs may write at once, and the last one wins
        written.write_text(json.dumps(recent | {key: known[key] for key in keys.values()}))
        written.replace(kept)
    lineages = {name: known[key] for name, key in keys.items()}
    return {
        name: {
            column: [(source[0], source[1], source[2]) for source in sources]
            for column, sources in lineage.items()
        }
        for name, lineage in lineages.items()
        if lineage is not None
    }


def declared_sources(table: Table) -> Sources:
    """What each column of a gold table that Python writes is made of, as its contract declares it under `made_of`.

    Returns:
        Column and its sources, sorted; a column of the table itself stands for what it is made of.
    """
    own = f"gold.{table.name}"
    declared = {column.name: column.made_of or {} for column in table.columns}

    def sources(column: str) -> set[tuple[str, str, str]]:
        found = {source for name in declared[column].get(own, []) for source in sources(name)}
        for address, names in declared[column].items():
            if address != own:
                schema, _, name = address.partition(".")
                found |= {(schema, name, each) for each in names}
        return found

    return {column: sorted(sources(column)) for column in declared}


def _read(kept: Path) -> dict[str, Sources | None]:
    try:
        return dict(json.loads(kept.read_text()))
    except (OSError, ValueError, TypeError):
        return {}


def _read_sources(queries: dict[str, str], columns: Columns) -> dict[str, Sources]:
    from sqlglot import exp
    from sqlglot.errors import SqlglotError
    from sqlglot.lineage import lineage
    from sqlglot.schema import MappingSchema

    schema = MappingSchema({"warehouse": columns}, dialect="duckdb")
    found: dict[str, Sources] = {}
    for name, sql in queries.items():
        try:
            nodes = lineage(None, sql, schema=schema, dialect="duckdb", trim_selects=False)
        except SqlglotError:
            continue
        leaves = {
            column: [
                (node.expression.find(exp.Table), node.name) for node in root.walk() if not node.downstream
            ]
            for column, root in nodes.items()
        }
        found[name] = {
            column: sorted(
                {(table.db, table.name, exp.to_column(place).name) for table, place in ends if table}
            )
            for column, ends in leaves.items()
        }
    return found
