"""Rows as a source wrote them become landing columns; what does not fit the contract is found here.

Drift: a field that nobody expected is kept in `extra`; a required field that is missing, or has another type in every
row, makes the whole batch unusable. A single bad row is landed with its reason and ends in quarantine.

Not here: files and cursors (`batches.py`), and repeats (`landed_rows.py`).
"""

import contextlib
import json
import sys
from collections import Counter
from typing import Any

import pyarrow as pa

from dagster_project.contracts import LandingContract, LandingField
from dagster_project.ingest.landing import ARROW_TYPES, EXTRA
from dagster_project.ingest.streams import Record

SHOWN_CHARACTERS = 60
INT64 = 2**63
MISSING = object()
_JSON = json.JSONEncoder(
    ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str, allow_nan=False
)
PLAIN_TYPES = {"VARCHAR": str, "BIGINT": int, "DOUBLE": float, "BOOLEAN": bool}


class LandingRows:
    """Turns records into Arrow tables of the contract's fields and remembers what did not fit.

    Args:
        contract: The landing object.
        known_fields: Fields beyond the contract that earlier batches had; None when this is the first batch, whose
            fields are all taken as known.
    """

    def __init__(self, contract: LandingContract, known_fields: frozenset[str] | None) -> None:
        self.contract = contract
        self.known_fields = known_fields
        self.row_count = 0
        self.rejected_row_count = 0
        self.extra_fields: set[str] = set()
        self._present: Counter[str] = Counter()
        self._filled: Counter[str] = Counter()
        self._wrong: Counter[str] = Counter()
        self._example: dict[str, str] = {}
        self._fields = [field for field in contract.fields if field.name != EXTRA]
        self._names = {field.name for field in self._fields}

    @property
    def schema(self) -> pa.Schema:
        """The contract's fields, `extra`, and the reason of a row that does not fit."""
        columns = [(field.name, ARROW_TYPES[field.landing_type]) for field in self._fields]
        texts = [(name, pa.string()) for name in (EXTRA, "_reject_column", "_reject_reason")]
        return pa.schema(columns + texts)

    @property
    def new_fields(self) -> tuple[str, ...]:
        """Fields beyond the contract that no earlier batch had."""
        return () if self.known_fields is None else tuple(sorted(self.extra_fields - self.known_fields))

    def table(self, records: list[Record]) -> pa.Table:
        """The records as one table of `schema`, in their order."""
        rejects: list[tuple[str, str] | None] = [None] * len(records)
        spare: list[Record] = [
            {name: record[name] for name in record.keys() - self._names} for record in records
        ]
        columns = [self._column(field, records, rejects, spare) for field in self._fields]
        self.row_count += len(records)
        self.rejected_row_count += sum(reject is not None for reject in rejects)
        self.extra_fields.update(*(fields.keys() for fields in spare))
        columns += [
            pa.array([json_text(fields) if fields else None for fields in spare], type=pa.string()),
            pa.array([reject and reject[0] for reject in rejects], type=pa.string()),
            pa.array([reject and reject[1] for reject in rejects], type=pa.string()),
        ]
        return pa.Table.from_arrays(columns, schema=self.schema)

    def broken_fields(self) -> list[str]:
        """One line per required field that no row delivers as the contract says; empty when the batch can be used."""
        return [
            self._why_broken(field) for field in self._fields if field.is_required and self._is_broken(field)
        ]

    def retyped_fields(self) -> list[str]:
        """Fields that may be empty and have another type in every row: nulls in landing, kept in `extra`."""
        return [field.name for field in self._fields if not field.is_required and self._is_broken(field)]

    def _column(
        self,
        field: LandingField,
        records: list[Record],
        rejects: list[tuple[str, str] | None],
        spare: list[Record],
    ) -> pa.Array:
        """One field of all records; value by value only where a value is not of the plain type that is expected."""
        arrow_type = ARROW_TYPES[field.landing_type]
        values = [record.get(field.name, MISSING) for record in records]
        if set(map(type, values)) <= {PLAIN_TYPES[field.landing_type], type(None)} and not field.is_json:
            with contextlib.suppress(UnicodeEncodeError, OverflowError, pa.ArrowInvalid):
                column = pa.array(values, type=arrow_type)
                self._present[field.name] += len(values)
                self._filled[field.name] += len(values) - column.null_count
                return column
        landed = [self._landed(field, record, at, rejects, spare) for at, record in enumerate(records)]
        return pa.array(landed, type=arrow_type)

    def _landed(
        self,
        field: LandingField,
        record: Record,
        at: int,
        rejects: list[tuple[str, str] | None],
        spare: list[Record],
    ) -> Any:
        if field.name not in record:
            if field.is_required:
                rejects[at] = rejects[at] or (field.name, f"{field.name}: the field is missing")
            return None
        self._present[field.name] += 1
        value = record[field.name]
        if value is None:
            return None
        self._filled[field.name] += 1
        fits, landed = _as_landed(field, value)
        if fits:
            return landed
        shown = json_text(value)[:SHOWN_CHARACTERS]
        self._wrong[field.name] += 1
        self._example.setdefault(field.name, shown)
        if field.is_required:
            reason = f"{field.name}: {shown} is not {_expected(field)}"
            rejects[at] = rejects[at] or (field.name, reason)
        spare[at][field.name] = value
        return None

    def _is_broken(self, field: LandingField) -> bool:
        if not self.row_count:
            return False
        is_missing = field.is_required and not self._present[field.name]
        is_retyped = self._filled[field.name] and self._wrong[field.name] == self._filled[field.name]
        return bool(is_missing or is_retyped)

    def _why_broken(self, field: LandingField) -> str:
        if self._present[field.name]:
            return f"column {field.name} is {self._example[field.name]}, not {_expected(field)}, in every row"
        hint = f"; new here: {', '.join(self.new_fields)} (renamed?)" if self.new_fields else ""
        return f"required column {field.name} is missing{hint}"


