"""The file drop: files that a person puts into the inbox become landing batches.

Here: which files are taken, what is wrong with them, when a batch is new, and the newest day in the landed
data. Not here: how a file is read (`readers.py`), the layout (`layout.py`), and types
(`dbt/models/bronze/files`).
"""

import datetime as dt
import difflib
import hashlib
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import duckdb
import pyarrow as pa
from pyarrow import parquet

from dagster_project.databases import connect
from dagster_project.ingest.files.csv_rows import UnreadableFileError
from dagster_project.ingest.files.draft import READABLE, draft_mapping
from dagster_project.ingest.files.layout import SYSTEM, FileObject, load_layout
from dagster_project.ingest.files.mapping import MappingError, connect_to_inbox
from dagster_project.ingest.files.plain_rows import plain_rows
from dagster_project.ingest.files.readers import (
    SUFFIXES,
    Source,
    column_problems,
    landing_rows,
    landing_schema,
    open_source,
)
from dagster_project.ingest.files.workbook_rows import SUFFIX as WORKBOOK_SUFFIX
from dagster_project.ingest.files.workbook_rows import sheet_titles
from dagster_project.ingest.landing import batch_path, newest_batch, write_rows
from dagster_project.ingest.sql_text import first_line, quoted_text
from dagster_project.ingest.streams import Landed
from dagster_project.source_digest import source_digest

STAMP = "%Y%m%dT%H%M%S"
HASH_LENGTH = 12
DRAFTS_SHOWN = 3
EMPTY = "the file is empty; export it again, or remove it"
FIRST_YEAR, LAST_YEAR = 1990, 2100  # outside of them a date is a typing error

ReadProblem = (UnreadableFileError, MappingError, duckdb.Error, pa.ArrowException, OSError)


class FileDropError(Exception):
    """The inbox cannot be landed as it is.

    Attributes:
        problems: One line each: what is wrong, where, and what to do.
    """

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(self.problems))


@dataclass(frozen=True)
class _Places:
    """From where to where a run lands files, and when."""

    inbox_dir: Path
    landing_dir: Path
    loaded_at: dt.datetime


def land_file_drop(
    inbox_dir: Path, landing_dir: Path, loaded_at: dt.datetime, reporting_currency: str
) -> list[Landed]:
    """Land every object that lies in the inbox, each as one batch that is its whole truth.

    All files are looked at before the first one is landed, so that one run names all problems.

    Args:
        inbox_dir: Folder with `<object>.csv|.parquet|.ndjson|.xlsx` or `<object>.sql` files.
        landing_dir: Root of the landing zone; batches go to `files/<object>/`.
        loaded_at: Time of this run, UTC without zone.
        reporting_currency: Currency of an amount that names none.

    Returns:
        What each object brought, sorted by name; a content that landed before is only repeated.

    Raises:
        FileDropError: Something is wrong with the inbox or with files in it.
    """
    layout = load_layout()
    inbox = _visible_files(inbox_dir)
    chosen = _choose_files(inbox_dir, inbox, layout)
    leftovers = _leftovers(inbox, chosen, layout, landing_dir)
    problems = [
        f"{path.name}: {problem}"
        for name, path in chosen.items()
        for problem in _problems_of(path, layout[name], inbox_dir)
    ]
    if problems:
        raise FileDropError(problems)

    content_of = _hasher(inbox_dir, inbox)
    places = _Places(inbox_dir, landing_dir, loaded_at)
    landed = []
    for name, path in chosen.items():
        try:
            landed.append(_land(path, layout[name], content_of(path), places, reporting_currency))
        except ReadProblem as error:
            problems.append(f"{path.name}: {_in_words(error)}")
    if problems:
        raise FileDropError(problems)
    return [replace(landed[0], notes=leftovers + landed[0].notes), *landed[1:]]


def waiting_erasures(landing_dir: Path) -> tuple[str, ...]:
    """One line that says how many customers asked to be erased and still are there; none when nobody did.

    Args:
        landing_dir: Root of the landing zone.
    """
    waiting = waiting_erasure_count(landing_dir)
    if not waiting:
        return ()
    count = "1 erasure request is" if waiting == 1 else f"{waiting:,} erasure requests are"
    return (
        f"{count} not acted on: take these customers out of the files in the inbox and out of your other systems, then"
        " `make clean run`; files in the inbox stay",
    )


def waiting_erasure_count(landing_dir: Path) -> int:
    """Number of customers in the newest landed requests to be erased.

    Args:
        landing_dir: Root of the landing zone.
    """
    path = newest_batch(landing_dir, SYSTEM, "erasure_requests")
    if path is None:
        return 0
    return len(parquet.read_table(path, columns=["customer_ref"])["customer_ref"].drop_null().unique())


