"""What the rows of a dbt model or seed depend on in itself: its SQL, configuration and rules, and the macros behind it.

Not here: what it reads (`stored_rows.py` and `table_versions.py` follow that).
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dagster_project.contracts import FACTS_FOR_OTHERS
from dagster_project.source_digest import source_digest

Node = Mapping[str, Any]

SHAPING_CONFIG = (
    "materialized", "incremental_strategy", "unique_key", "on_schema_change", "pre-hook", "post-hook",
    "column_types", "delimiter", "quote_columns",
)  # fmt: skip


class Macros:
    """The project's own macros, and which of them a node runs.

    dbt notes a node's macros while it parses, and so misses those that run in an incremental run alone; names that are
    called in the text are therefore taken too.
    """

    def __init__(self, manifest: Mapping[str, Any]) -> None:
        """Read a parsed project."""
        own = {
            name: macro
            for name, macro in manifest["macros"].items()
            if macro["package_name"] == manifest["metadata"]["project_name"]
        }
        self._macros = own
        self._by_call = {macro["name"]: name for name, macro in own.items()}
        self._called_by = {
            name: self._called(macro["depends_on"]["macros"], macro["macro_sql"])
            for name, macro in own.items()
        }

    def _called(self, noted: Iterable[str], text: str) -> set[str]:
        called = {self._by_call[word] for word in re.findall(r"(\w+)\s*\(", text) if word in self._by_call}
        return called | (set(noted) & self._macros.keys())

    def used_by(self, node: Node) -> set[str]:
        """Unique ids of the macros that a node and its hooks call, and that these call."""
        hooks = [hook["sql"] for key in ("pre-hook", "post-hook") for hook in node["config"].get(key, ())]
        waiting = self._called(node["depends_on"].get("macros", ()), "\n".join([node["raw_code"], *hooks]))
        found: set[str] = set()
        while waiting:
            found |= waiting
            waiting = set().union(*(self._called_by[name] for name in waiting)) - found
        return found

    def sql(self, name: str) -> str:
        """The text of a macro."""
        return str(self._macros[name]["macro_sql"])


def table_shape(node: Node, project_dir: Path) -> list[Any]:
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
