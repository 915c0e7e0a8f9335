"""Pages of a stream become landing files, and the cursor is committed with the file it belongs to.

A batch is one Parquet file per object; the cursor is written into the footer of the first object's file. The rename
that makes the file visible commits both at once: whoever is killed before it has read nothing, and reads again from
the cursor before. Files of the stream's other objects are renamed first; when the kill falls in between, the next
read finds their rows landed already and drops the repeats.

Not here: what a row must look like (`landing_rows.py`), which rows are repeats (`landed_rows.py`), and how a source is
asked.
"""

import datetime as dt
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from dagster_project.contracts import landing_contract, landing_objects
from dagster_project.ingest.first_read import finish_first_read, loaded_at_of_read
from dagster_project.ingest.landed_rows import LandedRows
from dagster_project.ingest.landing import object_folder, write_empty_file, write_rows
from dagster_project.ingest.landing_rows import LandingRows
from dagster_project.ingest.streams import Cursor, Landed, Page, SourceError, Stream

CURSOR = b"custint.cursor"
FIELDS = b"custint.extra_fields"
STAMP = "%Y%m%dT%H%M%SZ"
LAST_NUMBER = 9999
BATCH_BYTES = 256 * 1024 * 1024
"""A batch of long texts ends before it has all the rows that it may have."""


def land_streams(
    landing_dir: Path,
    connector: str,
    streams: Iterable[Stream],
    read_at: dt.datetime,
    batch_rows: int,
    call_count: Callable[[], int],
) -> Iterator[Landed]:
    """Read the streams of a source one after the other; a failing one does not keep the others back.

    Args:
        landing_dir: Root of the landing zone.
        connector: See `land_stream`.
        streams: What to read.
        read_at: When the run began, UTC without zone.
        batch_rows: See `land_stream`.
        call_count: Requests made so far.

    Yields:
        One result per object. When the source cannot be read at all, the objects after that say why.
    """
    stopped_by: SourceError | None = None
    for stream in streams:
        if stopped_by:
            cursor = cursor_text(read_cursor(landing_dir, connector, stream.objects[0]))
            for name in stream.objects:
                yield Landed(
                    name,
                    cursor_before=cursor,
                    cursor_after=cursor,
                    failure=str(stopped_by),
                    may_pass=stopped_by.may_pass,
                )
            continue
        calls_before = call_count()
        try:
            for landed in land_stream(landing_dir, connector, stream, read_at, batch_rows):
                yield replace(landed, api_call_count=call_count() - calls_before)
        except SourceError as error:
            stopped_by = error


def land_stream(
    landing_dir: Path, connector: str, stream: Stream, read_at: dt.datetime, batch_rows: int
) -> Iterator[Landed]:
    """Read a stream from its cursor to its end, a batch at a time.

    Args:
        landing_dir: Root of the landing zone.
        connector: Name of the connector; its files end with it, so that two may write one object.
        stream: What to read.
        read_at: When the run began, UTC without zone.
        batch_rows: Rows after which a batch is committed; bounds the memory and what a kill costs.

    Yields:
        One result per object of the stream, at the end. What was committed before a failure stays.
    """
    for name in stream.objects:
        system, object_name = name.split("__", 1)
        write_empty_file(landing_dir, system, object_name, landing_objects()[name])
    folder = object_folder(landing_dir, stream.objects[0])
    loaded_at = loaded_at_of_read(folder, connector, read_at)
    before = read_cursor(landing_dir, connector, stream.objects[0])
    totals = {
        name: Landed(name, cursor_before=cursor_text(before), cursor_after=cursor_text(before))
        for name in stream.objects
    }
    cursor = before
    failure = refused = ""
    may_pass = False
    try:
        with ExitStack() as stack:
            landed = {
                name: stack.enter_context(
                    LandedRows(landing_dir, landing_contract(name), stream.has_own_version)
                )
                for name in stream.objects
            }
            next_batch = partial(
                _Batch.of, landing_dir, connector, stream, landed, loaded_at, stream.read(before)
            )
            while batch := next_batch(cursor, batch_rows):
                results = batch.commit()
                totals = {name: _sum(totals[name], results[name]) for name in stream.objects}
                cursor = batch.cursor
                if any(result.refused for result in results.values()):
                    break
                if batch.error:
                    raise batch.error
    except SourceError as error:
        may_pass = error.may_pass
        if error.stops_source:
            yield from (replace(result, failure=str(error), may_pass=may_pass) for result in totals.values())
            raise
        aside = f"{str(error).removesuffix('.')}; the object is set aside, the others go on."
        failure, refused = ("", aside) if error.hides_object else (str(error), "")
    if not failure and not refused and not any(result.refused for result in totals.values()):
        finish_first_read(folder, connector)
    for result in totals.values():
        why_refused = result.refused or refused
        yield replace(
            result, failure=failure, may_pass=may_pass, refused=why_refused, is_hidden=bool(refused)
        )


