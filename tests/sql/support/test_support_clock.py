"""The support clock against tickets counted by hand, and against a clock that counts minute by minute."""

import datetime as dt
import random
from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from fast_clock import clock_with, minutes_between
from golden_tickets import GOLDEN_TICKETS, SCHEDULES, WEEK, GoldenTicket, Schedule
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from slow_clock import business_seconds

ZONES = (
    "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Australia/Sydney", "Africa/Casablanca",
    "Asia/Kathmandu", "Pacific/Apia", "Pacific/Chatham", "America/St_Johns", "Etc/UTC",
)  # fmt: skip
CHANGES_AT = [
    dt.datetime(2026, 3, 8, 7), dt.datetime(2026, 11, 1, 6), dt.datetime(2026, 3, 29, 1),
    dt.datetime(2026, 10, 25, 1), dt.datetime(2026, 4, 4, 15), dt.datetime(2026, 10, 3, 15, 30),
    dt.datetime(2026, 4, 4, 14), dt.datetime(2026, 9, 26, 14), dt.datetime(2011, 12, 30, 10),
    dt.datetime(2026, 12, 31, 23), dt.datetime(2024, 2, 29, 12),
]  # fmt: skip


@pytest.fixture(scope="module")
def golden_clock() -> Iterator[Any]:
    connection = clock_with(SCHEDULES, dt.datetime(2011, 12, 1), dt.datetime(2028, 4, 1))
    yield connection
    connection.close()


def test_there_are_sixty_golden_tickets_and_each_schedule_has_one() -> None:
    assert len(GOLDEN_TICKETS) >= 60
    assert len({ticket.case for ticket in GOLDEN_TICKETS}) == len(GOLDEN_TICKETS)
    assert {ticket.schedule for ticket in GOLDEN_TICKETS} == set(SCHEDULES)


@pytest.mark.parametrize("ticket", GOLDEN_TICKETS, ids=lambda ticket: ticket.case.replace(" ", "_"))
def test_golden_ticket_has_the_minutes_counted_by_hand(ticket: GoldenTicket, golden_clock: Any) -> None:
    reply, resolution = minutes_between(
        golden_clock,
        [(ticket.schedule, ticket.opened_at, end) for end in (ticket.replied_at, ticket.solved_at)],
    )
    assert reply[:2] == (ticket.reply_calendar, ticket.reply_business)
    assert resolution[:2] == (ticket.resolution_calendar, ticket.resolution_business)


@pytest.mark.parametrize("ticket", GOLDEN_TICKETS, ids=lambda ticket: ticket.case.replace(" ", "_"))
def test_hand_counted_minutes_are_those_of_the_slow_clock(ticket: GoldenTicket) -> None:
    for end, expected in (
        (ticket.replied_at, ticket.reply_business),
        (ticket.solved_at, ticket.resolution_business),
    ):
        if end is None or end < ticket.opened_at:
            assert expected is None
        else:
            assert business_seconds(SCHEDULES[ticket.schedule], ticket.opened_at, end) // 60 == expected


def test_stretches_of_one_schedule_never_overlap(golden_clock: Any) -> None:
    overlaps = golden_clock.execute(
        "select count(*) from (select starts_at < lag(ends_at) over"
        " (partition by schedule_id order by starts_at) as is_too_early, starts_at >= ends_at as is_empty"
        " from business_hours) where is_too_early or is_empty"
    ).fetchall()
    assert overlaps == [(0,)]


def test_without_tickets_there_are_no_hours_and_without_a_schedule_no_business_minutes() -> None:
    with clock_with(SCHEDULES, None, None) as connection:
        assert connection.execute("select count(*) from business_hours").fetchall() == [(0,)]
    begin, end = dt.datetime(2026, 1, 13, 15), dt.datetime(2026, 1, 13, 16)
    with clock_with({}, begin, end) as connection:
        ((calendar, business, _),) = minutes_between(connection, [(None, begin, end)])
    assert (calendar, business) == (60, None)


intervals = st.tuples(st.integers(0, WEEK - 1), st.integers(1, WEEK)).filter(lambda pair: pair[0] != pair[1])


@st.composite
def schedules_and_moments(draw: st.DrawFn) -> tuple[Schedule, list[dt.datetime]]:
    """A schedule of any intervals and holidays, and three moments in order, near a change of the clocks."""
    near = draw(st.sampled_from(CHANGES_AT))
    seconds = st.integers(-2 * 86_400, 2 * 86_400)
    moments = sorted(
        near + dt.timedelta(seconds=second) for second in draw(st.lists(seconds, min_size=3, max_size=3))
    )
    day = near.date() + dt.timedelta(days=draw(st.integers(-2, 2)))
    holidays = draw(st.sampled_from([(), ((day, day),), ((day, day + dt.timedelta(days=1)),)]))
    weekly = tuple(draw(st.lists(intervals, min_size=1, max_size=6)))
    return Schedule(draw(st.sampled_from(ZONES)), weekly, holidays), moments


@hypothesis_settings(max_examples=60, deadline=None)
@given(schedules_and_moments())
def test_any_schedule_counts_as_the_slow_clock_does_and_parts_add_up(
    drawn: tuple[Schedule, list[dt.datetime]],
) -> None:
    schedule, (a, b, c) = drawn
    with clock_with({"drawn": schedule}, a, c) as connection:
        (_, _, first), (_, _, second), (_, _, whole) = minutes_between(
            connection, [("drawn", a, b), ("drawn", b, c), ("drawn", a, c)]
        )
    assert first == business_seconds(schedule, a, b)
    assert second == business_seconds(schedule, b, c)
    assert first + second == whole


def test_round_the_clock_is_the_calendar_in_every_time_zone() -> None:
    chance = random.Random(7)
    zones = {zone: Schedule(zone, ((0, WEEK),)) for zone in ZONES}
    begin, end = dt.datetime(1995, 1, 1), dt.datetime(2037, 1, 1)
    moments = [begin + chance.random() * (end - begin) for _ in range(400)]
    spans = [
        (zone, min(pair), max(pair))
        for zone in zones
        for pair in zip(moments[::2], moments[1::2], strict=True)
    ]
    with clock_with(zones, begin, end) as connection:
        for calendar, business, _ in minutes_between(connection, spans):
            assert calendar == business


def test_clock_changes_are_those_of_the_time_zone_database() -> None:
    """A schedule that is open for one local minute a day opens when Python's time zones say so."""
    zones = {
        zone: Schedule(zone, tuple((day * 1440 + 720, day * 1440 + 721) for day in range(7)))
        for zone in ZONES
    }
    with clock_with(zones, dt.datetime(2000, 1, 1), dt.datetime(2030, 1, 1)) as connection:
        rows = connection.execute("select schedule_id, starts_at from business_hours").fetchall()
    assert len(rows) > 10 * 30 * 365
    for zone, starts_at in rows:
        local = starts_at.replace(tzinfo=dt.UTC).astimezone(ZoneInfo(zone))
        assert (local.hour, local.minute) == (12, 0)
