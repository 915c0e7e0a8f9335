"""The contracts of all tables, read from the one place where they are written: the YAML files of dbt.

Here: typed access to them. Not here: what is done with them (checks in `quality/`, metadata in `defs/`).
"""

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from dagster_project.settings import DBT_DIR

UNIT_BY_SUFFIX = {
    "_amount": "reporting currency",
    "_days": "days",
    "_count": "count",
    "_share": "0-1",
    "_probability": "0-1",
    "_score": "0-100",
    "_minutes": "minutes",
    "_seconds": "seconds",
}
# What a bronze contract says to models elsewhere (`contract_macro.py`); it shapes no row of its own table.
FACTS_FOR_OTHERS = ("newest_at", "happened_at", "reaches", "party", "names_parties", "profile")
PYTHON_SOURCES = ("scored", "resolved")  # dbt sources whose tables Python writes
NUMERIC_TYPES = ("bigint", "double", "decimal")


@dataclass(frozen=True)
class Column:
    """One column of a contract; `rules` is its `meta` (required, accepted, levels, unit, personal, source ...)."""

    name: str
    data_type: str
    description: str
    rules: dict[str, Any] = field(default_factory=dict)
    not_null: bool = False

    @property
    def unit(self) -> str:
        """The unit in words; empty for text, dates and booleans, and for a number that forgot it."""
        if not self.data_type.startswith(NUMERIC_TYPES):
            return ""
        if self.name.startswith(("days_since_", "days_until_")):
            return "days"
        suffix = next((suffix for suffix in UNIT_BY_SUFFIX if self.name.endswith(suffix)), "")
        return str(self.rules.get("unit") or UNIT_BY_SUFFIX.get(suffix, ""))

    @property
    def personal(self) -> str:
        """Whose data it is: `always` personal, `of_persons` where the customer is a person; empty when of nobody."""
        return str(self.rules.get("personal") or "")

    @property
    def accepted(self) -> list[str]:
        """The only values that the column may have; empty when it may have any."""
        return list(self.rules.get("accepted") or self.rules.get("levels") or ())

    @property
    def made_of(self) -> dict[str, list[str]] | None:
        """What decides the values of a column that Python writes: columns by `<schema>.<table>`, its own included.

        None where the contract does not say it; SQL says it for itself.
        """
        return self.rules.get("made_of")

    @property
    def source(self) -> str:
        """The landing field that a bronze column reads."""
        return str(self.rules["source"])

    @property
    def landing_type(self) -> str:
        """DuckDB type of the landing field that the column reads."""
        return str(self.rules.get("landing_type", "VARCHAR"))


@dataclass(frozen=True)
class Table:
    """One contract: a dbt model, or a gold table written by Python (a dbt source of the same name)."""

    name: str
    description: str
    columns: tuple[Column, ...]
    grain: tuple[str, ...]
    is_written_by_python: bool
    version: str = ""  # the column that orders a record's versions; empty for all but vendors' bronze tables
    meta: dict[str, Any] = field(
        default_factory=dict
    )  # all that the contract says of the table beside its columns

    def may_lack(self, column: Column) -> bool:
        """Whether a bad value of a bronze column is left out, and the row kept: `is_optional` of the macros."""
        is_needed = column.not_null or column.name in (*self.grain, self.version)
        return not is_needed and not {"currency", "empty_means"} & column.rules.keys()

    def levels(self, column: str) -> dict[str, float]:
        """The lowest score of each level that a column holds."""
        return next(known.rules["levels"] for known in self.columns if known.name == column)


def _column(entry: dict[str, Any]) -> Column:
    rules = dict(entry.get("config", {}).get("meta", {}))
    not_null = bool(rules.get("required")) or any(
        constraint["type"] == "not_null" for constraint in entry.get("constraints", [])
    )
    return Column(entry["name"], entry["data_type"], entry.get("description", ""), rules, not_null)


def _table(entry: dict[str, Any], is_written_by_python: bool) -> Table:
    meta = entry.get("config", {}).get("meta", {})
    return Table(
        name=entry["name"],
        description=entry["description"],
        columns=tuple(_column(column) for column in entry.get("columns", [])),
        grain=tuple(meta.get("grain") or meta.get("key") or ()),
        is_written_by_python=is_written_by_python,
        version=str(meta.get("version") or ""),
        meta=meta,
    )


def read_tables(folder: Path) -> dict[str, Table]:
    """The contracts under a folder of models, by table name, sorted by it."""
    tables: list[Table] = []
    for path in sorted(folder.rglob("*.yml")):
        document = yaml.safe_load(path.read_text())
        tables += [_table(entry, False) for entry in document.get("models", [])]
        for source in document.get("sources", []):
            if source["name"] in PYTHON_SOURCES:
                tables += [_table(entry, True) for entry in source["tables"]]
    return {table.name: table for table in sorted(tables, key=lambda table: table.name)}


@cache
def gold_tables() -> dict[str, Table]:
    """Contracts of the gold tables, by name."""
    return read_tables(DBT_DIR / "models" / "gold")


@cache
def silver_tables() -> dict[str, Table]:
    """Contracts of the silver tables, by name."""
    return read_tables(DBT_DIR / "models" / "silver")


@cache
def bronze_tables() -> dict[str, Table]:
    """Contracts of the bronze tables, by name."""
    return read_tables(DBT_DIR / "models" / "bronze")


@dataclass(frozen=True)
class LandingField:
    """One field of a landing object, as its source names it."""

    name: str
    landing_type: str  # DuckDB
    is_required: bool
    is_json: bool  # an object or a list, landed as JSON text
    is_moment: bool  # text that says a day or a time


@dataclass(frozen=True)
class LandingContract:
    """What a source must deliver for one object: the fields that bronze reads, in its order."""

    name: str  # <system>__<object>
    fields: tuple[LandingField, ...]
    key: tuple[str, ...]
    version: str


@cache
def landing_contract(name: str) -> LandingContract:
    """The contract of a vendor's landing object, from the bronze YAML that reads it."""
    table = bronze_tables()[name]
    readers: dict[str, list[Column]] = {}
    for column in table.columns:
        readers.setdefault(column.source, []).append(column)
    source_of = {column.name: column.source for column in table.columns}
    return LandingContract(
        name=name,
        fields=tuple(_landing_field(source, columns) for source, columns in readers.items()),
        key=tuple(source_of[column] for column in table.grain),
        version=source_of[table.version],
    )


def _landing_field(source: str, readers: list[Column]) -> LandingField:
    is_json = any("path" in column.rules or column.rules.get("json") for column in readers)
    return LandingField(
        name=source,
        landing_type=readers[0].landing_type,
        is_required=any(column.not_null for column in readers),
        is_json=is_json,
        is_moment=not is_json and readers[0].data_type in ("date", "timestamp"),
    )


@cache
def landing_objects() -> dict[str, dict[str, str]]:
    """Landing fields with their DuckDB types, by `<system>__<object>`: what the bronze contracts read."""
    return {
        name: {column.source: column.landing_type for column in table.columns}
        for name, table in bronze_tables().items()
    }


def system_objects(system: str) -> tuple[str, ...]:
    """The landing objects of a system, sorted."""
    return tuple(name for name in landing_objects() if name.startswith(f"{system}__"))
