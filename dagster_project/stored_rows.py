"""What shapes the rows that incremental tables keep, as one fingerprint.

Rows that were stored under another fingerprint are loaded anew. So all that a stored row depends on must be in it, and
nothing else: a typing mistake in a description must not load everything again. Not here: the reload itself
(`dbt/macros/incremental.sql`).
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dagster_project.contracts import FACTS_FOR_OTHERS
from dagster_project.source_digest import source_digest

Node = Mapping[str, Any]

LAYERS = ("bronze", "silver")
SHAPING_CONFIG = (
    "materialized", "incremental_strategy", "unique_key", "on_schema_change", "pre-hook", "post-hook",
    "column_types", "delimiter", "quote_columns",
)  # fmt: skip


def stored_rows_fingerprint(
    manifest: Mapping[str, Any], project_dir: Path, settings: Iterable[object]
) -> str:
    """First 16 hex digits of a SHA-256 over what shapes the rows of incremental tables in bronze and silver.

    That is the SQL, columns, rules and configuration of these tables and of all that they read, the seeds among it,
    the project's macros behind that SQL, and the settings.

    Args:
        manifest: The parsed dbt project.
        project_dir: Where its seeds lie.
        settings: Values of the settings that the SQL reads and that shape stored rows.
    """
    nodes = _with_all_parents(manifest["nodes"])
    macros = _with_all_used(manifest, nodes)
    shape = [
        [str(value) for value in settings],
        {name: _shape(node, project_dir) for name, node in nodes.items()},
        {name: macro["macro_sql"] for name, macro in macros.items()},
    ]
    return hashlib.sha256(json.dumps(shape, sort_keys=True).encode()).hexdigest()[:16]


def _with_all_parents(nodes: Mapping[str, Node]) -> dict[str, Node]:
    """The incremental tables and all that they read."""
    waiting = [
        name
        for name, node in nodes.items()
        if node["config"]["materialized"] == "incremental" and node["schema"] in LAYERS
    ]
    found: dict[str, Node] = {}
    while waiting:
        name = waiting.pop()
        if name in nodes and name not in found:
            found[name] = nodes[name]
            waiting += nodes[name]["depends_on"].get("nodes", [])  # a seed reads none
    return found


def _with_all_used(manifest: Mapping[str, Any], nodes: Mapping[str, Node]) -> dict[str, Node]:
    """The project's macros that the nodes and their hooks call, and those that these call.

    dbt notes a node's macros while it parses, and so misses those that run in an incremental run alone; names that are
    called in the text are therefore taken too.
    """
    own = {
        name: macro
        for name, macro in manifest["macros"].items()
        if macro["package_name"] == manifest["metadata"]["project_name"]
    }
    by_call = {macro["name"]: name for name, macro in own.items()}

    def used(noted: Iterable[str], text: str) -> list[str]:
        called = {by_call[word] for word in re.findall(r"(\w+)\s*\(", text) if word in by_call}
        return sorted((called | set(noted)) & own.keys())

    waiting: list[str] = []
    for node in nodes.values():
        hooks = [hook["sql"] for key in ("pre-hook", "post-hook") for hook in node["config"][key]]
        waiting += used(node["depends_on"]["macros"], "\n".join([node["raw_code"], *hooks]))
    found: dict[str, Node] = {}
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = own[name]
            waiting += used(own[name]["depends_on"]["macros"], own[name]["macro_sql"])
    return found


def _shape(node: Node, project_dir: Path) -> list[Any]:
    """All of a model or seed that its rows depend on; of a seed the file, because dbt does not read large ones."""
    config, meta = node["config"], node["config"]["meta"]
    return [
        source_digest(project_dir / node["original_file_path"]) if node["resource_type"] == "seed" else "",
        node["raw_code"],
        {key: config.get(key) for key in SHAPING_CONFIG},
        {key: value for key, value in meta.items() if key not in FACTS_FOR_OTHERS},
        [
            [column["name"], column["data_type"], column["config"]["meta"]]
            for column in node["columns"].values()
        ],
    ]
