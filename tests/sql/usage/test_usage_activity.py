"""Daily, weekly and monthly active users and customers, against known numbers and against a slow count."""

import datetime as dt
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

Make = Callable[..., dict[str, Any]]
FIRST = dt.date(2026, 8, 1)


def noon(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(12))


def activity(
    warehouse: Any, events: list[dict[str, Any]], last: dt.date, columns: str
) -> list[tuple[Any, ...]]:
    warehouse.fill("usage_events", events)
    warehouse.fill("data_window", [{"first_date": FIRST, "last_date": last}])
    warehouse.build("usage_activity_daily")
    return warehouse.rows(f"select {columns} from gold.usage_activity_daily order by usage_date")


def test_a_user_stays_in_the_week_for_seven_days_and_in_the_month_for_twenty_eight(
    warehouse: Any, usage_event: Make
):
    rows = activity(
        warehouse, [usage_event(noon(FIRST))], FIRST + dt.timedelta(29),
        "daily_active_user_count, weekly_active_user_count, monthly_active_user_count",
    )  # fmt: skip
    assert rows == [(1, 1, 1)] + [(0, 1, 1)] * 6 + [(0, 0, 1)] * 21 + [(0, 0, 0)] * 2


def test_who_comes_again_within_the_window_counts_once(warehouse: Any, usage_event: Make):
    events = [usage_event(noon(FIRST + dt.timedelta(days))) for days in (0, 0, 3, 5)]
    rows = activity(
        warehouse, events, FIRST + dt.timedelta(12), "daily_active_user_count, weekly_active_user_count"
    )
    assert rows == [
        (1, 1), (0, 1), (0, 1), (1, 1), (0, 1), (1, 1), (0, 1),
        (0, 1), (0, 1), (0, 1), (0, 1), (0, 1), (0, 0),
    ]  # fmt: skip


def test_users_and_customers_are_counted_apart(warehouse: Any, usage_event: Make):
    events = [
        usage_event(noon(FIRST), user_ref="u1"),
        usage_event(noon(FIRST), user_ref="u2"),
        usage_event(noon(FIRST), user_ref="u1", customer_id="c2"),
        usage_event(noon(FIRST), user_ref=None, customer_id="c3"),
    ]
    assert activity(warehouse, events, FIRST, "daily_active_user_count, daily_active_customer_count") == [
        (3, 3)
    ]


def test_stickiness_is_the_share_of_the_month_that_came_on_the_day(warehouse: Any, usage_event: Make):
    last = FIRST + dt.timedelta(27)
    events = [usage_event(noon(FIRST + dt.timedelta(n)), user_ref=f"u{n}") for n in range(4)]
    events += [usage_event(noon(last), user_ref="u0")]
    rows = activity(warehouse, events, last, "user_stickiness_share, customer_stickiness_share")
    assert rows[:-1] == [(None, None)] * 27  # the month before them is not in the data
    assert rows[-1] == (0.25, 1.0)


def test_stickiness_is_empty_when_nobody_came_for_a_month(warehouse: Any, usage_event: Make):
    rows = activity(warehouse, [usage_event(noon(FIRST))], FIRST + dt.timedelta(28), "user_stickiness_share")
    assert rows[-1] == (None,)


def test_a_day_is_a_day_of_utc_and_ends_at_midnight(warehouse: Any, usage_event: Make):
    midnight = dt.datetime.combine(FIRST + dt.timedelta(1), dt.time())
    events = [usage_event(midnight - dt.timedelta(microseconds=1)), usage_event(midnight, user_ref="u2")]
    assert activity(warehouse, events, FIRST + dt.timedelta(1), "daily_active_user_count") == [(1,), (1,)]


def test_without_use_there_are_no_days(warehouse: Any):
    assert activity(warehouse, [], FIRST, "usage_date") == []


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    uses=st.lists(
        st.tuples(
            st.integers(0, 80), st.sampled_from(["c1", "c2", "c3"]), st.sampled_from(["u1", "u2", None]),
        ),
        min_size=1, max_size=50,
    )
)  # fmt: skip
def test_the_counts_equal_those_of_looking_back_from_each_day(
    warehouse: Any, uses: list[tuple[int, str, str | None]]
):
    events = [
        {
            "event_id": f"product:{n}", "customer_id": customer_id, "user_ref": user_ref, "quantity": 1,
            "occurred_at": noon(FIRST + dt.timedelta(day)),
        }
        for n, (day, customer_id, user_ref) in enumerate(uses)
    ]  # fmt: skip
    found = activity(
        warehouse, events, FIRST + dt.timedelta(85),
        "usage_date, daily_active_user_count, weekly_active_user_count, monthly_active_user_count,"
        " daily_active_customer_count, weekly_active_customer_count, monthly_active_customer_count",
    )  # fmt: skip
    first = min(day for day, _, _ in uses)
    expected = []
    for day in range(first, 86):
        users, customers = [], []
        for window in (1, 7, 28):
            seen = [(c, u) for used, c, u in uses if day - window < used <= day]
            users.append(len({(c, u) for c, u in seen if u is not None}))
            customers.append(len({c for c, _ in seen}))
        expected.append((FIRST + dt.timedelta(day), *users, *customers))
    assert found == expected
