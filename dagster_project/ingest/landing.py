"""The landing zone: immutable Parquet files under `<landing>/<system>/<object>/`, and the one way to write them.

Here: how rows become a file that is whole and on the disk, or not there, and which meta columns every landing row
carries. Not here: what the systems are (see the bronze contracts) and how rows become types (see `dbt/models/bronze`).
"""

import datetime as dt
import itertools
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
import polars as pl
import pyarrow as pa
from pyarrow import parquet

META_SCHEMA = pa.schema(
    [
        ("_source_file", pa.string()),  # what a person can open: the file of the drop, or the landing batch
        ("_source_line", pa.int64()),  # line in that file, counted from 1
        ("_loaded_at", pa.timestamp("us")),  # when the batch arrived, UTC
        ("_reject_column", pa.string()),  # filled when the row could not even be read
        ("_reject_reason", pa.string()),
    ]
)
ARROW_TYPES = {
    "VARCHAR": pa.string(),
    "BIGINT": pa.int64(),
    "DOUBLE": pa.float64(),
    "BOOLEAN": pa.bool_(),
}
"""Types of landing fields by the words of the contracts."""

EXTRA = "extra"
"""The landing column of everything that the contract does not know, as JSON text."""

EMPTY_FILE = "_empty.parquet"
NO_FOOTER: Mapping[bytes, bytes] = MappingProxyType({})
ROWS_PER_GROUP = 131_072
"""Readers share the work on a file by its row groups."""


def batch_path(landing_dir: Path, system: str, object_name: str, batch: str) -> Path:
    """The file of one batch, e.g. `landing/stripe/invoices/2026-09-30.parquet`."""
    return landing_dir / system / object_name / f"{batch}.parquet"


def object_folder(landing_dir: Path, object_name: str) -> Path:
    """Where the files of `<system>__<object>` lie."""
    system, name = object_name.split("__", 1)
    return landing_dir / system / name


def write_rows(
    target: Path,
    schema: pa.Schema,
    pieces: Iterable[pa.Table | pa.RecordBatch],
    loaded_at: dt.datetime,
    footer: Mapping[bytes, bytes] = NO_FOOTER,
    varied: Collection[str] = (),
) -> None:
    """Write one landing file; it is there under its name when it is whole and on the disk, and not before.

    Args:
        target: The file, in the folder of its object. What killed runs left unfinished there is removed.
        schema: Columns of the pieces. Meta columns that it lacks are added; `_source_line` counts from 1.
        pieces: The rows in their order. A file of any size takes the memory of one piece.
        loaded_at: When the rows arrived, UTC without zone.
        footer: Kept with the file, such as the cursor after its rows; looked at after the last piece.
        varied: Columns whose values hardly repeat: a dictionary of them would only cost time.

    Raises:
        Exception: Whatever the pieces raise; nothing is left behind then.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    for abandoned in target.parent.glob("*.partial"):
        abandoned.unlink()
    partial = target.with_suffix(".partial")
    whole = pa.schema([*(field for field in schema if field.name not in META_SCHEMA.names), *META_SCHEMA])
    dictionaries = [name for name in whole.names if name not in varied]
    try:
        with parquet.ParquetWriter(partial, whole, compression="zstd", use_dictionary=dictionaries) as writer:
            for rows in _with_meta_columns(pieces, whole, target, loaded_at):
                writer.write_table(rows, row_group_size=ROWS_PER_GROUP)
            writer.add_key_value_metadata(footer)
        commit(partial, target)
    finally:
        partial.unlink(missing_ok=True)


def commit(partial: Path, target: Path) -> None:
    """Give a finished file its name: a reader sees the whole file or none, after a power cut too."""
    _to_disk(partial)
    partial.replace(target)
    _to_disk(target.parent)


def write_text(path: Path, text: str) -> None:
    """Write a small file that is not immutable, such as a note of how far a source was read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.unfinished")
    partial.write_text(text, encoding="utf-8")
    commit(partial, path)


def write_batch(
    landing_dir: Path,
    system: str,
    object_name: str,
    batch: str,
    frames: pl.DataFrame | Iterable[pl.DataFrame],
    loaded_at: dt.datetime,
) -> int:
    """Write one batch from frames unless it is there already; landing files are never edited.

    Args:
        landing_dir: Root of the landing zone.
        system: Source system, the first folder.
        object_name: Object of the system, the second folder.
        batch: File name without suffix; batches of an object sort by it.
        frames: Rows in the source's own columns, at least one frame; missing meta columns are added. Of many only one
            is in memory at a time.
        loaded_at: When the batch arrived, UTC without zone.

    Returns:
        Rows written, 0 when the batch was already there.
    """
    target = batch_path(landing_dir, system, object_name, batch)
    if target.exists():
        return 0
    pieces = (
        frame.to_arrow(compat_level=pl.CompatLevel.oldest())
        for frame in ([frames] if isinstance(frames, pl.DataFrame) else frames)
    )
    first = next(pieces)
    write_rows(target, first.schema, itertools.chain([first], pieces), loaded_at)
    return int(parquet.read_metadata(target).num_rows)


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
    schema = pa.schema([(name, ARROW_TYPES[type_name]) for name, type_name in columns.items()])
    if _schema_of(empty) != pa.schema([*schema, *META_SCHEMA]):
        write_rows(empty, schema, (), dt.datetime.min)


def newest_batch(landing_dir: Path, system: str, object_name: str) -> Path | None:
    """File of the newest batch of an object; None when nothing has landed or only the empty typed file."""
    paths = (landing_dir / system / object_name).glob("*.parquet")
    return max((path for path in paths if path.name != EMPTY_FILE), default=None)


def _with_meta_columns(
    pieces: Iterable[pa.Table | pa.RecordBatch], schema: pa.Schema, target: Path, loaded_at: dt.datetime
) -> Iterator[pa.Table]:
    first_line = 1
    for piece in pieces:
        count = piece.num_rows
        added = {
            "_source_file": pa.repeat(pa.scalar("/".join(target.parts[-3:])), count),
            "_source_line": pa.array(np.arange(first_line, first_line + count)),
            "_loaded_at": pa.repeat(pa.scalar(loaded_at, pa.timestamp("us")), count),
            "_reject_column": pa.nulls(count, pa.string()),
            "_reject_reason": pa.nulls(count, pa.string()),
        }
        columns = added | dict(zip(piece.schema.names, piece.columns, strict=True))
        yield pa.table([columns[name].cast(schema.field(name).type) for name in schema.names], schema=schema)
        first_line += count


def _to_disk(path: Path) -> None:
    """Wait until a file, or the names in a folder, would outlive a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _schema_of(path: Path) -> pa.Schema | None:
    """The columns of a file; None when it is not there or broken."""
    try:
        return parquet.read_schema(path)
    except (OSError, pa.ArrowException):
        return None
