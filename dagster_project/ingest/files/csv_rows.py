"""Rows of a CSV file as Arrow batches of text, with the true line of each row.

Python's own reader splits records and values. It is strict, and told again where to go on: a line whose quotes do not
fit is rejected alone, and the next line starts afresh. Not here: what the columns mean (`readers.py`).
"""

import csv
import io
import itertools
import re
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
from pyarrow import compute

from dagster_project.ingest.files.text_files import BOM, CHUNK_BYTES, WINDOWS_1252, encoding_of, open_as_utf_8

MAX_RECORD_CHARACTERS = 16 * 1024 * 1024
TOO_LONG = f"record is longer than {MAX_RECORD_CHARACTERS // 1024**2} MiB, or a quoted value is never closed"
NOT_UTF8 = "not valid UTF-8"
REASONS = {  # by a piece of what Python's reader says
    "unexpected end of data": "quoted value is never closed",
    "field larger than": TOO_LONG,
    "expected after": "text after a closing quote",
    "new-line character": "carriage return inside the line",
}
HEADER_BYTES = 1024 * 1024
DELIMITERS = ",;\t|"
NAMED_DELIMITER = re.compile(rb'"?sep=([ -~\t])"?\r?\n?', re.IGNORECASE)
LINES_TO_SEARCH = 30
FOREIGN_FILES = {  # first bytes of what people save under a wrong name
    b"PAR1": "a Parquet file; name it .parquet",
    b"PK\x03\x04": "an Excel workbook or a ZIP archive; name a workbook .xlsx, or export it as CSV (UTF-8)",
    b"\x1f\x8b": "a gzip archive; unpack it first",
}


class UnreadableFileError(Exception):
    """A file cannot be read at all; the message says why, in words, without the file's name."""


@dataclass(frozen=True)
class CsvHeader:
    """Delimiter and columns of a CSV file, its encoding, and where its rows begin: byte (as UTF-8) and line.

    `title_count` lines above the header are no rows.
    """

    delimiter: str
    names: tuple[str, ...]
    data_offset: int
    data_line: int
    encoding: str
    title_count: int = 0

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know of how the file is read."""
        western = "it is not UTF-8 and was read as Windows-1252: look at names with accents, or save it as CSV (UTF-8)"
        return titles_note(self.title_count) + ((western,) if self.encoding == WINDOWS_1252 else ())


def arrow_names(count: int) -> list[str]:
    """Column names inside of a batch: by position, because a file's own names may be anything."""
    return [f"c{index}" for index in range(count)]


def batch_schema(count: int) -> pa.Schema:
    """Schema of a batch: `count` text columns, `_source_line` and `_reject_reason`."""
    fields = [(name, pa.string()) for name in arrow_names(count)]
    return pa.schema([*fields, ("_source_line", pa.int64()), ("_reject_reason", pa.string())])


def read_header(path: Path, known_columns: Collection[str]) -> CsvHeader:
    """Find the header: the first line that is not blank, or the first of the next lines that has more known names.

    The delimiter is the one that a first line `sep=;` names, else that of comma, semicolon, tab and pipe under which
    most names are known; comma on ties.

    Args:
        path: A file that is not empty.
        known_columns: Names of the layout.

    Returns:
        The header; names are stripped, a blank one is called after its position (`column_3`).

    Raises:
        UnreadableFileError: The file is no CSV text.
    """
    with path.open("rb") as file:
        magic = file.read(4)
    for beginning, what in FOREIGN_FILES.items():
        if magic.startswith(beginning):
            raise UnreadableFileError(f"it is {what}")
    encoding = encoding_of(path)
    with open_as_utf_8(path, encoding) as file:
        head = file.read(HEADER_BYTES)
    if b"\x00" in head.partition(b"\n")[0]:
        raise UnreadableFileError("it holds zero bytes, so it is not text; export it as CSV (UTF-8)")
    if b"\r" in head and b"\n" not in head:
        raise UnreadableFileError("its lines end in carriage returns only; save it with line feeds")
    body = head
    while body.startswith(BOM):  # some programs write a mark before the mark that is there
        body = body[len(BOM) :]
    lines = _lines(body)
    named = NAMED_DELIMITER.fullmatch(lines[0]) if lines else None
    delimiters = named[1].decode() if named else DELIMITERS
    start = CsvHeader("", (), len(head) - len(body), 1, encoding)
    if named:
        start = replace(start, data_offset=start.data_offset + len(lines[0]), data_line=2)
    known = set(known_columns)
    headers = [
        _find_header(lines[start.data_line - 1 :], delimiter, start, known) for delimiter in delimiters
    ]
    return max(headers, key=lambda header: _known_count(header.names, known))