def json_text(value: Any) -> str:
    """JSON with sorted keys, so that the same content is the same text; NaN, which JSON has no word for, is text."""
    try:
        return _encodable(_JSON.encode(value))
    except ValueError:
        return _encodable(_JSON.encode(json.loads(json.dumps(value, default=str), parse_constant=str)))


def _expected(field: LandingField) -> str:
    if field.is_json:
        return "an object or a list"
    if field.is_moment and field.landing_type == "VARCHAR":
        return "a time as text"
    return {"VARCHAR": "text", "BIGINT": "a whole number", "DOUBLE": "a number", "BOOLEAN": "true or false"}[
        field.landing_type
    ]


def _as_landed(field: LandingField, value: Any) -> tuple[bool, Any]:
    """Whether a value has the field's type, and how it is landed."""
    if field.is_json:
        return (True, json_text(value)) if isinstance(value, dict | list) else (False, None)
    if field.landing_type == "BOOLEAN":
        return isinstance(value, bool), value
    if field.landing_type in ("BIGINT", "DOUBLE"):
        return _as_number(field.landing_type, value)
    return _as_text(field, value)


def _as_number(landing_type: str, value: Any) -> tuple[bool, Any]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False, None
    if landing_type == "DOUBLE":
        fits = (
            -sys.float_info.max <= value <= sys.float_info.max
        )  # a whole number may be larger than any double
        return fits, float(value) if fits else None
    is_whole = -INT64 <= value < INT64 and value == int(value)
    return is_whole, int(value) if is_whole else None


def _as_text(field: LandingField, value: Any) -> tuple[bool, Any]:
    if isinstance(value, str):
        return True, _encodable(value)
    if field.is_moment or isinstance(value, dict | list):
        return False, None
    return True, json_text(value)


def _encodable(text: str) -> str:
    """Half a surrogate pair, which JSON allows and no file can hold, becomes a question mark; all else stays."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode("utf-8")
    return text
