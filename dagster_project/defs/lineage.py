"""From which columns a table's columns come, as the Dagster UI shows it.

Silver and gold of dbt, for bronze reads files, and the gold that Python writes. Not here: how the SQL and the contracts
are read (`column_lineage.py`).
"""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator

from dagster_project.column_lineage import Columns, Sources, column_sources, declared_sources
from dagster_project.contracts import Table
from dagster_project.defs.warehouse_io import COLUMN_LINEAGE, MADE_OF, read_warehouse
from dagster_project.settings import DBT_DIR

LAYERS = ("silver", "gold")
KEPT = DBT_DIR / "target" / "column_lineage.json"
"""The same SQL has the same lineage in every data folder, and reading it takes seconds."""


def column_lineages(
    built: Collection[str], manifest: Mapping[str, Any], translator: DagsterDbtTranslator, target_path: Path
) -> dict[dg.AssetKey, dg.TableColumnLineage]:
    """The lineage of each table that a step has built.

    Args:
        built: Unique ids of the models.
        manifest: The parsed project.
        translator: Names the assets.
        target_path: Where dbt has written the compiled SQL.
    """
    nodes = {name: manifest["nodes"][name] for name in built if manifest["nodes"][name]["schema"] in LAYERS}
    compiled = {
        name: target_path / "compiled" / node["package_name"] / node["original_file_path"]
        for name, node in nodes.items()
    }
    queries = {name: path.read_text() for name, path in compiled.items() if path.exists()}
    found = column_sources(queries, _columns(), KEPT)
    assets = {
        (node["schema"], node["identifier"] if "identifier" in node else node["name"]): (
            translator.get_asset_key(node)
        )
        for node in [*manifest["nodes"].values(), *manifest["sources"].values()]
        if node["resource_type"] in ("model", "seed", "source") and node.get("source_name") != "bookkeeping"
    }
    return {translator.get_asset_key(nodes[name]): _shown(lineage, assets) for name, lineage in found.items()}


def declared_lineage(table: Table) -> dg.TableColumnLineage:
    """The lineage of a gold table that Python writes."""
    sources = declared_sources(table)
    read = {(schema, name) for lineage in sources.values() for schema, name, _ in lineage}
    return _shown(sources, {place: dg.AssetKey(place) for place in read})


def lineage_metadata(lineage: dg.TableColumnLineage) -> dict[str, Any]:
    """A lineage for Dagster itself, whose open-source UI shows it nowhere but in the log of a run; and for people."""
    lines = [f"| {column} | {_in_words(deps)} |" for column, deps in lineage.deps_by_column.items()]
    table = "\n".join(["| column | made of |", "|---|---|", *lines])
    return {COLUMN_LINEAGE: lineage, MADE_OF: dg.MetadataValue.md(table)}


def _in_words(deps: Sequence[dg.TableColumnDep]) -> str:
    columns: dict[str, list[str]] = {}
    for dep in deps:
        columns.setdefault(".".join(dep.asset_key.path), []).append(dep.column_name)
    return (
        "; ".join(f"{table}: {', '.join(names)}" for table, names in columns.items())
        or "nothing that is read"
    )


def _shown(lineage: Sources, assets: Mapping[tuple[str, str], dg.AssetKey]) -> dg.TableColumnLineage:
    """A lineage in Dagster's words, without what is no asset."""
    return dg.TableColumnLineage(
        {
            column: [
                dg.TableColumnDep(assets[schema, table], source)
                for schema, table, source in sources
                if (schema, table) in assets
            ]
            for column, sources in lineage.items()
        }
    )


def _columns() -> Columns:
    columns: Columns = {}
    with read_warehouse() as connection:
        rows = connection.execute(
            "select schema_name, table_name, column_name, data_type from duckdb_columns()"
            " where database_name = current_database() and not internal order by all"
        ).fetchall()
    for schema, table, column, data_type in rows:
        columns.setdefault(schema, {}).setdefault(table, {})[column] = data_type
    return columns