def _known_count(names: Collection[str], known: set[str]) -> int:
    return len({name.strip().casefold() for name in names} & known)


def _lines(data: bytes) -> list[bytes]:
    pieces = data.split(b"\n")
    return [piece + b"\n" for piece in pieces[:-1]] + ([pieces[-1]] if pieces[-1] else [])


def _find_header(lines: list[bytes], delimiter: str, start: CsvHeader, known: set[str]) -> CsvHeader:
    """The header under a delimiter."""
    reader = csv.reader((line.decode("utf-8") for line in lines), delimiter=delimiter)
    rows: list[list[str]] = []
    line_counts = [0]
    try:
        for row in itertools.islice(reader, LINES_TO_SEARCH):
            rows.append(row)
            line_counts.append(reader.line_num)
    except (UnicodeDecodeError, csv.Error) as error:
        if not any(map(_is_filled, rows)):
            what = "valid UTF-8" if isinstance(error, UnicodeDecodeError) else f"CSV ({error})"
            raise UnreadableFileError(f"its header is not {what}; save it as CSV (UTF-8)") from error
    position, has_titles = header_position(rows, known)
    line_count = line_counts[position + 1] if rows else 0
    return replace(
        start,
        delimiter=delimiter,
        names=header_names(rows[position]) if rows else (),
        data_offset=start.data_offset + sum(len(line) for line in lines[:line_count]),
        data_line=start.data_line + line_count,
        title_count=line_counts[position] if has_titles else 0,
    )


def header_position(rows: Sequence[Sequence[str]], known: set[str]) -> tuple[int, bool]:
    """Place of the header among the first rows, and whether titles stand above it.

    It is the first row that is not blank, unless a later one has more names that are known, and more than one.
    """
    filled = [at for at, row in enumerate(rows) if _is_filled(row)]
    if not filled:
        return 0, False
    best = max(filled, key=lambda at: _known_count(rows[at], known))
    has_titles = best != filled[0] and _known_count(rows[best], known) > 1
    return (best if has_titles else filled[0]), has_titles


def header_names(row: Sequence[str]) -> tuple[str, ...]:
    """Column names without outer blanks; a blank one is called after its position."""
    return tuple(name.strip() or f"column_{position}" for position, name in enumerate(row, start=1))


def titles_note(line_count: int) -> tuple[str, ...]:
    """What is said of lines above the header."""
    lines = "1 line" if line_count == 1 else f"{line_count} lines"
    return (f"{lines} above the header left out",) if line_count else ()


def _is_filled(row: Sequence[str]) -> bool:
    return any(cell.strip() for cell in row)


def csv_batches(path: Path, header: CsvHeader, chunk_bytes: int = CHUNK_BYTES) -> Iterator[pa.RecordBatch]:
    """Read the rows of a file in bounded memory; every line that is not blank is in exactly one row.

    Args:
        path: The CSV file.
        header: Its header.
        chunk_bytes: About so many bytes make a batch.

    Yields:
        Batches of `batch_schema`, in order of the lines. An empty value is null. A line that cannot be read
        is a row of nulls with a `_reject_reason`.
    """
    csv.field_size_limit(MAX_RECORD_CHARACTERS)
    with open_as_utf_8(path, header.encoding) as file:
        file.read(header.data_offset)
        yield from _Records(_chunks(file, chunk_bytes), header).batches()


def _chunks(file: BinaryIO, chunk_bytes: int) -> Iterator[list[str]]:
    """Lines, line ends included, some at a time; of a line that is too long to keep, the beginning."""
    while data := file.read(chunk_bytes):
        rest = data
        if not data.endswith(b"\n"):
            data += (rest := file.readline(4 * MAX_RECORD_CHARACTERS))  # a character has four bytes at most
        while rest and not rest.endswith(b"\n"):
            rest = file.readline(4 * MAX_RECORD_CHARACTERS)
        yield io.StringIO(data.decode("utf-8", "surrogateescape"), newline="\n").readlines()


