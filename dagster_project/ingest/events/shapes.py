"""Product events as others write them become rows of `product__events`.

Three shapes are known by their columns: our own, a Segment export, a PostHog batch export. Every line becomes JSON
text first, whatever the file was, so that one piece of SQL reads them all. Nested objects and fields that have no
place in the contract stay whole in `extra`. Segment's calls that say who somebody is (identify, group, alias) are no
events and are left out. A device before somebody signs in is no user: its id goes to `device_id`. Times may be numbers
since 1970, in seconds, milli-, micro- or nanoseconds.

Not here: which files there are, and which of them have landed (`connector.py`).
"""

import contextlib
import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import duckdb
import pyarrow as pa

from dagster_project.contracts import landing_objects
from dagster_project.databases import connect
from dagster_project.ingest.landing import EXTRA
from dagster_project.ingest.sql_text import quoted_list, quoted_text
from dagster_project.ingest.text_lines import MAX_LINE_BYTES, TOO_LONG, bounded_lines

EVENTS = "product__events"
TEXTS = ("event_id", "workspace_id", "user_id", "device_id", "session_id", "event_name", "feature")
NUMBERS = ("quantity", "duration_seconds", "error_count")
TIMES = ("occurred_at", "received_at")
COLUMNS = (*TEXTS, *NUMBERS, *TIMES)
REQUIRED = ("event_id", "workspace_id", "event_name", "occurred_at", "received_at")
SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in TEXTS),
        *((name, pa.int64()) for name in NUMBERS),
        *((name, pa.timestamp("us")) for name in TIMES),
        *((name, pa.string()) for name in (EXTRA, "_source_file")),
        ("_source_line", pa.int64()),
        ("_reject_column", pa.string()),
        ("_reject_reason", pa.string()),
    ]
)

LINES_PER_BATCH = 50_000
LINES_PER_THREAD = 8192
BYTES_PER_BATCH = 32 * 1024 * 1024
OBJECTS_TO_LEARN_FROM = 1000
NAMES_SHOWN = 12
LINES_SCHEMA = pa.schema([("line", pa.string()), ("_source_line", pa.int64()), ("problem", pa.string())])


class RefusedFileError(Exception):
    """A file cannot be read as events; the message names the column, without the file."""


@dataclass(frozen=True)
class Shape:
    """Where a shape keeps the fields of our contract.

    Attributes:
        name: In words.
        marks: Columns that no other shape has all of.
        paths: JSON paths by contract column, the first that is filled counts; `properties.x` may lie in JSON text.
        defaults: SQL by contract column, for rows in which none is filled.
        where: SQL condition of a row that is an event, over `kind`, the value at `$.type`.
        anonymous: JSON paths that hold `false` when nobody is signed in; a user id that is the device's is none either.
    """

    name: str
    marks: tuple[str, ...]
    paths: dict[str, tuple[str, ...]]
    defaults: dict[str, str] = field(default_factory=dict)
    where: str = "true"
    anonymous: tuple[str, ...] = ()

    @property
    def used(self) -> tuple[str, ...]:
        """Plain fields that are landed in a column, and so not in `extra`."""
        return tuple(
            {
                path: None
                for column, paths in self.paths.items()
                for path in (paths if column in TIMES else paths[:1])
                if "." not in path
            }
        )


_MEASURES = {name: (f"properties.{name}",) for name in ("feature", *NUMBERS)}
SHAPES = (
    Shape("our own", ("event_id",), {name: (name,) for name in COLUMNS} | {"received_at": TIMES[::-1]}),
    Shape(
        "a Segment export",
        ("messageId",),
        {
            "event_id": ("messageId",),
            "workspace_id": ("groupId", "context.groupId", "properties.workspace_id"),
            "user_id": ("userId",),
            "device_id": ("anonymousId",),
            "session_id": ("context.sessionId", "properties.session_id"),
            "event_name": ("event", "name", "type"),
            "occurred_at": ("timestamp", "originalTimestamp"),
            "received_at": ("receivedAt", "sentAt", "timestamp", "originalTimestamp"),
            **_MEASURES,
        },
        {"quantity": "'1'"},
        "coalesce(kind, 'track') in ('track', 'page', 'screen')",
    ),
    Shape(
        "a PostHog export",
        ("uuid", "distinct_id"),
        {
            "event_id": ("uuid",),
            "workspace_id": ("properties.$group_0", "properties.workspace_id"),
            "user_id": ("distinct_id",),
            "device_id": ("properties.$device_id",),
            "session_id": ("properties.$session_id",),
            "event_name": ("event",),
            "occurred_at": ("timestamp",),
            "received_at": ("created_at", "_inserted_at", "inserted_at", "timestamp"),
            **_MEASURES,
        },
        {"quantity": "'1'"},
        anonymous=("properties.$is_identified", "properties.$process_person_profile"),
    ),
)


