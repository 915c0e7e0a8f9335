"""When the support desks of the company work, and what becomes of an hour of work in the time on the wall.

Three desks, so that the support clock meets several time zones, a desk that works on Saturdays, hours that
begin on another UTC date, holidays of several days, and both daylight-saving changes (and one zone without).
Not here: how Zendesk delivers the hours (`support_desks`), and the work (`contacts`, `ticket_events`).
"""

import datetime as dt
from functools import cache
from zoneinfo import ZoneInfo

import numpy as np

from dagster_project.sample_company.timeline import Ints

SCHEDULES = (
    ("Americas", "America/New_York", dict.fromkeys(range(1, 6), (9, 17))),
    ("Europe", "Europe/Berlin", dict.fromkeys(range(1, 6), (9, 17))),
    ("Weekend desk", "Asia/Tokyo", {**dict.fromkeys(range(1, 6), (9, 18)), 6: (10, 16)}),
)
"""Name, time zone, and opening and closing hour by weekday, Sunday being 0."""

HOLIDAYS = (
    # desk, name, first day, last day
    (0, "Independence Day", "{}-07-04", "{}-07-04"),
    (0, "Veterans Day", "{}-11-11", "{}-11-11"),
    (0, "Christmas", "{}-12-25", "{}-12-25"),
    (0, "New Year's Day", "{}-01-01", "{}-01-01"),
    (0, "Juneteenth", "{}-06-19", "{}-06-19"),
    (1, "New Year's Day", "{}-01-01", "{}-01-01"),
    (1, "Labour Day", "{}-05-01", "{}-05-01"),
    (1, "German Unity Day", "{}-10-03", "{}-10-03"),
    (1, "Christmas", "{}-12-24", "{}-12-26"),
    (2, "New Year", "{}-01-01", "{}-01-03"),
    (2, "Golden Week", "{}-05-03", "{}-05-06"),
    (2, "Culture Day", "{}-11-03", "{}-11-03"),
)
HOLIDAY_YEARS = (2024, 2025, 2026, 2027)
MOVABLE_HOLIDAYS = (
    (0, "Thanksgiving", "2024-11-28", "2024-11-29"),
    (0, "Thanksgiving", "2025-11-27", "2025-11-28"),
    (0, "Memorial Day", "2025-05-26", "2025-05-26"),
    (0, "Labor Day", "2025-09-01", "2025-09-01"),
    (0, "Memorial Day", "2026-05-25", "2026-05-25"),
    (0, "Labor Day", "2026-09-07", "2026-09-07"),
    (0, "Thanksgiving", "2026-11-26", "2026-11-27"),
    (1, "Easter", "2025-04-18", "2025-04-21"),
    (1, "Easter", "2026-04-03", "2026-04-06"),
    (1, "Whit Monday", "2025-06-09", "2025-06-09"),
    (1, "Whit Monday", "2026-05-25", "2026-05-25"),
)

_FIRST_DAY, _LAST_DAY = dt.date(2024, 9, 1), dt.date(2027, 12, 31)


def _holidays(desk: int) -> set[dt.date]:
    spans = [
        (first.format(year), last.format(year))
        for year in HOLIDAY_YEARS
        for place, _, first, last in HOLIDAYS
        if place == desk
    ] + [(first, last) for place, _, first, last in MOVABLE_HOLIDAYS if place == desk]
    return {
        dt.date.fromordinal(day)
        for first, last in spans
        for day in range(
            dt.date.fromisoformat(first).toordinal(), dt.date.fromisoformat(last).toordinal() + 1
        )
    }


@cache
def _open_spans(desk: int) -> tuple[Ints, Ints, Ints]:
    """The stretches in which a desk is open: unix seconds of begin and end, and the seconds worked before each."""
    _, zone, hours = SCHEDULES[desk]
    closed = _holidays(desk)
    days = [dt.date.fromordinal(day) for day in range(_FIRST_DAY.toordinal(), _LAST_DAY.toordinal() + 1)]
    spans = [
        [
            int(dt.datetime(day.year, day.month, day.day, hour, tzinfo=ZoneInfo(zone)).timestamp())
            for hour in hours[day.isoweekday() % 7]
        ]
        for day in days
        if day.isoweekday() % 7 in hours and day not in closed
    ]
    begins, ends = np.array(spans, dtype=np.int64).T
    return begins, ends, np.concatenate([[0], np.cumsum(ends - begins)[:-1]])


def next_open(desk: Ints, second: Ints) -> Ints:
    """The first moment from each on at which the desk is open.

    Args:
        desk: Positions in `SCHEDULES`, shape (n,).
        second: Unix seconds, shape (n,).

    Returns:
        Unix seconds, shape (n,); a later moment never gives an earlier one.
    """
    result = np.array(second, dtype=np.int64)
    for each in range(len(SCHEDULES)):
        begins, ends, _ = _open_spans(each)
        mine = desk == each
        result[mine] = np.maximum(result[mine], begins[np.searchsorted(ends, result[mine], side="right")])
    return result


def after_work(desk: Ints, second: Ints, worked: Ints) -> Ints:
    """The moment at which a desk has been open for some time since each moment.

    Args:
        desk: Positions in `SCHEDULES`, shape (n,).
        second: Unix seconds, shape (n,).
        worked: Seconds of opening hours, above 0, shape (n,).

    Returns:
        Unix seconds, shape (n,).
    """
    begin = next_open(desk, second)
    result = np.empty_like(begin)
    for each in range(len(SCHEDULES)):
        mine = desk == each
        begins, _, before = _open_spans(each)
        at = np.searchsorted(begins, begin[mine], side="right") - 1
        wanted = before[at] + begin[mine] - begins[at] + worked[mine]
        there = np.searchsorted(before, wanted, side="left") - 1
        result[mine] = begins[there] + wanted - before[there]
    return result
