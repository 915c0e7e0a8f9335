"""The source `events`: files of product events in a folder or a bucket, each landed exactly once.

The names of the landing files are the ledger: each ends with the identity of its source file (path, size and time of
change), and appears by a rename when it is whole. Whoever kills the process can neither make it miss a file nor
land one twice; a file that changed is a new file, and its repeated events fall together downstream.

A Parquet file in our own shape is landed byte for byte; bronze takes its meta columns from its name and rows. The
other shapes are `shapes.py`. Not here: types and quarantine (`dbt/models/bronze/product`).
"""

import datetime as dt
import gzip
import hashlib
import itertools
import json
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import duckdb
import pyarrow as pa
from pyarrow import parquet

from dagster_project.contracts import landing_objects
from dagster_project.databases import connect
from dagster_project.ingest.batches import FIELDS, batch_name
from dagster_project.ingest.events.shapes import (
    EVENTS,
    SCHEMA,
    RefusedFileError,
    fits_as_it_is,
    ndjson_pieces,
    parquet_pieces,
)
from dagster_project.ingest.first_read import finish_first_read, loaded_at_of_read
from dagster_project.ingest.landing import commit, object_folder, write_empty_file, write_rows
from dagster_project.ingest.sql_text import first_line, quoted_text
from dagster_project.ingest.streams import Landed, Probe, SourceError

SUFFIXES = (".parquet", ".ndjson", ".jsonl", ".json", ".ndjson.gz", ".jsonl.gz", ".json.gz")
IDENTITY_LENGTH = 12
READABLE_LENGTH = 40
SETTING = "CUSTINT_EVENTS_PATH"
ReadProblem = (RefusedFileError, duckdb.Error, pa.ArrowException, OSError, EOFError, zlib.error)


@dataclass(frozen=True)
class SourceFile:
    """One file of the source; `path` is relative to its root, `mark` changes whenever the content may have."""

    path: str
    address: str
    mark: str
    modified_at: dt.datetime

    @property
    def identity(self) -> str:
        """Stands for this content of this file."""
        return hashlib.sha256(f"{self.path}\n{self.mark}".encode()).hexdigest()[:IDENTITY_LENGTH]

    @property
    def readable(self) -> str:
        """A piece of the name that is safe in a file name."""
        return re.sub(r"[^A-Za-z0-9_.]+", "_", Path(self.path).name.split(".")[0])[-READABLE_LENGTH:]


