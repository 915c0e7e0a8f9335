"""Which days the Dagster UI expects to be there, so that what is missing is missing.

The first is that of the first run in the data folder. The last is yesterday; but the sample company, and dropped files
that nobody has run a day of for a month, are a closed history: it ends with the newest day that a run was for.

Not here: which days may be run when somebody asks for one (`Settings.earliest_day`), and Dagster's partitions
(`defs/resources.py`).
"""

import datetime as dt
import json
from dataclasses import dataclass
from pathlib import Path

from dagster_project.databases import connect
from dagster_project.ingest.landing import write_text
from dagster_project.settings import SAMPLE_END_DATE, Settings

CLOSED_AFTER_DAYS = 31
_RUN_DAYS = "select arg_min(as_of_date, rowid), max(as_of_date) from bronze.run_days"


_is_any_day_taken = False


def take_any_day() -> None:
    """From now on this process runs a day that it is told and shows none; said before Dagster's definitions load."""
    global _is_any_day_taken
    _is_any_day_taken = True


def any_day_is_taken() -> bool:
    """Whether `take_any_day` was said."""
    return _is_any_day_taken


@dataclass(frozen=True)
class RunDays:
    """The days that runs in a data folder were for: that of the first run, and the newest of all."""

    first: dt.date
    newest: dt.date


def remember_run_days(path: Path, warehouse: Path) -> None:
    """Note the days of `bronze.run_days` where the UI reads them: the warehouse is locked while a run writes."""
    with connect(warehouse, read_only=True) as connection:
        first, newest = connection.execute(_RUN_DAYS).fetchall()[0]
    if first:
        write_text(path, json.dumps({"first": first.isoformat(), "newest": newest.isoformat()}) + "\n")


def read_run_days(path: Path) -> RunDays | None:
    """What `remember_run_days` has noted; None when nothing can be read: the next run notes it again."""
    try:
        noted = json.loads(path.read_text())
        return RunDays(dt.date.fromisoformat(noted["first"]), dt.date.fromisoformat(noted["newest"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def expected_days(
    settings: Settings, run_days: RunDays | None, yesterday: dt.date
) -> tuple[dt.date, dt.date | None]:
    """The first and the last expected day; no last one where the days go on.

    Args:
        settings: `first_as_of_date` says the first day, and an `as_of_date` is always among the days.
        run_days: None before the first run.
        yesterday: The newest day that is over.
    """
    is_sample = settings.sources == ("sample",)
    newest = run_days.newest if run_days else SAMPLE_END_DATE if is_sample else yesterday
    first = settings.first_as_of_date or (run_days.first if run_days else newest)
    first = max(settings.earliest_day, min(first, settings.as_of_date or first))
    is_closed = is_sample or (
        not settings.live_sources and newest < yesterday - dt.timedelta(days=CLOSED_AFTER_DAYS)
    )
    return first, max(newest, settings.as_of_date or newest, first) if is_closed else None