def inbox_fingerprint(inbox_dir: Path) -> str:
    """Stands for the files of the inbox by name, size and time of change; empty when there is none."""
    seen = [
        f"{path.relative_to(inbox_dir)} {path.stat().st_size} {path.stat().st_mtime_ns}"
        for path in (_visible_files(inbox_dir) if inbox_dir.is_dir() else ())
    ]
    return hashlib.sha256("\n".join(seen).encode()).hexdigest()[:HASH_LENGTH] if seen else ""


def newest_event_date(landing_dir: Path, before: dt.date) -> dt.date | None:
    """Find the last day on which something happened in the landed file drop.

    Args:
        landing_dir: Root of the landing zone.
        before: Only days before this one count.

    Returns:
        The newest day over all event times of each object's newest batch; without any, the newest day on
        which a customer was created; None when there is none either. Values that are no time are passed over.
    """
    layout = load_layout()
    events = [
        _newest_day(landing_dir, item.name, item.event_times, before)
        for item in layout.values()
        if item.event_times
    ]
    found = max((day for day in events if day is not None), default=None)
    return found or _newest_day(landing_dir, "customers", layout["customers"].timestamps, before)


def _visible_files(inbox_dir: Path) -> list[Path]:
    if not inbox_dir.is_dir():
        raise FileDropError(
            [f"{inbox_dir}: the inbox folder is missing; create it and put in, say, a transactions.csv"]
        )
    try:
        paths = sorted(inbox_dir.rglob("*"))
    except OSError as error:
        raise FileDropError([f"{inbox_dir}: the inbox cannot be listed ({error.strerror})"]) from error
    return [
        path
        for path in paths
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(inbox_dir).parts)
    ]


def _choose_files(inbox_dir: Path, inbox: list[Path], layout: dict[str, FileObject]) -> dict[str, Path]:
    """One file per object; two files of one object, or none at all, are an error."""
    candidates: dict[str, list[Path]] = {}
    for path in inbox:
        if path.parent == inbox_dir:
            for name in _objects_of(path, layout):
                candidates.setdefault(name, []).append(path)
    if not candidates:
        found = ", ".join(path.name for path in inbox) or "nothing"
        expected = f"<object>{', '.join(SUFFIXES)} with one of these objects: {', '.join(layout)}"
        found += _hint(inbox, layout)
        problems = [f"{inbox_dir}: no file of a known object; found: {found}; expected: {expected}"]
        raise FileDropError(
            problems + [line for path in inbox for line in _mapping_to_write(path)][:DRAFTS_SHOWN]
        )
    problems = [
        f"{name}: more than one file ({', '.join(path.name for path in paths)}); keep only one"
        for name, paths in candidates.items()
        if len(paths) > 1
    ]
    if problems:
        raise FileDropError(problems)
    return {name: candidates[name][0] for name in sorted(candidates)}


def _objects_of(path: Path, layout: dict[str, FileObject]) -> list[str]:
    """The objects that a file holds by its name; of a workbook, those that its sheets are named after."""
    name, suffix = path.stem.lower(), path.suffix.lower()
    by_name = [name] if name in layout and suffix in SUFFIXES else []
    if suffix != WORKBOOK_SUFFIX:
        return by_name
    try:
        titles = sheet_titles(path)
    except (UnreadableFileError, OSError):
        return by_name  # what is wrong with it is told when it is read
    return [title for title in (title.strip().lower() for title in titles) if title in layout] or by_name


def _hint(paths: list[Path], layout: dict[str, FileObject]) -> str:
    near = {path.name: difflib.get_close_matches(path.stem.lower(), layout, n=1) for path in paths}
    hints = [f"is '{name}' meant to be {match[0]}?" for name, match in near.items() if match]
    return f" ({' '.join(hints)})" if hints else ""


def _mapping_to_write(path: Path) -> list[str]:
    """The mapping that would make an object of a file; nothing when nobody can tell."""
    try:
        draft = draft_mapping(path) if path.suffix.lower() in READABLE else None
    except (UnreadableFileError, OSError, pa.ArrowException):
        return []
    if draft is None:
        return []
    target = path.with_name(f"{draft.object_name}.sql")
    return [
        f"{path.name} looks like {draft.object_name}: `make map FILE={path}` drafts {target.name}:\n{draft.sql}"
    ]


def _leftovers(
    inbox: list[Path], chosen: dict[str, Path], layout: dict[str, FileObject], landing_dir: Path
) -> tuple[str, ...]:
    """What is not used: files without an object, and landed objects without a file."""
    lines = []
    unused = [path for path in inbox if path not in chosen.values()]
    # With a mapping about, the other files may be what it reads.
    if unused and not any(path.suffix.lower() == ".sql" for path in chosen.values()):
        names = ", ".join(path.name for path in unused)
        readable = [path for path in unused if path.suffix.lower() in READABLE]
        remedy = f"; `make map FILE={readable[0]}` drafts a mapping" if readable else ""
        lines.append(
            f"Inbox files that are no object of the layout, and not read: {names}{_hint(unused, layout)}{remedy}"
        )
    lines += [
        f"No file of {name} in the inbox any more: its last landed batch stays in use"
        for name in layout
        if name not in chosen and newest_batch(landing_dir, SYSTEM, name) is not None
    ]
    return tuple(lines)