class EventFiles:
    """The connector.

    Args:
        path: Folder, or an address that fsspec knows such as `s3://bucket/prefix`.
        landing_dir: Root of the landing zone.
        settle_seconds: A file that changed later than this before a read may still be written: it waits.
    """

    name = "events"
    objects = (EVENTS,)

    def __init__(self, path: str, landing_dir: Path, settle_seconds: int = 60) -> None:
        self.path = path
        self.landing_dir = landing_dir
        self.settle_seconds = settle_seconds

    def land(self, read_at: dt.datetime) -> Iterator[Landed]:
        """Land every file that is new and settled; see `Connector`. `cursor_*` is the newest file that has landed.

        Raises:
            SourceError: The folder cannot be listed.
        """
        settled = read_at - dt.timedelta(seconds=self.settle_seconds)
        found = self._files()
        folder = object_folder(self.landing_dir, EVENTS)
        system, object_name = EVENTS.split("__", 1)
        write_empty_file(self.landing_dir, system, object_name, landing_objects()[EVENTS])
        for fetched in folder.glob("*.fetched"):  # by a run that was killed
            fetched.unlink()
        names = sorted(path.name for path in folder.glob(f"*Z-*-{self.name}-*.parquet"))
        landed = {name.removesuffix(".parquet").rpartition("-")[2] for name in names}
        cursor = names[-1].split("-", 3)[3].rpartition("-")[0] if names else ""
        files = [file for file in found if file.identity not in landed]
        notes = self._waiting(sum(file.modified_at > settled for file in files))
        total = Landed(EVENTS, cursor_before=cursor, cursor_after=cursor, notes=notes)
        loaded_at = loaded_at_of_read(folder, self.name, read_at)
        next_name = _names(batch_name(folder, self.name, loaded_at))
        problems: list[str] = []
        for file in files:
            if file.modified_at > settled:
                continue
            target = folder / f"{next(next_name)}-{file.readable}-{file.identity}.parquet"
            try:
                part = self._land_file(file, target, loaded_at)
            except ReadProblem as error:
                problems.append(f"{file.path}: {_in_words(error)}")
                continue
            total = replace(
                total,
                fetched_row_count=total.fetched_row_count + part.fetched_row_count,
                landed_row_count=total.landed_row_count + part.landed_row_count,
                rejected_row_count=total.rejected_row_count + part.rejected_row_count,
                new_fields=tuple(sorted({*total.new_fields, *part.new_fields})),
                cursor_after=file.readable,
            )
        finish_first_read(folder, self.name)
        yield replace(total, refused=f"product events: {'; '.join(problems)}" if problems else "")

    def _waiting(self, file_count: int) -> tuple[str, ...]:
        """What a person should know of files that are too young to be read."""
        if not file_count:
            return ()
        files, them = ("1 file", "it") if file_count == 1 else (f"{file_count} files", "them")
        too_young = f"changed less than {self.settle_seconds} s before the read and may still be written"
        return (f"product events: {files} {too_young}: the next run reads {them}",)

    def probe(self) -> list[Probe]:
        """What a listing says; see `Connector`."""
        files = self._files()
        newest = max((file.modified_at for file in files), default=None)
        note = f"{len(files)} file{'s' * (len(files) != 1)}" if files else f"no file of {', '.join(SUFFIXES)}"
        return [
            Probe(EVENTS, is_visible=True, newest=f"{newest:%Y-%m-%d %H:%M:%S}" if newest else "", note=note)
        ]

    def _files(self) -> list[SourceFile]:
        """Every file of a kind that is read, oldest first."""
        self._system, root = _file_system(self.path)
        try:
            if not self._system.isdir(root):
                raise FileNotFoundError
            found = self._system.find(root, detail=True)
        except FileNotFoundError:
            advice = f"make the folder, or change {SETTING}"
            raise SourceError(
                f"events: {self.path} is no folder; {advice}", stops_source=True, was_reached=False
            ) from None
        except Exception as error:  # each file system has errors of its own
            raise SourceError(
                f"events: {self.path} cannot be listed ({type(error).__name__}); check {SETTING} and its permissions",
                stops_source=True,
                may_pass=isinstance(error, ConnectionError | TimeoutError),
            ) from error
        start = len(root.rstrip("/")) + 1
        files = [_source_file(address[start:], address, info) for address, info in found.items()]
        wanted = (
            file
            for file in files
            if file.path.lower().endswith(SUFFIXES)
            and not any(part.startswith((".", "_")) for part in file.path.split("/"))
        )
        return sorted(wanted, key=lambda file: (file.modified_at, file.path))

    def _land_file(self, file: SourceFile, target: Path, loaded_at: dt.datetime) -> Landed:
        """One source file into one landing file, or nothing."""
        if not file.path.lower().endswith(".parquet"):
            with self._system.open(file.address, "rb") as packed, _unpacked(file, packed) as lines:
                return self._write(file, ndjson_pieces(lines, file.path), target, loaded_at)
        fetched = target.with_suffix(".fetched")
        try:
            self._system.get_file(file.address, str(fetched))
            columns = _parquet_columns(fetched)
            if not fits_as_it_is(columns):
                pieces = parquet_pieces(fetched, list(columns), file.path)
                return self._write(file, pieces, target, loaded_at)
            row_count = parquet.read_metadata(fetched).num_rows
            self._check_unchanged(file)
            commit(fetched, target)
            return Landed(EVENTS, fetched_row_count=row_count, landed_row_count=row_count)
        finally:
            fetched.unlink(missing_ok=True)

    def _check_unchanged(self, file: SourceFile) -> None:
        """Refuse a file whose source is no longer the one that was listed."""
        now = _source_file(file.path, file.address, self._system.info(file.address))
        if now.mark != file.mark:
            raise RefusedFileError("the file changed while it was read; the next run reads it")

    def _write(
        self, file: SourceFile, pieces: Iterable[pa.RecordBatch], target: Path, loaded_at: dt.datetime
    ) -> Landed:
        """Rows into a file piece by piece; the fields of `extra` seen so far go into its footer."""
        row_count = rejected_count = 0
        fields: set[str] = set()
        known: set[str] | None = None
        footer: dict[bytes, bytes] = {}

        def counted() -> Iterator[pa.RecordBatch]:
            nonlocal row_count, rejected_count, known
            for piece in pieces:
                row_count += len(piece)
                rejected_count += len(piece) - piece.column("_reject_reason").null_count
                fields.update(_extra_fields(piece))
                yield piece
            self._check_unchanged(file)
            known = _known_fields(target.parent) if fields else None
            footer[FIELDS] = json.dumps(sorted(fields | (known or set()))).encode()

        write_rows(target, SCHEMA, counted(), loaded_at, footer)
        return Landed(
            EVENTS,
            fetched_row_count=row_count,
            landed_row_count=row_count,
            rejected_row_count=rejected_count,
            new_fields=() if known is None else tuple(sorted(fields - known)),
        )


