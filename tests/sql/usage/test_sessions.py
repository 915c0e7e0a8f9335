"""Sessions: what a pause of 30 minutes cuts, whose events belong together, and that nothing is lost."""

import datetime as dt
import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

NOON = dt.datetime(2026, 9, 1, 12)
MINUTE = dt.timedelta(minutes=1)
SECOND = dt.timedelta(seconds=1)
Make = Callable[..., dict[str, Any]]


def sessions(warehouse: Any, events: Sequence[dict[str, Any]]) -> list[tuple[Any, ...]]:
    warehouse.fill("usage_events", events)
    warehouse.build("fct_sessions", "fct_usage_daily")
    return warehouse.rows(
        "select session_id, customer_id, user_ref, started_at, ended_at, event_count from gold.fct_sessions"
        " order by customer_id, user_ref nulls first, started_at"
    )


@pytest.mark.parametrize(
    ("pause", "session_count"),
    [
        (dt.timedelta(0), 1),
        (30 * MINUTE - SECOND, 1),
        (30 * MINUTE, 1),
        (30 * MINUTE + dt.timedelta(microseconds=1), 2),
        (30 * MINUTE + SECOND, 2),
    ],
)
def test_only_a_pause_of_more_than_thirty_minutes_ends_a_session(
    warehouse: Any, usage_event: Make, pause: dt.timedelta, session_count: int
):
    assert len(sessions(warehouse, [usage_event(NOON), usage_event(NOON + pause)])) == session_count


def test_a_session_may_last_longer_than_the_pause_that_ends_it(warehouse: Any, usage_event: Make):
    events = [usage_event(NOON + 20 * n * MINUTE) for n in range(10)]
    assert sessions(warehouse, events) == [
        ("product:e000000", "c1", "u1", NOON, NOON + 180 * MINUTE, 10),
    ]
    assert warehouse.rows("select session_duration_seconds from gold.fct_sessions") == [(180 * 60,)]


def test_a_session_over_midnight_is_one_and_belongs_to_the_day_on_which_it_began(
    warehouse: Any, usage_event: Make
):
    late = dt.datetime(2026, 9, 1, 23, 50)
    assert len(sessions(warehouse, [usage_event(late), usage_event(late + 20 * MINUTE)])) == 1
    assert warehouse.rows(
        "select usage_date, event_count, session_count from gold.fct_usage_daily order by usage_date"
    ) == [(dt.date(2026, 9, 1), 1, 1), (dt.date(2026, 9, 2), 1, 0)]


def test_two_users_at_the_same_time_have_two_sessions(warehouse: Any, usage_event: Make):
    events = [usage_event(NOON), usage_event(NOON + MINUTE, user_ref="u2"), usage_event(NOON + 2 * MINUTE)]
    assert [(row[2], row[5]) for row in sessions(warehouse, events)] == [("u1", 2), ("u2", 1)]


def test_the_same_user_reference_at_two_customers_is_two_users(warehouse: Any, usage_event: Make):
    events = [usage_event(NOON), usage_event(NOON + MINUTE, customer_id="c2")]
    assert [(row[1], row[5]) for row in sessions(warehouse, events)] == [("c1", 1), ("c2", 1)]


def test_devices_that_nobody_has_signed_in_on_are_visitors_of_their_own_and_no_users(
    warehouse: Any, usage_event: Make
):
    events = [
        usage_event(NOON, user_ref=None, device_ref="d1"),
        usage_event(NOON + MINUTE, user_ref=None, device_ref="d2"),
        usage_event(NOON + 2 * MINUTE, user_ref="u1", device_ref="d1"),
        usage_event(NOON + 3 * MINUTE, user_ref="u1", device_ref="d2"),
        usage_event(NOON + 4 * MINUTE, user_ref="u2", device_ref="d1"),
    ]
    found = [(row[2], row[5]) for row in sessions(warehouse, events)]
    assert found == [(None, 1), (None, 1), ("u1", 2), ("u2", 1)]
    assert warehouse.rows("select active_user_count, session_count from gold.fct_usage_daily") == [(2, 4)]


