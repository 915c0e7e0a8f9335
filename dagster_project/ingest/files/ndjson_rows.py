"""Rows of an NDJSON file as Arrow batches of text, with the line of each row.

Here: one JSON object per line into layout columns. Python's own JSON reader is used on purpose, although
DuckDB's is faster: it alone gives a number as it is written (`11.770`). Not here: what the columns mean.
"""

import itertools
import json
import re
from collections.abc import Collection, Iterator
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from dagster_project.ingest.files.csv_rows import UnreadableFileError, batch_schema
from dagster_project.ingest.files.text_files import BOM
from dagster_project.ingest.text_lines import MAX_LINE_BYTES, TOO_LONG, bounded_lines

LINES_PER_BATCH = 20_000
LINES_TO_LEARN_FROM = 1000
TEXT_TYPES = frozenset({str, type(None)})
LONE_SURROGATE = re.compile("[\ud800-\udfff]")
ESCAPED_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def read_keys(path: Path) -> list[str]:
    """Keys of the objects in the first lines, each in its first spelling.

    Args:
        path: A file that is not empty.

    Returns:
        Keys as written; a key may still turn up later.

    Raises:
        UnreadableFileError: None of the first lines is a JSON object.
    """
    keys: dict[str, str] = {}  # lines may spell a key in different ways
    reason = "it has no line"
    with path.open("rb") as file:
        for line in itertools.islice(_lines(file), LINES_TO_LEARN_FROM):
            row, problem = _read_line(line)
            keys = {key.strip().casefold(): key for key in row} | keys
            reason = problem or reason
    if not keys:
        raise UnreadableFileError(f"none of its first lines is a JSON object ({reason}); write one per line")
    return list(keys.values())


def ndjson_batches(path: Path, columns: Collection[str]) -> Iterator[pa.RecordBatch]:
    """Read the rows of a file in bounded memory; every line that is not blank is in exactly one row.

    Args:
        path: The NDJSON file.
        columns: Layout columns; keys are compared without case and outer blanks.

    Yields:
        Batches of `batch_schema`: one column per layout column, then the JSON text of all other keys.
    """
    names = tuple(columns)
    with path.open("rb") as file:
        numbered = ((number, line) for number, line in enumerate(_lines(file), start=1) if line.strip())
        while lines := list(itertools.islice(numbered, LINES_PER_BATCH)):
            rows = [_row(line, names) for _, line in lines]
            values = [
                *([row[position] for row in rows] for position in range(len(names) + 1)),
                [number for number, _ in lines],
                [row[-1] for row in rows],
            ]
            yield pa.RecordBatch.from_pydict(
                dict(zip(batch_schema(len(names) + 1).names, values, strict=True)),
                schema=batch_schema(len(names) + 1),
            )


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    """Lines without the marks that some editors put before the first."""
    start = 0
    while file.read(len(BOM)) == BOM:
        start += len(BOM)
    file.seek(start)
    return bounded_lines(file)


def _row(line: bytes, names: tuple[str, ...]) -> list[str | None]:
    """Layout values, `extra` and the reason for a rejection."""
    row, problem = _read_line(line)
    if problem is not None:
        return [None] * (len(names) + 1) + [problem]
    known, others = _places(tuple(row), names)
    extra = json.dumps({key: row[key] for key in others}, ensure_ascii=False) if others else None
    return [*(None if key is None else row[key] for key in known), extra, None]


@lru_cache(maxsize=1024)  # most lines have the same keys
def _places(keys: tuple[str, ...], names: tuple[str, ...]) -> tuple[tuple[str | None, ...], tuple[str, ...]]:
    """Key of each layout column, and the keys beyond the layout."""
    plain: dict[str, str] = {}
    for key in keys:
        plain.setdefault(key.strip().casefold(), key)  # a second spelling of a name is kept as an extra
    known = tuple(plain.get(name) for name in names)
    return known, tuple(key for key in keys if key not in known)


def _read_line(line: bytes) -> tuple[dict[str, str | None], str | None]:
    """Values as text, or the reason why the line cannot be read."""
    if len(line) > MAX_LINE_BYTES:
        return {}, TOO_LONG
    try:
        text = line.decode("utf-8").strip()
        row = EXACT.decode(text)
        if not isinstance(row, dict):
            return {}, "not a JSON object"
        values = row if TEXT_TYPES.issuperset(map(type, row.values())) else _as_text(row, text)
    except UnicodeDecodeError:
        return {}, "not valid UTF-8"
    except (ValueError, RecursionError) as error:
        return {}, f"not valid JSON: {error}"
    if ESCAPED_SURROGATE.search(line) and LONE_SURROGATE.search(json.dumps(values, ensure_ascii=False)):
        return {}, "not valid Unicode: half of a character"
    return values, None


def _as_text(row: dict[str, Any], text: str) -> dict[str, str | None]:
    """Truth values and nested values as JSON text; numbers inside of nested values stay numbers."""
    plain = json.loads(text)
    return {
        key: value if type(value) in TEXT_TYPES else json.dumps(plain[key], ensure_ascii=False)
        for key, value in row.items()
    }


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        raise ValueError("a key appears twice")
    return row


EXACT = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str, object_pairs_hook=_unique_keys)
