"""What the sources delivered, as a profile of measures, and the suite by which it is judged.

Here: shares of rows that fail, per object and column; how far an object's events reach; how many there are beside its
own past; requests that wait. Not here: the judging (`judgement.py`), and what is wrong with a row
(`dbt/macros/bronze`).
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import duckdb
import polars as pl

from dagster_project.contracts import Table
from dagster_project.ingest.files.drop import waiting_erasure_count, waiting_erasures
from dagster_project.quality.intake_queries import FAILING, FAULTS, FILES, NEWEST, PUBLISHED_NEWEST, WEEKS
from dagster_project.quality.judgement import Rule

FILE_DROP = "files__"
ERASURES = "files__erasure_requests"
TOLERATED_SHARE = 0.01
FEW_ROWS = 5  # of a vendor: so few bad rows are accidents; of a dropped file each one counts
STEADY_ROWS = 20  # fewer in a week go up and down by chance
WINDOW_DAYS, PAST_WINDOWS = 7, 91  # three months hold every rhythm of billing and of campaigns

RULES = (
    Rule(
        "passing_row_count",
        "Of a file, not every row fails one and the same column: then the column means something else, or is written"
        " otherwise.",
        "{place}: all {row_count:,} rows fail the column {column}, the first in line {line}: {reason}. {remedy}",
        lowest=1,
        is_blocking=True,
    ),
    Rule(
        "newest_day_step_days",
        "The newest day of an object does not go back behind the one that is published.",
        "{object}: its newest day is {newest_date}, and {published_date} is published: an older export? Deliver the"
        " newer rows; if they are gone for good, CUSTINT_ACCEPT_OLDER_DATA=true lets one run pass",
        lowest=0,
        is_blocking=True,
    ),
    Rule(
        "quarantined_share",
        "At most 1 % of the rows of a delivery are put into quarantine for one column.",
        "{object}: {quarantined_share:.1%} of {row_count:,} rows are in quarantine for the column {column}, the first"
        " in {place} line {line}: {reason}. {remedy}",
        highest=TOLERATED_SHARE,
    ),
    Rule(
        "left_out_share",
        "At most 1 % of the rows of a delivery are kept without the value of one column.",
        "{object}: {left_out_share:.1%} of {row_count:,} rows are kept without {column}, the first in {place} line"
        " {line}: {reason}. {remedy}",
        highest=TOLERATED_SHARE,
    ),
    Rule(
        "rows_to_usual_low_ratio",
        "The last week holds at least half of the leanest week of the three months before.",
        "{object}: {week_row_count:,} rows in the week up to {day}, at least {usual_row_count:,} in every week of the"
        " three months before: has the source stopped, or was only a part delivered?",
        lowest=0.5,
    ),
    Rule(
        "rows_to_usual_high_ratio",
        "The last week holds at most twice the fullest week of the three months before.",
        "{object}: {week_row_count:,} rows in the week up to {day}, at most {usual_row_count:,} in every week of the"
        " three months before: is something delivered twice under new ids?",
        highest=2,
    ),
    Rule(
        "file_rows_ratio",
        "A dropped file has between half and twice the rows of the one that it replaces.",
        "{object}: the file has {row_count:,} rows, the one before had {usual_row_count:,}: a file is the whole truth"
        " of its object, not an addition; put all rows into it",
        lowest=0.5,
        highest=2,
    ),
    Rule(
        "erasure_request_count", "No request to be erased waits.", "{reason}", highest=0
    ),
)  # fmt: skip

SCHEMA = {
    "table": pl.String, "subject": pl.String, "object": pl.String, "column": pl.String, "place": pl.String,
    "line": pl.Int64, "reason": pl.String, "remedy": pl.String, "day": pl.String, "newest_date": pl.String,
    "published_date": pl.String, "bad_row_share": pl.Float64,
    "row_count": pl.Int64, "week_row_count": pl.Int64, "usual_row_count": pl.Int64,
    **{rule.measure: pl.Float64 for rule in RULES},
}  # fmt: skip


def intake_rules(*, accepts_older_data: bool) -> tuple[Rule, ...]:
    """The suite; where older data is accepted, a newest day that goes back warns."""
    return tuple(
        replace(rule, is_blocking=rule.is_blocking and not accepts_older_data)
        if rule.measure == "newest_day_step_days"
        else rule
        for rule in RULES
    )


def profile_intake(
    connection: duckdb.DuckDBPyConnection,
    tables: Mapping[str, Table],
    landing_dir: Path,
    *,
    day: dt.date | None,
    has_published: bool,
) -> pl.DataFrame:
    """Measure what was delivered.

    Args:
        connection: The warehouse with schemas bronze and quarantine; what is published attached as `published`.
        tables: Contracts of the bronze tables, by name.
        landing_dir: Root of the landing zone.
        day: The day of the run; without one no volume is measured.
        has_published: Whether something is attached as `published`.

    Returns:
        One row per thing that was measured, with the columns of `SCHEMA`.
    """
    built = {
        name
        for (name,) in connection.execute(
            "select table_name from duckdb_tables() where schema_name = 'bronze'"
        ).fetchall()
    }
    present = {name: table for name, table in tables.items() if name in built}
    clocks = {
        name: str(table.meta["newest_at"]) for name, table in present.items() if "newest_at" in table.meta
    }
    rows = [
        *_failing(connection, present),
        *(_backwards(connection, clocks) if has_published else ()),
        *(_volumes(connection, clocks, day) if day else ()),
        *_file_sizes(connection, present, landing_dir),
        *_waiting(landing_dir),
    ]
    return pl.DataFrame([{name: row.get(name) for name in SCHEMA} for row in rows], schema=SCHEMA)


def _waiting(landing_dir: Path) -> list[dict[str, object]]:
    return [
        {
            **_row(ERASURES, ERASURES),
            "erasure_request_count": waiting_erasure_count(landing_dir),
            "reason": line,
        }
        for line in waiting_erasures(landing_dir)
    ]


def _row(name: str, subject: str) -> dict[str, object]:
    return {"table": name, "subject": subject, "object": name.replace("__", " ")}


def _all_of(query: str, names: Mapping[str, Mapping[str, object]]) -> str:
    return " union all ".join(f"({query.format(name=name, **values)})" for name, values in names.items())


def _failing(connection: duckdb.DuckDBPyConnection, tables: Mapping[str, Table]) -> list[dict[str, object]]:
    if not tables:
        return []
    columns = {name: {"columns": [column.name for column in table.columns]} for name, table in tables.items()}
    query = FAILING.format(files=_all_of(FILES, columns), faults=_all_of(FAULTS, columns))
    found = connection.execute(query).fetchall()
    wholly = {
        (name, column) for name, kind, column, *_, bad, _ in found if kind == "file" and _is_many(name, bad)
    }
    rows = []
    for name, kind, column, file, line, reason, bad, of in found:
        row = {
            **_row(name, f"{name} {column} {kind} {file if kind == 'file' else ''}".strip()),
            "column": column, "place": file, "line": line, "reason": reason,
            "remedy": _remedy(name, kind), "row_count": of, "bad_row_share": bad / of,
        }  # fmt: skip
        if kind == "file":
            row["passing_row_count"] = 0 if (name, column) in wholly else None
        elif kind == "left out":
            row["left_out_share"] = bad / of if _is_many(name, bad) else None
        elif (name, column) not in wholly:
            row["quarantined_share"] = bad / of if _is_many(name, bad) else None
        rows.append(row)
    return rows


def _remedy(name: str, kind: str) -> str:
    if kind == "left out":
        return f"See _faults in bronze.{name}"
    if name.startswith(FILE_DROP):
        return "Correct the file, or its mapping, and run again"
    return (
        f"See quarantine.{name}: if the source has changed, mend it there or in the contract of bronze.{name}"
    )


def _is_many(name: str, row_count: int) -> bool:
    return row_count >= (1 if name.startswith(FILE_DROP) else FEW_ROWS)


def _backwards(connection: duckdb.DuckDBPyConnection, clocks: Mapping[str, str]) -> list[dict[str, object]]:
    published = dict(connection.execute(PUBLISHED_NEWEST).fetchall())
    newest = connection.execute(
        _all_of(NEWEST, {name: {"newest_at": clock} for name, clock in clocks.items()})
    )
    return [
        {
            **_row(name, f"{name} newest day"),
            "newest_date": str(date),
            "published_date": str(published[name]),
            "newest_day_step_days": (date - published[name]).days,
        }
        for name, date in newest.fetchall()
        if date is not None and published.get(name) is not None
    ]


def _volumes(
    connection: duckdb.DuckDBPyConnection, clocks: Mapping[str, str], day: dt.date
) -> list[dict[str, object]]:
    span = WINDOW_DAYS * 2 + PAST_WINDOWS - 1
    values = {
        name: {"newest_at": clock, "window": WINDOW_DAYS, "span": span} for name, clock in clocks.items()
    }
    rows = []
    for name, row_count, low, high in connection.execute(_all_of(WEEKS, values), {"day": day}).fetchall():
        measured = {"day": str(day), "week_row_count": row_count}
        if low is not None and low >= STEADY_ROWS:
            rows.append(
                {
                    **_row(name, f"{name} week, low"), **measured,
                    "usual_row_count": low, "rows_to_usual_low_ratio": row_count / low,
                }
            )  # fmt: skip
        if high is not None and high >= STEADY_ROWS:
            rows.append(
                {
                    **_row(name, f"{name} week, high"), **measured,
                    "usual_row_count": high, "rows_to_usual_high_ratio": row_count / high,
                }
            )  # fmt: skip
    return rows


def _file_sizes(
    connection: duckdb.DuckDBPyConnection, tables: Mapping[str, Table], landing_dir: Path
) -> list[dict[str, object]]:
    """Rows of the newest batch of each dropped file beside the batch before."""
    rows = []
    for name in (name for name in tables if name.startswith(FILE_DROP)):
        folder = landing_dir / name.replace("__", "/", 1)
        files = sorted(path for path in folder.glob("*.parquet") if not path.name.startswith("_"))[-2:]
        if len(files) < 2:
            continue
        sizes = connection.execute(
            "select num_rows from parquet_file_metadata($files) order by file_name",
            {"files": [str(path) for path in files]},
        ).fetchall()
        (before,), (now,) = sizes
        if before >= STEADY_ROWS:
            rows.append(
                {
                    **_row(name, f"{name} file"), "row_count": now, "usual_row_count": before,
                    "file_rows_ratio": now / before,
                }
            )  # fmt: skip
    return rows
