"""The layout of the file drop: which objects exist and which columns each one has.

Read from the bronze contracts in `dbt/models/bronze/files`, so that the layout is written once. Here: what a
dropped file may contain. Not here: how files are read (`readers.py`) and landed (`drop.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from dagster_project.settings import DBT_DIR

SYSTEM = "files"
CONTRACT_DIR = DBT_DIR / "models" / "bronze" / SYSTEM
EXTRA_COLUMN = "extra"  # filled by the landing itself: every column that the layout does not know

# Master data carries the time of its record, not of something that a customer did.
OBJECTS_WITHOUT_EVENTS = frozenset({"customers", "contacts"})


@dataclass(frozen=True)
class FileObject:
    """One object of the file drop.

    Attributes:
        name: Object and file name, e.g. `transactions`.
        columns: Layout columns in contract order, without `extra`.
        required: Columns that a file must have.
        timestamps: Columns that hold a moment (not a mere date).
    """

    name: str
    columns: tuple[str, ...]
    required: tuple[str, ...]
    timestamps: tuple[str, ...]

    @property
    def event_times(self) -> tuple[str, ...]:
        """Columns that say when a customer did something; none for master data."""
        return () if self.name in OBJECTS_WITHOUT_EVENTS else self.timestamps


def load_layout(contract_dir: Path = CONTRACT_DIR) -> dict[str, FileObject]:
    """Read every object of the file drop from its bronze contract.

    Args:
        contract_dir: Folder with one `files__<object>.yml` per object.

    Returns:
        Objects by name, sorted by name.
    """
    paths = sorted(contract_dir.glob(f"{SYSTEM}__*.yml"))
    objects = (_read_contract(path) for path in paths)
    return {item.name: item for item in objects}


def _read_contract(path: Path) -> FileObject:
    model: Mapping[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))["models"][0]
    fields = [(column["config"]["meta"], column["data_type"]) for column in model["columns"]]
    known = [(meta, data_type) for meta, data_type in fields if meta["source"] != EXTRA_COLUMN]
    return FileObject(
        name=path.stem.removeprefix(f"{SYSTEM}__"),
        columns=tuple(meta["source"] for meta, _ in known),
        required=tuple(meta["source"] for meta, _ in known if meta.get("required")),
        timestamps=tuple(meta["source"] for meta, data_type in known if data_type == "timestamp"),
    )