def test_events_that_name_nobody_are_one_visitor_of_their_customer(warehouse: Any, usage_event: Make):
    events = [
        usage_event(NOON, user_ref=None),
        usage_event(NOON + 10 * MINUTE, user_ref=None),
        usage_event(NOON + 5 * MINUTE),
        usage_event(NOON + 5 * MINUTE, user_ref=None, customer_id="c2"),
    ]
    assert [row[1:3] + row[5:] for row in sessions(warehouse, events)] == [
        ("c1", None, 2), ("c1", "u1", 1), ("c2", None, 1),
    ]  # fmt: skip


def test_a_late_event_joins_two_sessions_and_the_first_keeps_its_name(warehouse: Any, usage_event: Make):
    first, second = usage_event(NOON), usage_event(NOON + 50 * MINUTE)
    before = sessions(warehouse, [first, second])
    assert [row[0] for row in before] == [first["event_id"], second["event_id"]]
    late = usage_event(NOON + 25 * MINUTE)
    assert [(row[0], row[5]) for row in sessions(warehouse, [first, second, late])] == [
        (first["event_id"], 3)
    ]


def test_the_session_reference_of_the_source_changes_nothing_and_is_counted(
    warehouse: Any, usage_event: Make
):
    events = [
        usage_event(NOON, session_ref="a"),
        usage_event(NOON + MINUTE, session_ref="b"),
        usage_event(NOON + 40 * MINUTE, session_ref="b"),
    ]
    sessions(warehouse, events)
    assert warehouse.rows(
        "select event_count, source_session_count from gold.fct_sessions order by started_at"
    ) == [(2, 2), (1, 1)]


def test_what_events_report_is_summed(warehouse: Any, usage_event: Make):
    events = [
        usage_event(NOON, quantity=3, duration_seconds=90, error_count=1),
        usage_event(NOON + MINUTE, quantity=2, duration_seconds=30, feature="exports"),
    ]
    sessions(warehouse, events)
    columns = "event_count, use_count, feature_count, duration_seconds, error_count"
    assert warehouse.rows(f"select {columns} from gold.fct_sessions") == [(2, 5, 2, 120, 1)]
    assert warehouse.rows(f"select {columns} from gold.fct_usage_daily") == [(2, 5, 2, 120, 1)]


def test_without_events_there_are_no_sessions(warehouse: Any):
    assert sessions(warehouse, []) == []


def slow_session_starts(events: list[dict[str, Any]]) -> list[tuple[str, str, dt.datetime]]:
    """Each visitor's events one after the other, as the rule reads."""
    visits = defaultdict(list)
    for event in events:
        visits[event["customer_id"], event["user_ref"] or ""].append(event["occurred_at"])
    starts = []
    for (customer_id, user_ref), times in visits.items():
        previous = None
        for time in sorted(times):
            if previous is None or time - previous > 30 * MINUTE:
                starts.append((customer_id, user_ref, time))
            previous = time
    return sorted(starts)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    moments=st.lists(
        st.tuples(
            st.integers(0, 400), st.sampled_from(["c1", "c2"]), st.sampled_from(["u1", "u2", None]),
        ),
        min_size=1, max_size=60,
    ),
    seed=st.integers(0, 9),
)  # fmt: skip
def test_sessions_equal_those_counted_one_event_after_the_other(
    warehouse: Any, moments: list[tuple[int, str, str | None]], seed: int
):
    events = [
        {
            "event_id": f"product:{number:03}", "customer_id": customer_id, "user_ref": user_ref,
            "event_name": "used", "quantity": 1, "duration_seconds": 1, "error_count": 0,
            "occurred_at": NOON + minute * 5 * MINUTE,
        }
        for number, (minute, customer_id, user_ref) in enumerate(moments)
    ]  # fmt: skip
    random.Random(seed).shuffle(events)
    found = sessions(warehouse, events)
    assert sorted((row[1], row[2] or "", row[3]) for row in found) == slow_session_starts(events)
    assert sum(row[5] for row in found) == len(events)
    assert warehouse.rows("select sum(session_count), sum(event_count) from gold.fct_usage_daily") == [
        (len(found), len(events))
    ]
