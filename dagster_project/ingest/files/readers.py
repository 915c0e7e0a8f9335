"""From one file of the inbox to the rows of its landing batch.

Here: what a CSV, Parquet, NDJSON or mapping file offers, and the SELECT that turns it into layout columns of
text. Not here: which files are taken, and where batches go (`drop.py`).
"""

import difflib
import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import duckdb
import pyarrow as pa
from pyarrow import parquet

from dagster_project.ingest.files import workbook_rows
from dagster_project.ingest.files.csv_rows import (
    UnreadableFileError,
    arrow_names,
    csv_batches,
    read_header,
)
from dagster_project.ingest.files.draft import likely_columns
from dagster_project.ingest.files.layout import FileObject
from dagster_project.ingest.files.mapping import MappingError, read_mapping
from dagster_project.ingest.files.ndjson_rows import ndjson_batches, read_keys
from dagster_project.ingest.files.plain_rows import FAULTS
from dagster_project.ingest.landing import EXTRA
from dagster_project.ingest.sql_text import first_line, quoted_text

SUFFIXES = (".csv", ".parquet", ".ndjson", workbook_rows.SUFFIX, ".sql")
NAMES_SHOWN = 30
ROWS_PER_BATCH = 100_000

Batches = Callable[[], Iterator[pa.RecordBatch]]


@dataclass(frozen=True)
class Source:
    """What a file offers.

    Attributes:
        columns: Column names as written.
        relation: SQL with the columns `c0`, `c1`, ..., `_source_line` and `_reject_reason`.
        fields: Expression over the relation by layout column.
        extra: Expression of the JSON text of all other columns.
        batches: Rows of the relation `source_rows`, when it does not read the file by itself.
        notes: What a person should know of how the file is read.
        has_semicolons: Values are separated by semicolons.
    """

    columns: tuple[str, ...]
    relation: str
    fields: dict[str, str]
    extra: str
    batches: Batches | None
    notes: tuple[str, ...] = ()
    has_semicolons: bool = False


def open_source(
    connection: duckdb.DuckDBPyConnection, path: Path, item: FileObject, inbox_dir: Path
) -> Source:
    """Look at a file without reading its rows.

    Args:
        connection: Connection that may read the inbox.
        path: File of the inbox with one of `SUFFIXES`.
        item: Object that the file holds.
        inbox_dir: Folder that a mapping's paths start from.

    Returns:
        What the file offers.

    Raises:
        UnreadableFileError: The file cannot be read.
        MappingError: The mapping cannot be used.
        OSError: The file cannot be opened.
    """
    if path.suffix.lower() == ".csv":
        header = read_header(path, item.columns)
        source = _by_position(header.names, item, "source_rows", batches=partial(csv_batches, path, header))
        return replace(source, notes=header.notes, has_semicolons=header.delimiter == ";")
    if path.suffix.lower() == workbook_rows.SUFFIX:
        sheet = workbook_rows.find_sheet(path, item.name, item.columns)
        batches = partial(workbook_rows.sheet_batches, sheet)
        return replace(_by_position(sheet.names, item, "source_rows", batches=batches), notes=sheet.notes)
    if path.suffix.lower() == ".ndjson":
        names = arrow_names(len(item.columns) + 1)
        return Source(
            columns=tuple(read_keys(path)),
            relation="source_rows",
            fields=dict(zip(item.columns, names[:-1], strict=True)),
            extra=names[-1],
            batches=partial(ndjson_batches, path, item.columns),
        )
    if path.suffix.lower() == ".parquet":
        columns, rows = _parquet_columns(path), f"read_parquet({quoted_text(path.resolve())})"
        return _by_position(columns, item, rows, connection.sql(f"from {rows}").types)
    return _open_mapping(connection, path, item, inbox_dir)


def _parquet_columns(path: Path) -> list[str]:
    try:
        return list(parquet.read_schema(path).names)
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, PermissionError):
            raise
        raise UnreadableFileError(f"it is not a readable Parquet file ({first_line(error)})") from error


def _open_mapping(
    connection: duckdb.DuckDBPyConnection, path: Path, item: FileObject, inbox_dir: Path
) -> Source:
    try:
        query = read_mapping(path.read_text(encoding="utf-8-sig"), inbox_dir)
        for path_of_sheet, rows in workbook_rows.sheets_named_in(query, inbox_dir):
            connection.register(path_of_sheet, rows)
        relation = connection.sql(query)
    except UnicodeDecodeError as error:
        raise MappingError("it is not valid UTF-8") from error
    except duckdb.Error as error:
        raise MappingError(first_line(error)) from error
    return _by_position(relation.columns, item, f"(\n{query}\n)", relation.types)


