"""How far a customer has adopted a feature: discovered, activated, retained or lapsed."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

LAST = dt.date(2026, 9, 30)
Make = Callable[..., dict[str, Any]]


def adoption(warehouse: Any, usage_event: Make, days_ago: list[int], columns: str) -> tuple[Any, ...]:
    events = [
        usage_event(dt.datetime.combine(LAST - dt.timedelta(days), dt.time(9)), user_ref=f"u{days % 2}")
        for days in days_ago
    ]
    warehouse.fill("usage_events", events)
    warehouse.build("customer_feature_adoption")
    (row,) = warehouse.rows(f"select {columns} from gold.customer_feature_adoption")
    return row


@pytest.mark.parametrize(
    ("days_ago", "status", "is_activated", "is_retained"),
    [
        pytest.param([0], "discovered", False, False, id="first-use-today"),
        pytest.param([1, 0], "discovered", False, False, id="two-days"),
        pytest.param([1, 1, 1, 0], "discovered", False, False, id="many-uses-on-two-days"),
        pytest.param([2, 1, 0], "activated", True, False, id="third-day"),
        pytest.param([27, 26, 0], "activated", True, False, id="third-day-is-the-28th"),
        pytest.param([28, 27, 0], "discovered", False, False, id="third-day-is-the-29th"),
        pytest.param([200, 100, 50, 1], "discovered", False, False, id="now-and-then"),
        pytest.param([28, 27, 26, 0], "retained", True, True, id="used-again-on-the-29th-day"),
        pytest.param([100, 99, 98, 27], "retained", True, True, id="last-use-27-days-ago"),
        pytest.param([100, 99, 98, 28], "lapsed", True, False, id="last-use-28-days-ago"),
        pytest.param([40, 39, 27], "activated", True, False, id="not-used-since-its-first-28-days"),
        pytest.param([28], "lapsed", False, False, id="tried-once"),
    ],
)
def test_the_status_follows_the_days_of_use(
    warehouse: Any, usage_event: Make, days_ago: list[int], status: str, is_activated: bool, is_retained: bool
):
    found = adoption(warehouse, usage_event, days_ago, "adoption_status, is_activated, is_retained")
    assert found == (status, is_activated, is_retained)


def test_dates_and_counts_are_those_of_the_use(warehouse: Any, usage_event: Make):
    found = adoption(
        warehouse, usage_event, [60, 58, 58, 55, 10],
        "discovered_date, activated_date, last_used_date, days_until_activation, days_since_last_use,"
        " active_day_count, user_count, event_count, use_count",
    )  # fmt: skip
    days = [LAST - dt.timedelta(n) for n in (60, 55, 10)]
    assert found == (*days, 5, 10, 4, 2, 5, 5)


def test_each_customer_and_feature_has_its_own_row_and_events_without_a_feature_none(
    warehouse: Any, usage_event: Make
):
    now = dt.datetime(2026, 9, 30, 9)
    warehouse.fill("usage_events", [
        usage_event(now), usage_event(now, feature="exports"), usage_event(now, customer_id="c2"),
        usage_event(now, feature=None, event_name="login"),
    ])  # fmt: skip
    warehouse.build("customer_feature_adoption")
    assert warehouse.rows(
        "select customer_id, feature from gold.customer_feature_adoption order by customer_id, feature"
    ) == [("c1", "exports"), ("c1", "reports"), ("c2", "reports")]
