"""What shapes the rows that incremental tables keep, as one fingerprint.

Rows that were stored under another fingerprint are loaded anew. So all that a stored row depends on must be in it, and
nothing else: a typing mistake in a description must not load everything again. Not here: the reload itself
(`dbt/macros/incremental.sql`), and what of a single table its rows depend on (`table_shape.py`).
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dagster_project.table_shape import Macros, Node, table_shape

LAYERS = ("bronze", "silver")


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
    macros = Macros(manifest)
    used = set().union(*(macros.used_by(node) for node in nodes.values()))
    shape = [
        [str(value) for value in settings],
        {name: table_shape(node, project_dir) for name, node in nodes.items()},
        {name: macros.sql(name) for name in sorted(used)},
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