def read_cursor(landing_dir: Path, connector: str, object_name: str) -> Cursor:
    """The cursor in the newest file that a connector wrote for an object; empty when it wrote none."""
    path = _newest_file(landing_dir, connector, object_name)
    return dict(json.loads(_footer(path).get(CURSOR, b"{}"))) if path else {}


def cursor_text(cursor: Cursor) -> str:
    """A cursor as people read it."""
    return ", ".join(f"{name} {value}" for name, value in cursor.items())


def batch_name(folder: Path, connector: str, read_at: dt.datetime) -> str:
    """A file name after all that are there, whatever the clock says: `20261001T020000Z-0001-stripe`."""
    stamp, number = f"{read_at:{STAMP}}", 0
    names = [path.name for path in folder.glob(f"*Z-*-{connector}*.parquet")]
    if names and (newest := max(names)) >= stamp:
        stamp, number = newest[:16], int(newest[17:21])
    if number == LAST_NUMBER:  # a fifth digit would sort before the fourth
        stamp, number = f"{dt.datetime.strptime(stamp, STAMP) + dt.timedelta(seconds=1):{STAMP}}", 0
    return f"{stamp}-{number + 1:04d}-{connector}"


def _newest_file(landing_dir: Path, connector: str, object_name: str) -> Path | None:
    folder = object_folder(landing_dir, object_name)
    return max(folder.glob(f"*Z-*-{connector}.parquet"), default=None, key=lambda path: path.name)


def _footer(path: Path) -> dict[bytes, bytes]:
    return dict(parquet.read_metadata(path).metadata or {})


def _sum(total: Landed, batch: Landed) -> Landed:
    return replace(
        batch,
        fetched_row_count=total.fetched_row_count + batch.fetched_row_count,
        landed_row_count=total.landed_row_count + batch.landed_row_count,
        repeated_row_count=total.repeated_row_count + batch.repeated_row_count,
        rejected_row_count=total.rejected_row_count + batch.rejected_row_count,
        cursor_before=total.cursor_before,
        new_fields=tuple(sorted({*total.new_fields, *batch.new_fields})),
    )


