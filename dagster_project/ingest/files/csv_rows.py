"""Rows of a CSV file as Arrow batches of text, with the true line of each row.

Here: the header, the chunks, and which lines cannot be read. Values are read by pyarrow. Not here: where
records begin and end (`csv_records.py`) and what the columns mean (`readers.py`).
"""

import csv
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv as arrow_csv

from dagster_project.ingest.files.csv_records import Split, split_records

CHUNK_BYTES = 8 * 1024 * 1024
MAX_RECORD_BYTES = 16 * 1024 * 1024
TOO_LONG = f"record is longer than {MAX_RECORD_BYTES // 1024**2} MiB, or a quoted value is never closed"
HEADER_BYTES = 1024 * 1024
DELIMITERS = ",;\t|"
BOM = b"\xef\xbb\xbf"
FOREIGN_FILES = {  # first bytes of what people save under a wrong name
    b"PAR1": "a Parquet file; name it .parquet",
    b"PK\x03\x04": "an Excel workbook or a ZIP archive; export it as CSV (UTF-8)",
    b"\x1f\x8b": "a gzip archive; unpack it first",
    b"\xff\xfe": "UTF-16 text; save it as CSV (UTF-8)",
    b"\xfe\xff": "UTF-16 text; save it as CSV (UTF-8)",
}


class UnreadableFileError(Exception):
    """A file cannot be read at all; the message says why, in words, without the file's name."""


@dataclass(frozen=True)
class CsvHeader:
    """Delimiter and columns of a CSV file, and the byte and the line where its rows begin."""

    delimiter: str
    names: tuple[str, ...]
    data_offset: int
    data_line: int


def arrow_names(count: int) -> list[str]:
    """Column names inside of a batch: by position, because a file's own names may be anything."""
    return [f"c{index}" for index in range(count)]


def batch_schema(count: int) -> pa.Schema:
    """Schema of a batch: `count` text columns, `_source_line` and `_reject_reason`."""
    fields = [(name, pa.string()) for name in arrow_names(count)]
    return pa.schema([*fields, ("_source_line", pa.int64()), ("_reject_reason", pa.string())])


def read_header(path: Path, known_columns: Collection[str]) -> CsvHeader:
    """Read the first line that is not blank.

    The delimiter is the one of comma, semicolon, tab and pipe under which most names are known; comma on
    ties.

    Args:
        path: A file that is not empty.
        known_columns: Names of the layout.

    Returns:
        The header; names are stripped, a blank one is called after its position (`column_3`).

    Raises:
        UnreadableFileError: The file is no CSV text in UTF-8.
    """
    with path.open("rb") as file:
        head = file.read(HEADER_BYTES)
    for magic, what in FOREIGN_FILES.items():
        if head.startswith(magic):
            raise UnreadableFileError(f"it is {what}")
    if b"\x00" in head.partition(b"\n")[0]:
        raise UnreadableFileError("it holds zero bytes, so it is not text; export it as CSV (UTF-8)")
    if b"\r" in head and b"\n" not in head:
        raise UnreadableFileError("its lines end in carriage returns only; save it with line feeds")
    skipped = len(BOM) if head.startswith(BOM) else 0
    lines = _lines(head[skipped:])
    headers = [_parse_header(lines, delimiter, skipped) for delimiter in DELIMITERS]
    return max(headers, key=lambda header: len(set(header.names) & set(known_columns)))


def _lines(data: bytes) -> list[bytes]:
    pieces = data.split(b"\n")
    return [piece + b"\n" for piece in pieces[:-1]] + ([pieces[-1]] if pieces[-1] else [])


def _parse_header(lines: list[bytes], delimiter: str, skipped: int) -> CsvHeader:
    reader = csv.reader((line.decode("utf-8") for line in lines), delimiter=delimiter)
    try:
        names = next((row for row in reader if any(name.strip() for name in row)), [])
    except UnicodeDecodeError as error:
        raise UnreadableFileError("its header is not valid UTF-8; save it as CSV (UTF-8)") from error
    except csv.Error as error:
        raise UnreadableFileError(f"its header is not CSV ({error}); save it as CSV (UTF-8)") from error
    return CsvHeader(
        delimiter=delimiter,
        names=tuple(name.strip() or f"column_{position}" for position, name in enumerate(names, start=1)),
        data_offset=skipped + sum(len(line) for line in lines[: reader.line_num]),
        data_line=reader.line_num + 1,
    )


def csv_batches(path: Path, header: CsvHeader, chunk_bytes: int = CHUNK_BYTES) -> Iterator[pa.RecordBatch]:
    """Read the rows of a file in bounded memory; every line that is not blank is in exactly one row.

    Args:
        path: The CSV file.
        header: Its header.
        chunk_bytes: Bytes per batch.

    Yields:
        Batches of `batch_schema`, in order of the lines. An empty value is null. A line that cannot be read
        is a row of nulls with a `_reject_reason`.
    """
    with path.open("rb") as file:
        file.seek(header.data_offset)
        line, rest, is_last = header.data_line, b"", False
        while not is_last:
            block = file.read(chunk_bytes)
            is_last = len(block) < chunk_bytes
            data = rest + block
            split = split_records(data, header.delimiter, is_last)
            while not split.consumed and len(data) > MAX_RECORD_BYTES and not is_last:
                data, batch = _reject_first_line(file, data, line, len(header.names))
                yield batch
                line += 1
                split = split_records(data, header.delimiter, is_last=False)
            if len(split.starts):
                yield _batch(data, split, header, line)
            line += data.count(b"\n", 0, split.consumed)
            rest = data[split.consumed :]


