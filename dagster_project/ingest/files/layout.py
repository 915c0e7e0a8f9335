"""The layout of the file drop: which objects exist and which columns each one has.

Here: what a dropped file may contain, from the contracts in `dbt/models/bronze/files`. Not here: how files are
read (`readers.py`) and landed (`drop.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from dagster_project.contracts import Table, bronze_tables, system_objects
from dagster_project.ingest.landing import EXTRA

SYSTEM = "files"

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
        types: Type of each column, as the contract says it.
        accepted: The only words that a column may have, by column.
        optional: Columns of which a value that cannot be read costs only itself, not its row.
    """

    name: str
    columns: tuple[str, ...]
    required: tuple[str, ...]
    timestamps: tuple[str, ...]
    types: Mapping[str, str]
    accepted: Mapping[str, tuple[str, ...]]
    optional: frozenset[str]

    @property
    def event_times(self) -> tuple[str, ...]:
        """Columns that say when a customer did something; none for master data."""
        return () if self.name in OBJECTS_WITHOUT_EVENTS else self.timestamps


@cache
def load_layout() -> dict[str, FileObject]:
    """Every object of the file drop by its name, sorted by it, from the bronze contracts."""
    return {name.partition("__")[2]: _file_object(bronze_tables()[name]) for name in system_objects(SYSTEM)}


def _file_object(table: Table) -> FileObject:
    columns = [column for column in table.columns if column.source != EXTRA]
    return FileObject(
        name=table.name.partition("__")[2],
        columns=tuple(column.source for column in columns),
        required=tuple(column.source for column in columns if column.not_null),
        timestamps=tuple(column.source for column in columns if column.data_type == "timestamp"),
        types={column.source: column.data_type for column in columns},
        accepted={column.source: tuple(column.accepted) for column in columns if column.accepted},
        optional=frozenset(column.source for column in columns if table.may_lack(column)),
    )
