"""Selected rows of a table as landing columns; a moment that no file can hold is rejected with its row.

The driver turns an infinite moment, or one in the far future, into one long before all others, without a word.

Not here: what is selected (`columns.py`), and files (`landing.py`).
"""

import pyarrow as pa
from pyarrow import compute

from dagster_project.contracts import LandingContract
from dagster_project.ingest.landing import ARROW_TYPES, EXTRA
from dagster_project.ingest.postgres.columns import ROW_HASH

FIRST_MOMENT = -62_135_596_800_000_000  # microseconds since 1970: the years 1 to 9999
AFTER_LAST_MOMENT = 253_402_300_800_000_000


def landing_schema(contract: LandingContract, has_row_hash: bool) -> pa.Schema:
    """The columns of the contract's landing files, without those that say where a row came from."""
    names = {
        field.name: pa.timestamp("us") if field.is_moment else ARROW_TYPES[field.landing_type]
        for field in contract.fields
        if field.name != EXTRA
    }
    names |= {EXTRA: pa.string(), "_reject_reason": pa.string()}
    return pa.schema(list((names | ({ROW_HASH: pa.int64()} if has_row_hash else {})).items()))


def landing_rows(selected: pa.Table, schema: pa.Schema) -> pa.Table:
    """Selected rows with all columns of `schema`, null where the table has none; moments are UTC without zone."""
    rows = selected
    for field in schema:
        if field.name not in rows.schema.names:
            rows = rows.append_column(field, pa.nulls(rows.num_rows, field.type))
    rows = rows.select(schema.names).cast(schema)
    for field in schema:
        if pa.types.is_timestamp(field.type):
            found = compute.min_max(rows[field.name].cast(pa.int64())).as_py()
            if (
                found["min"] is not None
                and not FIRST_MOMENT <= found["min"] <= found["max"] < AFTER_LAST_MOMENT
            ):
                rows = _with_rejects(rows, field)
    return rows


def _with_rejects(rows: pa.Table, moment: pa.Field) -> pa.Table:
    micros = rows[moment.name].cast(pa.int64())
    is_good = compute.and_(
        compute.greater_equal(micros, FIRST_MOMENT), compute.less(micros, AFTER_LAST_MOMENT)
    )
    reason = pa.scalar(f"{moment.name}: infinite, or not between the years 1 and 9999")
    reasons = compute.if_else(is_good, pa.scalar(None, pa.string()), reason)
    columns = {
        moment.name: compute.if_else(is_good, rows[moment.name], pa.scalar(None, moment.type)),
        "_reject_reason": compute.coalesce(
            rows["_reject_reason"], compute.if_else(compute.is_null(micros), None, reasons)
        ),
    }
    for name, values in columns.items():
        rows = rows.set_column(rows.schema.get_field_index(name), rows.schema.field(name), values)
    return rows