def _reject_first_line(file: BinaryIO, data: bytes, line: int, columns: int) -> tuple[bytes, pa.RecordBatch]:
    """Give up the first line of a record that is too long to keep in memory, and go on behind it."""
    while (end := data.find(b"\n")) < 0 and data:
        data = file.read(CHUNK_BYTES)
    rejects = _reject_rows({line: TOO_LONG}, columns)
    return data[end + 1 :], rejects.combine_chunks().to_batches()[0]


def _batch(data: bytes, split: Split, header: CsvHeader, first_line: int) -> pa.RecordBatch:
    """Values of the good records and a row of nulls for each bad one, in order of the lines."""
    problems = split.problems | dict.fromkeys(
        np.flatnonzero(split.ends - split.starts > MAX_RECORD_BYTES).tolist(), TOO_LONG
    )
    for index in _undecodable(data, split):
        problems.setdefault(index, "not valid UTF-8")
    is_good = split.ends > split.starts
    is_good[list(problems)] = False
    table, ragged = _parse(_good_bytes(data, split, is_good), header)
    good = np.flatnonzero(is_good)
    if len(table) + len(ragged) != len(good):
        last_line = first_line + int(split.lines[-1])
        raise UnreadableFileError(f"the rows from line {first_line} to line {last_line} cannot be told apart")
    width = len(header.names)
    problems |= {
        int(good[row - 1]): f"line has {_columns(found)}, header has {width}" for row, found in ragged.items()
    }
    is_good[list(problems)] = False
    kept_lines = pa.array(first_line + split.lines[is_good], type=pa.int64())
    kept = table.append_column("_source_line", kept_lines)
    kept = kept.append_column("_reject_reason", pa.nulls(len(kept), pa.string()))
    if problems:
        reasons = {first_line + int(split.lines[index]): reason for index, reason in problems.items()}
        kept = pa.concat_tables([kept, _reject_rows(reasons, width)]).sort_by("_source_line")
    batches = kept.combine_chunks().to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], schema=batch_schema(width))


def _columns(count: int) -> str:
    return "1 column" if count == 1 else f"{count} columns"


def _reject_rows(reasons: dict[int, str], width: int) -> pa.Table:
    values = [pa.nulls(len(reasons), pa.string())] * width
    lines = pa.array(list(reasons), type=pa.int64())
    return pa.table(
        [*values, lines, pa.array(list(reasons.values()), pa.string())], schema=batch_schema(width)
    )


def _good_bytes(data: bytes, split: Split, is_good: NDArray[np.bool_]) -> bytes:
    """The good records, line ends included, without a copy per record."""
    if is_good.all():
        return data[: split.consumed]
    edges = np.diff(np.concatenate([[False], is_good, [False]]).astype(np.int8))
    limits = np.append(split.starts, split.consumed)
    runs = zip(limits[np.flatnonzero(edges == 1)], limits[np.flatnonzero(edges == -1)], strict=True)
    return b"".join(data[first:last] for first, last in runs)


def _undecodable(data: bytes, split: Split) -> list[int]:
    """Indices of the records that are not valid UTF-8."""
    indices: list[int] = []
    position, view = 0, memoryview(data)
    while position < split.consumed:
        try:
            str(view[position : split.consumed], "utf-8")
            break
        except UnicodeDecodeError as error:
            index = int(np.searchsorted(split.starts, position + error.start, side="right")) - 1
            indices.append(index)
            position = int(split.starts[index + 1]) if index + 1 < len(split.starts) else split.consumed
    return indices


def _parse(data: bytes, header: CsvHeader) -> tuple[pa.Table, dict[int, int]]:
    """Let pyarrow read the values; also gives the number of columns of ragged rows by row, counted from 1."""
    names = arrow_names(len(header.names))
    ragged: dict[int, int] = {}

    def note_ragged(row: arrow_csv.InvalidRow) -> str:
        ragged[row.number] = row.actual_columns
        return "skip"

    if not data:
        return pa.table({name: pa.array([], pa.string()) for name in names}), ragged
    if data.startswith(BOM):
        data = BOM + data  # pyarrow drops one; behind the header it is part of a value
    table = arrow_csv.read_csv(
        pa.BufferReader(data),
        # One block and one thread: only then does pyarrow number the rows.
        arrow_csv.ReadOptions(column_names=names, use_threads=False, block_size=len(data) + 1),
        arrow_csv.ParseOptions(
            delimiter=header.delimiter, newlines_in_values=True, invalid_row_handler=note_ragged
        ),
        arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
            check_utf8=False,  # done line by line before
        ),
    )
    return table, ragged