class _Batch:
    """The rows of some pages of a stream, until they are committed together."""

    def __init__(
        self,
        landing_dir: Path,
        connector: str,
        stream: Stream,
        landed: Mapping[str, LandedRows],
        loaded_at: dt.datetime,
        cursor: Cursor,
    ) -> None:
        self.landing_dir = landing_dir
        self._landed = landed
        self.connector = connector
        self.stream = stream
        self.loaded_at = loaded_at
        self.cursor_before = cursor
        self.cursor = cursor
        self.error: SourceError | None = None
        self.row_count = 0
        self.byte_count = 0
        self._rows = {
            name: LandingRows(landing_contract(name), self._known_fields(name)) for name in stream.objects
        }
        self._tables: dict[str, list[pa.Table]] = {name: [] for name in stream.objects}

    @classmethod
    def of(
        cls,
        landing_dir: Path,
        connector: str,
        stream: Stream,
        landed: Mapping[str, LandedRows],
        loaded_at: dt.datetime,
        pages: Iterator[Page],
        cursor: Cursor,
        batch_rows: int,
    ) -> "_Batch | None":
        """The next batch; None when the pages are at their end. A failing read ends a batch, and is kept with it."""
        batch = cls(landing_dir, connector, stream, landed, loaded_at, cursor)
        has_pages = False
        try:
            for page in pages:
                has_pages = True
                batch.add(page)
                if batch.row_count >= batch_rows or batch.byte_count >= BATCH_BYTES:
                    break
        except SourceError as error:
            if not has_pages:
                raise
            batch.error = error
        return batch if has_pages else None

    def add(self, page: Page) -> None:
        """Take a page's rows; its cursor is the batch's from now on."""
        for name, records in page.rows.items():
            if records:
                self._tables[name].append(self._rows[name].table(records))
                self.row_count += len(records)
                self.byte_count += self._tables[name][-1].nbytes
        self.cursor = page.cursor

    def commit(self) -> dict[str, Landed]:
        """Write the batch, the object that carries the cursor last; nothing when its shape is not the contract's."""
        broken = {name: rows.broken_fields() for name, rows in self._rows.items()}
        if any(broken.values()):
            problems = "; ".join(
                f"{name.replace('__', ' ')}: {problem}"
                for name, of_object in broken.items()
                for problem in of_object
            )
            refused = f"{problems}; the object is set aside and read again in the next run, the others go on."
            return {
                name: self._result(name, landed_row_count=0, refused=refused, cursor=self.cursor_before)
                for name in self.stream.objects
            }
        return {name: self._write(name) for name in reversed(self.stream.objects)}

    def _known_fields(self, name: str) -> frozenset[str] | None:
        path = _newest_file(self.landing_dir, self.connector, name)
        fields = _footer(path).get(FIELDS) if path else None
        return None if fields is None else frozenset(json.loads(fields))

    def _result(self, name: str, landed_row_count: int, cursor: Cursor, refused: str = "") -> Landed:
        rows = self._rows[name]
        return Landed(
            object_name=name,
            fetched_row_count=rows.row_count,
            landed_row_count=landed_row_count,
            repeated_row_count=0 if refused else rows.row_count - landed_row_count,
            rejected_row_count=0 if refused else rows.rejected_row_count,
            cursor_after=cursor_text(cursor),
            new_fields=tuple(sorted({*rows.new_fields, *rows.retyped_fields()})),
            refused=refused,
        )

    def _write(self, name: str) -> Landed:
        """New rows of one object into its next file; no file when there is neither a row nor a new cursor."""
        carries_cursor = name == self.stream.objects[0]
        folder = object_folder(self.landing_dir, name)
        pages = self._tables[name]
        fresh = self._landed[name].new_rows(pa.concat_tables(pages)) if pages else None
        new_row_count = fresh.num_rows if fresh is not None else 0
        if new_row_count or (carries_cursor and self.cursor != self.cursor_before):
            batch = batch_name(folder, self.connector, self.loaded_at)
            footer = {}
            if (fields := self._all_fields(name)) is not None:
                footer[FIELDS] = json.dumps(sorted(fields)).encode()
            if carries_cursor:
                footer[CURSOR] = json.dumps(self.cursor).encode()
            pieces = [fresh] if fresh is not None else []
            target = folder / f"{batch}.parquet"
            write_rows(target, self._rows[name].schema, pieces, self.loaded_at, footer)
            self._landed[name].add(target)
        return self._result(name, new_row_count, self.cursor)

    def _all_fields(self, name: str) -> set[str] | None:
        """Fields beyond the contract that were ever seen; None as long as no row was."""
        rows = self._rows[name]
        if rows.known_fields is None and not rows.row_count:
            return None
        return {*rows.extra_fields, *(rows.known_fields or ())}