class _Records:
    """The records of a file, as far as it was read.

    Args:
        chunks: Its lines, some at a time.
        header: Its header.
    """

    def __init__(self, chunks: Iterator[list[str]], header: CsvHeader) -> None:
        self._chunks = chunks
        self._header = header
        self._line = header.data_line
        self._ahead: deque[str] = deque()  # lines that were read, and belong to no record yet

    def batches(self) -> Iterator[pa.RecordBatch]:
        """All records to the end of the file, some at a time."""
        while lines := list(self._ahead) or next(self._chunks, []):
            yield self._at_once(lines) or self._one_by_one(lines)

    def _at_once(self, lines: list[str]) -> pa.RecordBatch | None:
        """The batch, when each line is a good record: most files are like that, and it takes half the time."""
        try:
            rows = list(csv.reader(lines, delimiter=self._header.delimiter, strict=True))
        except csv.Error:
            return None
        is_plain = len(rows) == len(lines) and set(map(len, rows)) == {len(self._header.names)}
        if not is_plain or max(map(len, lines)) > MAX_RECORD_CHARACTERS:
            return None
        self._ahead.clear()
        numbers = range(self._line, self._line + len(lines))
        self._line += len(lines)
        return _batch(numbers, rows, [None] * len(rows), len(self._header.names))

    def _one_by_one(self, lines: list[str]) -> pa.RecordBatch:
        """The batch with a look at each record: how many lines it took, and whether it can be read."""
        width = len(self._header.names)
        nothing = [""] * width
        numbers: list[int] = []
        rows: list[list[str]] = []
        reasons: list[str | None] = []
        self._ahead = deque(lines)
        end = self._line + len(lines)
        taken: list[str] = []
        reader = self._reader(taken)
        while self._line < end:
            try:
                row, reason = next(reader), None
                if row and len(row) != width:
                    row, reason = nothing, f"line has {_columns(len(row))}, header has {width}"
            except csv.Error as error:
                row, reason = nothing, _reason(error)
                self._ahead.extendleft(reversed(taken[1:]))
                del taken[1:]
                reader = self._reader(taken)
            if row:
                numbers.append(self._line)
                rows.append(row)
                reasons.append(reason)
            self._line += len(taken)
            taken.clear()
        return _batch(numbers, rows, reasons, width)

    def _reader(self, taken: list[str]) -> Iterator[list[str]]:
        """A reader of the lines ahead; `taken` gets those of the record that it is at."""

        def lines() -> Iterator[str]:
            size = 0
            while self._ahead or (chunk := next(self._chunks, [])):
                if not self._ahead:
                    self._ahead.extend(chunk)
                line = self._ahead.popleft()
                size = size + len(line) if taken else len(line)
                taken.append(line)
                if size > MAX_RECORD_CHARACTERS:
                    raise csv.Error(TOO_LONG)
                yield line

        return csv.reader(lines(), delimiter=self._header.delimiter, strict=True)


def _reason(error: csv.Error) -> str:
    return next((reason for sign, reason in REASONS.items() if sign in str(error)), str(error))


def _columns(count: int) -> str:
    return "1 column" if count == 1 else f"{count} columns"


def _batch(
    numbers: Sequence[int], rows: list[list[str]], reasons: list[str | None], width: int
) -> pa.RecordBatch:
    try:
        columns = [pa.array(values, pa.string()) for values in zip(*rows, strict=True)]
    except UnicodeEncodeError:
        for at, row in enumerate(rows):
            if not _is_text(row):
                rows[at], reasons[at] = [""] * width, NOT_UTF8
        columns = [pa.array(values, pa.string()) for values in zip(*rows, strict=True)]
    null = pa.scalar(None, pa.string())
    columns = [compute.if_else(compute.equal(column, ""), null, column) for column in columns]
    columns = columns or [pa.nulls(0, pa.string())] * width
    lines, rejects = pa.array(numbers, pa.int64()), pa.array(reasons, pa.string())
    return pa.RecordBatch.from_arrays([*columns, lines, rejects], schema=batch_schema(width))


def _is_text(row: list[str]) -> bool:
    """Whether all bytes of a row were characters; those that were none came as half of a surrogate pair."""
    try:
        "".join(row).encode()
    except UnicodeEncodeError:
        return False
    return True
