"""When a dbt table need not be built again: a version stands for all that its rows come from, its tests with them.

The version of a table is made of its own shape, the settings, and the versions of all that it reads, back to the
landing files. The same version gives the same rows, so a table that has it already, tested, is left as it is.

Not here: where versions are kept, and what is built (`defs/unchanged.py`).
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dagster_project.table_shape import Macros, Node, table_shape

BUILT = ("model", "seed")


def _digest(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:32]


def table_codes(manifest: Mapping[str, Any], project_dir: Path) -> dict[str, str]:
    """A digest per model and seed: what itself, the macros behind it and its tests say.

    Args:
        manifest: The parsed dbt project.
        project_dir: Where its seeds lie.
    """
    macros = Macros(manifest)

    def code(node: Node) -> str:
        used = {name: macros.sql(name) for name in macros.used_by(node)}
        if node["resource_type"] == "test":
            return _digest(node["raw_code"], node.get("test_metadata"), node["config"]["severity"], used)
        return _digest(node["schema"], node["name"], table_shape(node, project_dir), used)

    nodes = manifest["nodes"]
    tests: dict[str, list[str]] = {}
    for node in nodes.values():
        if node["resource_type"] == "test":
            for parent in node["depends_on"]["nodes"]:
                tests.setdefault(parent, []).append(code(node))
    return {
        name: _digest(code(node), sorted(tests.get(name, ())))
        for name, node in nodes.items()
        if node["resource_type"] in BUILT
    }


def table_versions(
    manifest: Mapping[str, Any],
    codes: Mapping[str, str],
    settings: Iterable[object],
    sources: Mapping[str, str],
) -> dict[str, str]:
    """The version of each model and seed.

    Args:
        manifest: The parsed dbt project.
        codes: Of `table_codes`.
        settings: All values that SQL reads besides its tables, and the versions of the engine.
        sources: By unique id, what stands for the rows of a table that dbt does not build; one that is not named is
            the bookkeeping of dbt itself, which follows from the rest.
    """
    shared = _digest(*settings)
    found: dict[str, str] = dict(sources)
    # dbt keeps no order of its own in the file, and a graph is too deep for recursion to be safe.
    waiting = list(codes)
    while waiting:
        name = waiting[-1]
        parents = manifest["nodes"][name]["depends_on"].get("nodes", [])
        open_parents = [parent for parent in parents if parent in codes and parent not in found]
        if name in found or not open_parents:
            waiting.pop()
            if name not in found:
                read = sorted((parent, found.get(parent, "")) for parent in parents)
                found[name] = _digest(shared, codes[name], read)
        else:
            waiting += open_parents
    return {name: found[name] for name in codes}