def _problems_of(path: Path, item: FileObject, inbox_dir: Path) -> list[str]:
    try:
        if path.stat().st_size == 0:
            return [EMPTY]
        with connect_to_inbox(inbox_dir) as connection:
            columns = open_source(connection, path, item, inbox_dir).columns
            return column_problems(columns, item) if columns else [EMPTY]
    except ReadProblem as error:
        return [_in_words(error)]


def _in_words(error: Exception) -> str:
    if isinstance(error, MappingError):
        return f"the mapping cannot be used: {error}"
    if isinstance(error, UnreadableFileError):
        return f"the file cannot be read: {error}"
    if isinstance(error, PermissionError):
        return "the file may not be opened; give yourself permission to read it"
    if isinstance(error, OSError) and error.strerror:
        return f"the file cannot be read: {error.strerror}"
    return f"its rows cannot be read: {first_line(error)}"


def _hasher(inbox_dir: Path, inbox: list[Path]) -> Callable[[Path], str]:
    """A function from file to content hash; a mapping's content is its text and all that it could read."""

    @cache
    def data_hash() -> str:
        parts = (
            f"{path.relative_to(inbox_dir)} {_file_hash(path)}"
            for path in inbox
            if path.suffix.lower() != ".sql"
        )
        return "\n".join(parts)

    def content_hash(path: Path) -> str:
        data = data_hash() if path.suffix.lower() == ".sql" else ""
        parts = f"{_reader_digest()}\n{_file_hash(path)}\n{data}"
        return hashlib.sha256(parts.encode()).hexdigest()[:HASH_LENGTH]

    return content_hash


@cache
def _reader_digest() -> str:
    """Stands for how files are read: what another reader has landed is landed anew."""
    return source_digest(Path(__file__).parent)


def _file_hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _land(path: Path, item: FileObject, content: str, places: _Places, reporting_currency: str) -> Landed:
    newest = newest_batch(places.landing_dir, SYSTEM, item.name)
    name = f"{SYSTEM}__{item.name}"
    with connect_to_inbox(places.inbox_dir) as connection:
        source = open_source(connection, path, item, places.inbox_dir)
        if newest is not None and newest.stem.rpartition("-")[2] == content:
            count = parquet.read_metadata(newest).num_rows
            return Landed(
                name, fetched_row_count=count, repeated_row_count=count, notes=_notes(path, source, count)
            )
        stamp = _stamp(places.loaded_at, newest)
        target = batch_path(places.landing_dir, SYSTEM, item.name, f"{stamp}-{content}")
        with tempfile.TemporaryDirectory() as folder:
            written = Path(folder) / "written.parquet"
            rows = landing_rows(connection, source, item, path.name)
            write_rows(written, landing_schema(item), rows, places.loaded_at)
            rows = plain_rows(written, item, reporting_currency, source.has_semicolons)
            write_rows(target, landing_schema(item), rows, places.loaded_at)
    reasons = parquet.read_table(target, columns=["_reject_reason"])["_reject_reason"]
    return Landed(
        name,
        fetched_row_count=len(reasons),
        landed_row_count=len(reasons),
        rejected_row_count=len(reasons) - reasons.null_count,
        notes=_notes(path, source, len(reasons)),
    )


def _notes(path: Path, source: Source, row_count: int) -> tuple[str, ...]:
    """What a person should know of how a file was read."""
    notes = (*source.notes, *([] if row_count else ["the file has a header and no rows"]))
    return tuple(f"{path.name}: {note}" for note in notes)


def _stamp(loaded_at: dt.datetime, newest: Path | None) -> str:
    """Time of the batch, moved behind the newest one: batches sort by name, and the last is in use."""
    stamp = loaded_at.strftime(STAMP)
    if newest is None:
        return stamp
    previous = dt.datetime.strptime(newest.stem.partition("-")[0], STAMP)  # noqa: DTZ007
    return max(stamp, (previous + dt.timedelta(seconds=1)).strftime(STAMP))


def _newest_day(
    landing_dir: Path, object_name: str, columns: tuple[str, ...], before: dt.date
) -> dt.date | None:
    path = newest_batch(landing_dir, SYSTEM, object_name)
    if path is None:
        return None
    days = ", ".join(
        f"cast(timezone('UTC', try_cast(\"{column}\" as timestamptz)) as date)" for column in columns
    )
    query = f"""
        with days as (
            select unnest([{days}]) as day from read_parquet({quoted_text(path.resolve())})
        )

        select max(day) from days where day < $before and year(day) between $first and $last
    """
    with connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        found = connection.execute(
            query, {"before": before, "first": FIRST_YEAR, "last": LAST_YEAR}
        ).fetchone()
    return found[0] if found else None