def _file_system(path: str) -> tuple[Any, str]:
    import fsspec

    try:
        system, root = fsspec.core.url_to_fs(path)
    except (ImportError, ValueError) as error:
        advice = f"install the package that it names, or set {SETTING} to a folder"
        raise SourceError(
            f"events: {path.split('://')[0]}:// cannot be opened ({first_line(error)}); {advice}",
            stops_source=True,
            was_reached=False,
        ) from error
    system.invalidate_cache()
    return system, str(root)


def _source_file(path: str, address: str, info: dict[str, Any]) -> SourceFile:
    """A file as its file system describes it: times are seconds, moments or ISO text."""
    changed = next(
        (info[key] for key in ("mtime", "LastModified", "last_modified", "updated") if info.get(key)), 0
    )
    if isinstance(changed, str):
        changed = dt.datetime.fromisoformat(changed)
    if isinstance(changed, int | float):
        changed = dt.datetime.fromtimestamp(changed, dt.UTC)
    if changed.tzinfo is not None:
        changed = changed.astimezone(dt.UTC).replace(tzinfo=None)
    mark = info.get("ETag") or info.get("etag") or changed.isoformat()
    return SourceFile(path, address, f"{info['size']} {mark}", changed)


def _names(first: str) -> Iterator[str]:
    """Names of batches from the first on: `20261001T020000Z-0001-events`, `...-0002-events`."""
    stamp, number, connector = first.split("-", 2)
    return (f"{stamp}-{at:04d}-{connector}" for at in itertools.count(int(number)))


def _parquet_columns(path: Path) -> dict[str, str]:
    query = f"describe from read_parquet({quoted_text(path.resolve())}, hive_partitioning = false)"
    try:
        with connect() as connection:
            return {name: kind for name, kind, *_ in connection.execute(query).fetchall()}
    except duckdb.Error as error:
        raise RefusedFileError("it is no readable Parquet file; write it again") from error


def _unpacked(file: SourceFile, packed: IO[bytes]) -> IO[bytes]:
    return gzip.open(packed, "rb") if file.path.lower().endswith(".gz") else packed  # type: ignore[return-value]


def _extra_fields(piece: pa.RecordBatch) -> set[str]:
    with connect() as connection:
        connection.register("piece", piece)
        query = "select distinct unnest(json_keys(extra)) from piece where extra is not null"
        return {name for (name,) in connection.execute(query).fetchall()}


def _known_fields(folder: Path) -> set[str] | None:
    """Fields of `extra` in all earlier files, as the newest that says so has them; None when none does."""
    for path in sorted(folder.glob("*Z-*-events-*.parquet"), reverse=True):
        footer = (parquet.read_metadata(path).metadata or {}).get(FIELDS)
        if footer is not None:
            return set(json.loads(footer))
    return None


def _in_words(error: Exception) -> str:
    if isinstance(error, RefusedFileError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"the file cannot be read ({error.strerror})"
    return f"the file cannot be read ({first_line(error)})"
