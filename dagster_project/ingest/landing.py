"""The landing zone: immutable Parquet files under `<landing>/<system>/<object>/`.

Here: how a batch is written and which meta columns every landing row carries. Not here: what the
systems are (see the bronze contracts) and how rows become types (see `dbt/models/bronze`).
"""

import datetime as dt
from collections.abc import Iterable
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
from pyarrow import parquet

META_COLUMNS = {
    "_source_file": pl.String,  # what a person can open: the file of the drop, or the landing batch
    "_source_line": pl.Int64,  # line in that file, counted from 1
    "_loaded_at": pl.Datetime("us"),  # when the batch arrived, UTC
    "_reject_column": pl.String,  # filled when the row could not even be read
    "_reject_reason": pl.String,
}

META_TYPES = {  # the same in DuckDB's words
    "_source_file": "varchar",
    "_source_line": "bigint",
    "_loaded_at": "timestamp",
    "_reject_column": "varchar",
    "_reject_reason": "varchar",
}
EMPTY_FILE = "_empty.parquet"


def batch_path(landing_dir: Path, system: str, object_name: str, batch: str) -> Path:
    """The file of one batch, e.g. `landing/stripe/invoices/2026-09-30.parquet`."""
    return landing_dir / system / object_name / f"{batch}.parquet"


def write_batch(
    landing_dir: Path, system: str, object_name: str, batch: str, frame: pl.DataFrame, loaded_at: dt.datetime
) -> bool:
    """Write one batch unless it is there already; landing files are never edited.

    Args:
        landing_dir: Root of the landing zone.
        system: Source system, the first folder.
        object_name: Object of the system, the second folder.
        batch: File name without suffix; batches of an object sort by it.
        frame: Rows in the source's own columns; missing meta columns are added, `_source_line` counts from 1.
        loaded_at: When the batch arrived, UTC without zone.

    Returns:
        True when the file was written, False when the batch was already there.
    """
    target = batch_path(landing_dir, system, object_name, batch)
    if target.exists():
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    defaults = {
        "_source_file": pl.lit(f"{system}/{object_name}/{batch}.parquet"),
        "_source_line": pl.int_range(1, pl.len() + 1, dtype=pl.Int64),
        "_loaded_at": pl.lit(loaded_at, dtype=pl.Datetime("us")),
        "_reject_column": pl.lit(None, dtype=pl.String),
        "_reject_reason": pl.lit(None, dtype=pl.String),
    }
    missing = [default.alias(name) for name, default in defaults.items() if name not in frame.columns]
    partial = target.with_suffix(".partial")
    frame.with_columns(missing).write_parquet(partial, compression="zstd")
    partial.replace(target)  # atomic: a reader sees the whole file or none
    return True


def write_batch_from_stream(
    landing_dir: Path,
    system: str,
    object_name: str,
    batch: str,
    schema: pa.Schema,
    pieces: Iterable[pa.RecordBatch],
    loaded_at: dt.datetime,
) -> bool:
    """Write one batch piece by piece, so that a file of any size takes the memory of one piece.

    Args:
        landing_dir: Root of the landing zone.
        system: Source system, the first folder.
        object_name: Object of the system, the second folder.
        batch: File name without suffix; batches of an object sort by it.
        schema: The source's own columns and all meta columns but `_loaded_at`.
        pieces: Rows of that schema.
        loaded_at: When the batch arrived, UTC without zone.

    Returns:
        True when the file was written, False when the batch was already there.

    Raises:
        Exception: Whatever the stream raises; nothing is left behind then.
    """
    target = batch_path(landing_dir, system, object_name, batch)
    if target.exists():
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial")
    moment = pa.scalar(loaded_at, type=pa.timestamp("us"))
    stamped = schema.append(pa.field("_loaded_at", moment.type))
    try:
        with parquet.ParquetWriter(partial, stamped, compression="zstd") as writer:
            for piece in pieces:
                columns = [*piece.cast(schema).columns, pa.repeat(moment, len(piece))]
                writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=stamped))
        partial.replace(target)  # atomic: a reader sees the whole file or none
    finally:
        partial.unlink(missing_ok=True)
    return True


def newest_batch(landing_dir: Path, system: str, object_name: str) -> Path | None:
    """File of the newest batch of an object; None when nothing has landed or only the empty typed file."""
    paths = (landing_dir / system / object_name).glob("*.parquet")
    return max((path for path in paths if path.name != EMPTY_FILE), default=None)


def write_empty_file(landing_dir: Path, system: str, object_name: str, columns: dict[str, str]) -> None:
    """Write the object's typed file without rows, so that SQL finds every column of today's contract.

    It stands for an object that was never delivered, and for columns that older batches do not have.

    Args:
        landing_dir: Root of the landing zone.
        system: Source system, the first folder.
        object_name: Object of the system, the second folder.
        columns: DuckDB type by landing column, without the meta columns.
    """
    empty = landing_dir / system / object_name / EMPTY_FILE
    empty.parent.mkdir(parents=True, exist_ok=True)
    typed = ", ".join(
        f'cast(null as {type_name}) as "{name}"' for name, type_name in (columns | META_TYPES).items()
    )
    partial = empty.with_suffix(".partial")
    path = str(partial.resolve()).replace("'", "''")
    with duckdb.connect() as connection:
        connection.execute(f"copy (select {typed} where false) to '{path}' (format parquet)")
    partial.replace(empty)
