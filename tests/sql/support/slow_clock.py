"""The support clock once more, the slow way: minute by minute, by Python's own time zones. Not here: expectations."""

import datetime as dt
from zoneinfo import ZoneInfo

from golden_tickets import DAY, WEEK, Schedule

MINUTE = dt.timedelta(minutes=1)


def is_open(schedule: Schedule, at: dt.datetime) -> bool:
    """Whether the schedule's wall clock reads inside of its hours at a UTC moment."""
    local = at.replace(tzinfo=dt.UTC).astimezone(ZoneInfo(schedule.time_zone))
    if any(first <= local.date() <= last for first, last in schedule.holidays):
        return False
    week_minute = local.isoweekday() % 7 * DAY + local.hour * 60 + local.minute
    return any(
        start <= week_minute < end
        or (end < start and (week_minute >= start or week_minute < end))
        or start <= week_minute + WEEK < end
        for start, end in schedule.intervals
    )


def business_seconds(schedule: Schedule, from_at: dt.datetime, to_at: dt.datetime) -> int:
    """Seconds in which the schedule is open, both moments cut to the second."""
    from_at, to_at = from_at.replace(microsecond=0), to_at.replace(microsecond=0)
    minute_at, seconds = from_at.replace(second=0), 0
    while minute_at < to_at:
        if is_open(schedule, minute_at):
            part = min(minute_at + MINUTE, to_at) - max(minute_at, from_at)
            seconds += int(part.total_seconds())
        minute_at += MINUTE
    return seconds