def shape_of(names: Iterable[str]) -> Shape:
    """The shape that has these columns.

    Raises:
        RefusedFileError: None has them.
    """
    found = set(names)
    shape = next((shape for shape in SHAPES if found.issuperset(shape.marks)), None)
    if shape is None:
        shown = ", ".join(name[:60] for name in sorted(found)[:NAMES_SHOWN])
        wanted = ", ".join(f"{' and '.join(shape.marks)} ({shape.name})" for shape in SHAPES)
        raise RefusedFileError(
            f"column event_id is missing; found {shown or 'none'}; expected one of {wanted}"
        )
    return shape


def fits_as_it_is(columns: dict[str, str]) -> bool:
    """Whether a Parquet file with these DuckDB types can be landed byte for byte: bronze reads it like our own."""
    types = landing_objects()[EVENTS]
    texts, times = ("VARCHAR", "UUID"), ("VARCHAR", "TIMESTAMP", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE")
    numbers = tuple(f"{sign}{size}INT" for sign in ("", "U") for size in ("TINY", "SMALL")) + (
        "INTEGER",
        "UINTEGER",
        "BIGINT",
    )
    allowed = {name: times if name in TIMES else numbers if name in NUMBERS else texts for name in types}
    return set(REQUIRED) <= set(columns) and all(
        name in allowed and kind in allowed[name] for name, kind in columns.items()
    )


def ndjson_pieces(file: IO[bytes], source_file: str) -> Iterator[pa.RecordBatch]:
    """Rows of an open NDJSON file, in bounded memory.

    Args:
        file: Opened for bytes, already unpacked.
        source_file: What a person can open.

    Yields:
        Batches of `SCHEMA`, one row per line that is not blank (and is an event).

    Raises:
        RefusedFileError: The file is no file of events.
    """
    tables = _line_tables(file)
    first = next(tables, None)
    if first is None:
        return
    shape = shape_of(_keys(first))
    sql = rows_sql(shape, "lines", source_file)
    with _connection() as connection:

        def rows() -> Iterator[pa.RecordBatch]:
            for lines in itertools.chain([first], tables):
                connection.register("lines", lines)
                yield from connection.execute(sql).to_arrow_table().to_batches()

        yield from _checked(rows(), shape)


def parquet_pieces(path: Path, names: Sequence[str], source_file: str) -> Iterator[pa.RecordBatch]:
    """Rows of a Parquet file that is not landed as it is; see `ndjson_pieces`."""
    shape = shape_of(names)
    lines = f"""(
        select
            cast(to_json(whole_row) as varchar) as line,
            row_number() over () as _source_line,
            cast(null as varchar) as problem
        from (
            select * from read_parquet({quoted_text(path.resolve())}, hive_partitioning = false)
        ) as whole_row
    )"""
    with _connection() as connection:
        rows = connection.execute(rows_sql(shape, lines, source_file)).to_arrow_reader(LINES_PER_BATCH)
        yield from _checked(rows, shape)


def rows_sql(shape: Shape, relation: str, source_file: str) -> str:
    """SELECT of `SCHEMA` over a relation with `line`, `_source_line` and `problem`."""
    places = {*shape.anonymous, *(path for paths in shape.paths.values() for path in paths)}
    inner = sorted(path for path in places if path.startswith("properties."))
    outer = sorted(places - set(inner))
    value_at = {path: f"outer_values[{at}]" for at, path in enumerate(outer, start=1)}
    value_at |= {path: f"inner_values[{at}]" for at, path in enumerate(inner, start=1)}
    texts = {
        column: ", ".join([*(value_at[path] for path in paths), shape.defaults.get(column, "null")])
        for column, paths in shape.paths.items()
    }
    is_anonymous = " or ".join(
        ["user_id_text = device_id_text", *(f"lower({value_at[path]}) = 'false'" for path in shape.anonymous)]
    )
    inside = [path.removeprefix("properties.") for path in inner]
    patch = quoted_text(json.dumps(dict.fromkeys(shape.used)))
    problems = [(column, f"{column}_text is not null and {column} is null", "timestamp") for column in TIMES]
    problems += [
        (column, f"{column}_text is not null and {column} is distinct from try_cast({column}_text as double)",
         "whole number")
        for column in NUMBERS
    ]  # fmt: skip
    reasons = [
        f"when {bad} then '{column}: ''' || left({column}_text, 60) || ''' is not a {kind}'"
        for column, bad, kind in problems
    ]
    named = [f"when {bad} then '{column}'" for column, bad, _ in problems]
    return f"""
        with kinds as (
            select *, case when json_valid(line) then json_type(line) = 'OBJECT' else false end as is_object
            from {relation}
        ),

        outer_fields as (
            select
                *,
                if(is_object, json_extract_string(line, {_paths(outer)}), []) as outer_values,
                if(is_object, json_extract_string(line, '$.properties'), null) as properties,
                if(is_object, json_extract_string(line, '$.type'), null) as kind
            from kinds
        ),

        fields as (
            select
                *,
                if(json_valid(properties), json_extract_string(properties, {_paths(inside)}), []) as inner_values
            from outer_fields
            where {shape.where}
        ),

        texts as (
            select
                *,
                {", ".join(f"nullif(trim(coalesce({texts[name]})), '') as {name}_text" for name in COLUMNS)}
            from fields
        ),

        named as (
            select
                * replace (
                    if({is_anonymous}, null, user_id_text) as user_id_text,
                    coalesce(device_id_text, if({is_anonymous}, user_id_text, null)) as device_id_text
                )
            from texts
        ),

        typed as (
            select
                *,
                {", ".join(f"{name}_text as {name}" for name in TEXTS)},
                {", ".join(f"try_cast({name}_text as bigint) as {name}" for name in NUMBERS)},
                {", ".join(f"{_moment(f'{name}_text')} as {name}" for name in TIMES)}
            from named
        )

        select
            {", ".join(COLUMNS)},
            if(is_object, nullif(cast(json_merge_patch(line, {patch}) as varchar), '{{}}'), null) as extra,
            {quoted_text(source_file)} as _source_file,
            _source_line,
            case {" ".join(named)} end as _reject_column,
            case
                when problem is not null then problem
                when not is_object then 'not a JSON object'
                {" ".join(reasons)}
            end as _reject_reason
        from typed
    """


def _moment(text: str) -> str:
    """UTC time of a text, or of a number since 1970: ten digits are seconds, each three more a thousandth of them."""
    number = f"try_cast({text} as bigint)"
    scaled = {10: f"{number} * 1000000", 13: f"{number} * 1000", 16: number, 19: f"{number} // 1000"}
    known = " ".join(f"when {digits} then {micros}" for digits, micros in scaled.items())
    since_1970 = f"try(make_timestamp(case length({text}) {known} end))"
    return f"coalesce(timezone('UTC', try_cast({text} as timestamptz)), {since_1970})"


def _paths(paths: Sequence[str]) -> str:
    """JSON paths as a SQL list; every part in quotes, as it may hold a dollar sign."""
    parts = (".".join(f'"{part}"' for part in path.split(".")) for path in paths)
    return f"{quoted_list(f'$.{path}' for path in parts)}::varchar[]"


def _connection() -> duckdb.DuckDBPyConnection:
    connection = connect()
    connection.execute("set TimeZone = 'UTC'; set threads = 2; set memory_limit = '2GB'")
    return connection


def _checked(pieces: Iterable[pa.RecordBatch], shape: Shape) -> Iterator[pa.RecordBatch]:
    """Pass rows on; at the end refuse a file in which a required column is empty, or no row can be read."""
    filled = dict.fromkeys(REQUIRED, 0)
    row_count, first_reason = 0, ""
    for piece in pieces:
        row_count += piece.num_rows
        reasons = piece.column("_reject_reason")
        sound = piece.filter(reasons.is_null()) if reasons.null_count else piece.slice(0, 0)
        for name in REQUIRED:
            filled[name] += sound.num_rows - sound.column(name).null_count
        if not first_reason and reasons.null_count < len(reasons):
            first_reason = str(reasons.drop_null()[0])
        yield piece
    empty = next((name for name in REQUIRED if not filled[name]), None)
    if row_count and empty:
        where = f"{' or '.join(shape.paths[empty])} in {shape.name}"
        example = f"; e.g. {first_reason}" if first_reason else ""
        raise RefusedFileError(f"column {empty} is missing or empty in every row ({where}){example}")


def _line_tables(file: IO[bytes]) -> Iterator[pa.Table]:
    """Numbered lines of a file, some at a time; a line that is no text carries the problem instead."""
    rows: list[tuple[str | None, int, str | None]] = []
    byte_count = 0
    for number, line in enumerate(bounded_lines(file), start=1):
        if line.isspace():
            continue
        rows.append(_readable(line, number))
        byte_count += len(line)
        if len(rows) == LINES_PER_BATCH or byte_count >= BYTES_PER_BATCH:
            yield _line_table(rows)
            rows, byte_count = [], 0
    if rows:
        yield _line_table(rows)


def _line_table(rows: list[tuple[str | None, int, str | None]]) -> pa.Table:
    columns = [
        pa.array(values, type=item.type)
        for values, item in zip(zip(*rows, strict=True), LINES_SCHEMA, strict=True)
    ]
    table = pa.Table.from_arrays(columns, schema=LINES_SCHEMA)
    return pa.Table.from_batches(table.to_batches(max_chunksize=LINES_PER_THREAD))


def _readable(line: bytes, number: int) -> tuple[str | None, int, str | None]:
    if len(line) > MAX_LINE_BYTES:
        return None, number, TOO_LONG
    try:
        return line.decode("utf-8-sig" if number == 1 else "utf-8"), number, None
    except UnicodeDecodeError:
        return None, number, "not valid UTF-8"


def _keys(lines: pa.Table) -> set[str]:
    """Keys of the first objects; lines that are none are passed over."""
    keys: set[str] = set()
    object_count = 0
    for line in lines.column("line").to_pylist():
        with contextlib.suppress(ValueError, RecursionError):
            row = json.loads(line or "null")
            if isinstance(row, dict):
                keys.update(row)
                object_count += 1
        if object_count == OBJECTS_TO_LEARN_FROM:
            break
    return keys
