"""Schedules, and tickets whose minutes were counted by hand (`golden_tickets.csv`). Not here: how they are counted.

Times are UTC; a schedule's intervals are minutes since Sunday 00:00 of its own wall clock. Each ticket says when it was
opened, answered and solved, and then what is expected: calendar and business minutes of the answer, then of the
solution. In 2026 the clocks change in New York on March 8 at 07:00 and on November 1 at 06:00, in Berlin on March 29
and October 25 at 01:00, in Sydney on April 4 and October 3 at 16:00, on Lord Howe Island by half an hour on April 4 at
15:00 and on October 3 at 15:30.
"""

import csv
import datetime as dt
from dataclasses import dataclass
from pathlib import Path

Interval = tuple[int, int]
DAY, WEEK = 1440, 10_080
SUNDAY, MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY, SATURDAY = range(7)
WORKDAYS = range(MONDAY, SATURDAY)
EVERY_DAY = range(SUNDAY, SATURDAY + 1)


@dataclass(frozen=True)
class Schedule:
    """A time zone, weekly intervals as (start, end) minutes, and holidays as (first, last) local dates."""

    time_zone: str
    intervals: tuple[Interval, ...]
    holidays: tuple[tuple[dt.date, dt.date], ...] = ()


@dataclass(frozen=True)
class GoldenTicket:
    """One ticket, its three moments and its four counts; None: it did not happen, or cannot be counted."""

    case: str
    schedule: str
    opened_at: dt.datetime
    replied_at: dt.datetime | None
    solved_at: dt.datetime | None
    reply_calendar: int | None
    reply_business: int | None
    resolution_calendar: int | None
    resolution_business: int | None


def on(days: range | int, opens: str, closes: str) -> tuple[Interval, ...]:
    """The same hours on each of the days."""
    opening, closing = (int(text[:2]) * 60 + int(text[3:]) for text in (opens, closes))
    listed = (days,) if isinstance(days, int) else days
    return tuple((day * DAY + opening, day * DAY + closing) for day in listed)


def off(first: str, last: str = "") -> tuple[dt.date, dt.date]:
    return dt.date.fromisoformat(first), dt.date.fromisoformat(last or first)


OFFICE = on(WORKDAYS, "09:00", "17:00")
NIGHTS = on(EVERY_DAY, "00:00", "06:00") + on(EVERY_DAY, "22:00", "24:00")
ALWAYS = ((0, WEEK),)
NEW_YORK, BERLIN, SYDNEY = "America/New_York", "Europe/Berlin", "Australia/Sydney"
LORD_HOWE, UTC = "Australia/Lord_Howe", "Etc/UTC"

SCHEDULES = {
    "new_york": Schedule(NEW_YORK, OFFICE),
    "new_york_always": Schedule(NEW_YORK, ALWAYS),
    "new_york_nights": Schedule(NEW_YORK, NIGHTS),
    "sunday_0230_0400": Schedule(NEW_YORK, on(SUNDAY, "02:30", "04:00")),
    "sunday_0200_0300": Schedule(NEW_YORK, on(SUNDAY, "02:00", "03:00")),
    "sunday_0100_0200": Schedule(NEW_YORK, on(SUNDAY, "01:00", "02:00")),
    "sunday_0130_0300": Schedule(NEW_YORK, on(SUNDAY, "01:30", "03:00")),
    "sunday_0100_0130": Schedule(NEW_YORK, on(SUNDAY, "01:00", "01:30")),
    "berlin": Schedule(BERLIN, on(WORKDAYS, "08:00", "18:00") + on(SATURDAY, "10:00", "14:00")),
    "berlin_sunday": Schedule(BERLIN, on(SUNDAY, "01:00", "05:00")),
    "berlin_sunday_0215_0245": Schedule(BERLIN, on(SUNDAY, "02:15", "02:45")),
    "lord_howe_0100_0300": Schedule(LORD_HOWE, on(EVERY_DAY, "01:00", "03:00")),
    "lord_howe_0130_0200": Schedule(LORD_HOWE, on(EVERY_DAY, "01:30", "02:00")),
    "lord_howe_0200_0230": Schedule(LORD_HOWE, on(EVERY_DAY, "02:00", "02:30")),
    "sydney": Schedule(SYDNEY, OFFICE),
    "sydney_always": Schedule(SYDNEY, ALWAYS),
    "sydney_sunday_0200_0300": Schedule(SYDNEY, on(SUNDAY, "02:00", "03:00")),
    "new_york_holidays": Schedule(
        NEW_YORK,
        OFFICE,
        (
            off("2026-07-03"),
            off("2026-07-04"),
            off("2026-11-26", "2026-11-27"),
            off("2026-12-24", "2027-01-03"),
            off("2028-02-29"),
        ),
    ),
    "new_york_weekend_off": Schedule(NEW_YORK, OFFICE, (off("2026-01-17", "2026-01-18"),)),
    "new_york_nights_off": Schedule(NEW_YORK, NIGHTS, (off("2026-01-14"),)),
    "new_york_always_off": Schedule(NEW_YORK, ALWAYS, (off("2026-03-08"),)),
    "auckland": Schedule("Pacific/Auckland", OFFICE, (off("2026-02-06"),)),
    "saturday_night": Schedule(UTC, on(SATURDAY, "22:00", "24:00") + on(SUNDAY, "00:00", "06:00")),
    "over_the_week": Schedule(UTC, ((SATURDAY * DAY + 1320, 360),)),
    "overlapping": Schedule(
        UTC,
        on(MONDAY, "12:00", "17:00")
        + on(MONDAY, "09:00", "13:00")
        + on(MONDAY, "10:00", "11:00")
        + on(MONDAY, "17:00", "18:00"),
    ),
    "kolkata": Schedule("Asia/Kolkata", OFFICE),
    "kathmandu": Schedule("Asia/Kathmandu", OFFICE),
    "kiritimati": Schedule("Pacific/Kiritimati", OFFICE),
    "honolulu": Schedule("Pacific/Honolulu", OFFICE),
    "apia": Schedule("Pacific/Apia", OFFICE),
    "phoenix": Schedule("America/Phoenix", OFFICE),
}


def _ticket(row: dict[str, str]) -> GoldenTicket:
    opened_at, replied_at, solved_at = (
        dt.datetime.fromisoformat(row[name]) if row[name] else None
        for name in ("opened_at", "replied_at", "solved_at")
    )
    assert opened_at is not None
    minutes = [int(text) if text else None for text in list(row.values())[5:]]
    return GoldenTicket(row["case"], row["schedule"], opened_at, replied_at, solved_at, *minutes)


with (Path(__file__).parent / "golden_tickets.csv").open() as table:
    GOLDEN_TICKETS = [_ticket(row) for row in csv.DictReader(table)]