def _by_position(
    columns: Sequence[str],
    item: FileObject,
    rows: str,
    types: Sequence[object] = (),
    batches: Batches | None = None,
) -> Source:
    """Address columns by position: their own names may be anything, even those of the landing."""
    names = arrow_names(len(columns))
    texts = [_text(name, str(kind)) for name, kind in itertools.zip_longest(names, types)]
    written = dict(zip(map(plain_name, columns), texts, strict=False))
    others = [
        (column, text)
        for column, text in zip(columns, texts, strict=True)
        if plain_name(column) not in item.columns
    ]
    pairs = ", ".join(f"{quoted_text(column)}, {text}" for column, text in others)
    numbered = f"""(
        select *, row_number() over () as _source_line, cast(null as varchar) as _reject_reason
        from {rows} as source_rows({", ".join(names)})
    )"""
    return Source(
        columns=tuple(columns),
        relation=rows if batches else numbered,
        fields={column: written[column] for column in item.columns if column in written},
        extra=f"if(_reject_reason is null, json_object({pairs}), null)" if others else "null",
        batches=batches,
    )


def _text(name: str, kind: str) -> str:
    """SQL of a column's values as text. Floats that are whole are whole numbers: what pandas makes of ids with a gap.

    Beyond the whole numbers that a float can hold exactly it is written with an exponent, as a spreadsheet does.
    """
    exact = {"DOUBLE": 2**53, "FLOAT": 2**24}.get(kind)
    if exact is None:
        return f"cast({name} as varchar)"
    return f"""case
        when isnan({name}) then null
        when {name} <> trunc({name}) or isinf({name}) then cast({name} as varchar)
        when abs({name}) <= {exact} then cast(cast({name} as bigint) as varchar)
        else format('{{:E}}', {name})
    end"""


def plain_name(column: str) -> str:
    """Column name as it is compared: without case and outer blanks."""
    return column.strip().casefold()


def column_problems(columns: tuple[str, ...], item: FileObject) -> list[str]:
    """Why these columns cannot be landed as the object, one text per problem.

    Args:
        columns: Names as written.
        item: The object.

    Returns:
        Nothing when all is well.
    """
    counts = Counter(map(plain_name, columns))
    twice = [name for name, count in counts.items() if count > 1]
    problems = []
    if twice:
        problems.append(f"column names appear twice: {', '.join(twice)}; rename or drop one of each")
    missing = [name for name in item.required if name not in counts]
    if missing:
        shown = [column[:60] for column in columns[:NAMES_SHOWN]] + ["..."] * (len(columns) > NAMES_SHOWN)
        unknown = [name for name in counts if name not in item.columns]
        near = {name: difflib.get_close_matches(name, unknown, n=1, cutoff=0.6) for name in missing}
        likely = {name: match[0] for name, match in near.items() if match} | likely_columns(columns, item)
        advice = [f"is '{likely[name]}' your {name}?" for name in missing if name in likely]
        advice.append("Rename the columns; or rename the file, and `make map FILE=...` drafts a mapping.")
        problems.append(
            f"required columns are missing: {', '.join(missing)}; "
            f"found: {', '.join(shown) or 'none'}. {' '.join(advice)}"
        )
    return problems


def landing_schema(item: FileObject) -> pa.Schema:
    """Columns of a landing batch: the layout and `extra` as text, `_faults`, the meta columns but `_loaded_at`."""
    texts = [(column, pa.string()) for column in (*item.columns, EXTRA, "_source_file")]
    rejects = [(column, pa.string()) for column in ("_reject_column", "_reject_reason", FAULTS)]
    return pa.schema([*texts, ("_source_line", pa.int64()), *rejects])


def landing_rows(
    connection: duckdb.DuckDBPyConnection, source: Source, item: FileObject, file: str
) -> Iterator[pa.RecordBatch]:
    """Turn the rows of a file into rows of its landing batch.

    Args:
        connection: Connection that may read the inbox.
        source: What the file offers.
        item: Object that the file holds.
        file: Name of the file in the inbox.

    Yields:
        Rows of `landing_schema`, in order of the file's lines.
    """
    fields = ",\n".join(
        f'cast({source.fields.get(column, "null")} as varchar) as "{column}"' for column in item.columns
    )
    query = f"""
        select
            {fields},
            cast({source.extra} as varchar) as {EXTRA},
            {quoted_text(file)} as _source_file,
            _source_line,
            cast(null as varchar) as _reject_column,
            _reject_reason,
            cast(null as varchar) as {FAULTS}
        from {source.relation}
    """
    if source.batches is None:
        yield from connection.execute(query).to_arrow_reader(ROWS_PER_BATCH)
        return
    # One query per batch: a reader registered as a whole is read ahead without a limit.
    for batch in source.batches():
        connection.register("source_rows", pa.Table.from_batches([batch]))
        yield from connection.execute(query).to_arrow_table().to_batches()
