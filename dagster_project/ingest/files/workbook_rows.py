"""Sheets of a workbook as Arrow batches of text, with the number of each row.

Here: which sheet holds an object, and what a cell is as text. Not here: what the columns mean (`readers.py`).
"""

import datetime as dt
import itertools
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from python_calamine import CalamineError, CalamineWorkbook, SheetVisibleEnum, load_workbook

from dagster_project.ingest.files.csv_rows import (
    LINES_TO_SEARCH,
    UnreadableFileError,
    batch_schema,
    header_names,
    header_position,
    titles_note,
)

SUFFIX = ".xlsx"
ROWS_PER_BATCH = 20_000
EXACT_DIGITS = 15  # a spreadsheet keeps no more of a number


@dataclass(frozen=True)
class Sheet:
    """A sheet with its columns and the row of its header, counted from 1."""

    path: Path
    title: str
    names: tuple[str, ...]
    header_row: int
    notes: tuple[str, ...]


def sheet_titles(path: Path) -> list[str]:
    """Titles of the sheets that are shown and not empty.

    Raises:
        UnreadableFileError: The file is no workbook.
    """
    workbook = _open(path)
    shown = [sheet.name for sheet in workbook.sheets_metadata if sheet.visible == SheetVisibleEnum.Visible]
    return [title for title in shown if workbook.get_sheet_by_name(title).start is not None]


def find_sheet(path: Path, object_name: str, known_columns: Collection[str]) -> Sheet:
    """Find the sheet with the name of the object, else the only one that has something in it.

    Args:
        path: The workbook.
        object_name: Object of the layout.
        known_columns: Names of the layout.

    Returns:
        The sheet; titles above its header are found as in a CSV file.

    Raises:
        UnreadableFileError: The file is no workbook, or has several sheets and none of that name.
    """
    titles = sheet_titles(path)
    named = [title for title in titles if title.strip().casefold() == object_name]
    if not named and len(titles) != 1:
        found = ", ".join(titles) or "no sheet with a value"
        raise UnreadableFileError(f"it has {found}; name the sheet with the {object_name} '{object_name}'")
    return _sheet(path, (named or titles)[0], set(known_columns))


def sheets_named_in(sql: str, inbox_dir: Path) -> Iterator[tuple[str, pa.Table]]:
    """The sheets that a mapping may read, under the paths by which it names them.

    `'orders.xlsx'` is the first sheet of a workbook, `'orders.xlsx/Returns'` the one with that title; all columns are
    text.

    Args:
        sql: The mapping, with absolute paths.
        inbox_dir: Folder of the dropped files.
    """
    for path in sorted(inbox_dir.resolve().rglob(f"*{SUFFIX}")):
        if str(path) not in sql:
            continue
        for number, title in enumerate(sheet_titles(path)):
            sheet = _sheet(path, title, set())
            rows = pa.Table.from_batches(sheet_batches(sheet), batch_schema(len(sheet.names)))
            rows = rows.select(range(len(sheet.names))).rename_columns(list(sheet.names))
            yield f"{path}/{title}", rows
            if number == 0:
                yield str(path), rows


def _sheet(path: Path, title: str, known: set[str]) -> Sheet:
    rows = [list(map(cell_text, row)) for row in itertools.islice(_rows(path, title), LINES_TO_SEARCH)]
    texts = [[cell or "" for cell in row] for row in rows]
    position, has_titles = header_position(texts, known)
    width = max(at for at, cell in enumerate(texts[position], start=1) if cell.strip() or at == 1)
    names = header_names(texts[position][:width])  # a cell that was once used widens all rows
    return Sheet(path, title, names, position + 1, titles_note(position if has_titles else 0))


def sheet_batches(sheet: Sheet) -> Iterator[pa.RecordBatch]:
    """The rows below a header; every row that is not blank is in exactly one batch.

    Args:
        sheet: The sheet.

    Yields:
        Batches of `batch_schema`. A row with values beyond the header is one of nulls with a `_reject_reason`.
    """
    width = len(sheet.names)
    numbered = (
        (number, row)
        for number, cells in enumerate(_rows(sheet.path, sheet.title), start=1)
        if number > sheet.header_row and any(row := list(map(cell_text, cells)))
    )
    while chunk := list(itertools.islice(numbered, ROWS_PER_BATCH)):
        reasons = [
            f"row has a value right of the header's {width} columns" if any(row[width:]) else None
            for _, row in chunk
        ]
        rows = [
            [None] * width if reason else row[:width] for (_, row), reason in zip(chunk, reasons, strict=True)
        ]
        columns = [pa.array(values, pa.string()) for values in zip(*rows, strict=True)]
        numbers = pa.array([number for number, _ in chunk], pa.int64())
        yield pa.RecordBatch.from_arrays(
            [*columns, numbers, pa.array(reasons, pa.string())], schema=batch_schema(width)
        )


def cell_text(cell: Any) -> str | None:
    """A cell as text: whole numbers without a point, times as ISO, nothing for an empty cell.

    A number of more digits than a spreadsheet keeps gets an exponent: as an id it is spoilt.
    """
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer():
        return f"{cell:E}" if abs(cell) >= 10**EXACT_DIGITS else str(int(cell))
    if isinstance(cell, dt.datetime):
        return cell.isoformat(sep=" ")
    return str(cell) or None


def _rows(path: Path, title: str) -> Iterator[list[Any]]:
    return iter(_open(path).get_sheet_by_name(title).iter_rows())


def _open(path: Path) -> CalamineWorkbook:
    try:
        return load_workbook(path)
    except CalamineError as error:
        raise UnreadableFileError(
            f"it is no workbook that can be read ({error}); save it as .xlsx or CSV"
        ) from error
