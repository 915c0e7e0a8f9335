"""The SQL of `dbt/macros/support_clock.sql` on the tests' schedules and moments. Not here: what is expected of it."""

import datetime as dt
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import duckdb
import jinja2
import polars as pl
from golden_tickets import Schedule

from dagster_project.settings import DBT_DIR

MACROS: Any = (
    jinja2.Environment(autoescape=False)
    .from_string((DBT_DIR / "macros" / "support_clock.sql").read_text())
    .module
)
Moment = dt.datetime | None


def clock_with(schedules: Mapping[str, Schedule], first_at: Moment, last_at: Moment) -> Any:
    """A DuckDB with `business_hours` of the schedules between two moments, built as the models build it."""
    connection = duckdb.connect()
    connection.execute("set TimeZone = 'UTC'")
    schedule_rows = pl.DataFrame(
        [
            (name, schedule.time_zone, json.dumps([
                {"start_time": start, "end_time": end} for start, end in schedule.intervals
            ]))
            for name, schedule in schedules.items()
        ],
        schema={"schedule_id": pl.String, "time_zone": pl.String, "intervals": pl.String},
        orient="row",
    )  # fmt: skip
    holiday_rows = pl.DataFrame(
        [(name, *dates) for name, schedule in schedules.items() for dates in schedule.holidays],
        schema={"schedule_id": pl.String, "first_date": pl.Date, "last_date": pl.Date},
        orient="row",
    )
    period_rows = pl.DataFrame(
        {"first_at": [first_at], "last_at": [last_at]},
        schema={"first_at": pl.Datetime, "last_at": pl.Datetime},
    )
    for name, frame in {"schedules": schedule_rows, "holidays": holiday_rows, "period": period_rows}.items():
        connection.register("given_rows", frame)
        connection.execute(f"create table {name} as select * from given_rows")
    connection.execute(f"create table intervals as {MACROS.weekly_intervals('schedules')}")
    connection.execute(f"create table weekly_hours as {MACROS.hours_by_weekday('intervals')}")
    hours = MACROS.business_hours_in_utc("schedules", "weekly_hours", "holidays", "period")
    connection.execute(f"create table business_hours as {hours}")
    return connection


def minutes_between(
    connection: duckdb.DuckDBPyConnection, spans: Iterable[tuple[str | None, Moment, Moment]]
) -> Sequence[tuple[int | None, int | None, int | None]]:
    """Per span of a schedule: calendar minutes, business minutes and business seconds."""
    frame = pl.DataFrame(
        [(number, *span) for number, span in enumerate(spans)],
        schema={"number": pl.Int64, "schedule_id": pl.String, "from_at": pl.Datetime, "to_at": pl.Datetime},
        orient="row",
    )
    connection.register("spans", frame)
    return connection.execute(f"""
        select
            {MACROS.whole_minutes("from_at", "to_at")},
            {MACROS.business_minutes("spans.schedule_id", "at_from", "from_at", "at_to", "to_at")},
            {MACROS.business_seconds_until("at_to", "to_at")}
            - {MACROS.business_seconds_until("at_from", "from_at")}
        from spans
        {MACROS.join_business_hours("business_hours", "at_from", "spans.schedule_id", "from_at")}
        {MACROS.join_business_hours("business_hours", "at_to", "spans.schedule_id", "to_at")}
        order by number
    """).fetchall()
