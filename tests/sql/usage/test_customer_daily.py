"""The state of a customer at the end of each day: stages, revenue, seats, tickets and invoices."""

import csv
import datetime as dt
import re
from decimal import Decimal
from typing import Any

import pytest
from dbt_in_process import OPEN_END

from dagster_project.settings import DBT_DIR

LAST = dt.date(2026, 9, 30)
FIRST = LAST - dt.timedelta(59)


def day(days_ago: float) -> dt.datetime:
    """Noon, or the given part of the day, so many days before the last one."""
    midnight = dt.datetime.combine(LAST, dt.time())
    return midnight - dt.timedelta(int(days_ago)) + dt.timedelta(hours=12)


def period(start: float, end: float | None = None, **values: Any) -> dict[str, Any]:
    return {
        "subscription_id": "stripe:s1", "customer_id": "c1", "status": "active", "is_trial": False,
        "is_paused": False, "mrr_amount": Decimal("100.00"), "seat_count": 5, "valid_from": day(start),
        "valid_to": OPEN_END if end is None else day(end),
    } | values  # fmt: skip


def trial(start: float, end: float | None = None) -> dict[str, Any]:
    return period(start, end, status="trialing", is_trial=True, mrr_amount=Decimal(0))


def pause(start: float, end: float | None = None) -> dict[str, Any]:
    return period(start, end, is_paused=True, mrr_amount=Decimal(0))


def build(warehouse: Any, since_days_ago: int = 500, **tables: list[dict[str, Any]]) -> None:
    since = LAST - dt.timedelta(since_days_ago)
    warehouse.fill("customers", [{"customer_id": "c1", "customer_since_date": since}])
    for name, rows in tables.items():
        warehouse.fill(name, rows)
    warehouse.build("fct_sessions", "fct_usage_daily", "fct_customer_daily")


def stages(warehouse: Any) -> dict[int, str]:
    """Stage by days before the last day."""
    rows = warehouse.rows("select date, lifecycle_stage from gold.fct_customer_daily")
    return {(LAST - date).days: stage for date, stage in rows}


def changes(warehouse: Any) -> list[tuple[int, str]]:
    """The days on which the stage changes, oldest first."""
    by_day = sorted(stages(warehouse).items(), reverse=True)
    return [
        (days, stage)
        for (days, stage), before in zip(by_day, [(None, None), *by_day[:-1]], strict=True)
        if stage != before[1]
    ]


def test_there_is_one_row_for_each_day_from_the_first_of_the_customer_or_of_the_covered_days(warehouse: Any):
    build(warehouse)
    assert warehouse.rows("select min(date), max(date), count(*) from gold.fct_customer_daily") == [
        (FIRST, LAST, 60)
    ]
    build(warehouse, since_days_ago=9)
    assert warehouse.rows("select min(date), max(date), count(*) from gold.fct_customer_daily") == [
        (LAST - dt.timedelta(9), LAST, 10)
    ]


def test_a_lead_that_tries_and_buys_is_new_and_then_active(warehouse: Any):
    build(
        warehouse, since_days_ago=55,
        subscription_periods=[trial(50, 36), period(36)],
    )  # fmt: skip
    assert changes(warehouse) == [(55, "lead"), (50, "trial"), (36, "new")]
    build(warehouse, subscription_periods=[period(100)])
    assert changes(warehouse) == [(59, "new"), (10, "active")]


def test_a_trial_that_ends_without_a_payment_makes_a_lead_again(warehouse: Any):
    build(warehouse, since_days_ago=55, subscription_periods=[trial(50, 36)])
    assert changes(warehouse) == [(55, "lead"), (50, "trial"), (36, "lead")]


def test_who_leaves_has_churned_from_the_day_of_the_end_on(warehouse: Any):
    build(warehouse, subscription_periods=[period(300, 20)])
    assert changes(warehouse) == [(59, "active"), (20, "churned")]
    assert warehouse.rows(
        "select mrr_amount, seat_count, is_subscriber from gold.fct_customer_daily"
        f" where date in (date '{LAST}' - 21, date '{LAST}' - 20) order by date"
    ) == [(Decimal("100.00"), 5, True), (Decimal("0.00"), 0, False)]


def test_a_pause_is_neither_a_loss_nor_a_return(warehouse: Any):
    build(warehouse, subscription_periods=[period(300, 40), pause(40, 20), period(20)])
    assert changes(warehouse) == [(59, "active"), (40, "paused"), (20, "active")]
    assert warehouse.rows(
        "select count(*), sum(mrr_amount) from gold.fct_customer_daily where is_paused"
    ) == [(20, Decimal("0.00"))]


def test_who_comes_back_is_reactivated_for_ninety_days(warehouse: Any):
    build(warehouse, subscription_periods=[period(300, 200), period(100, subscription_id="stripe:s2")])
    assert changes(warehouse) == [(59, "reactivated"), (10, "active")]


def test_who_changes_the_plan_is_not_reactivated(warehouse: Any):
    build(
        warehouse,
        subscription_periods=[
            period(300, 20),
            period(20, subscription_id="stripe:s2", mrr_amount=Decimal(250)),
        ],
    )
    assert changes(warehouse) == [(59, "active")]
    assert warehouse.rows(
        "select mrr_amount, count(*) from gold.fct_customer_daily group by mrr_amount order by mrr_amount"
    ) == [(Decimal("100.00"), 39), (Decimal("250.00"), 21)]


def test_notice_or_a_late_payment_puts_at_risk_until_it_is_over(warehouse: Any):
    version = {
        "subscription_id": "stripe:s1", "customer_id": "c1", "is_paid_status": True, "status": "active",
        "is_cancel_at_period_end": False, "started_at": day(300), "paid_from_at": day(300),
    }  # fmt: skip
    build(warehouse, subscription_periods=[period(300, 10)], subscription_versions=[
        version | {"status": "past_due", "valid_from": day(50), "valid_to": day(45)},
        version | {"valid_from": day(45), "valid_to": day(30)},
        version | {"is_cancel_at_period_end": True, "valid_from": day(30), "valid_to": OPEN_END, "ended_at": day(10)},
    ])  # fmt: skip
    assert changes(warehouse) == [
        (59, "active"), (50, "at_risk"), (45, "active"), (30, "at_risk"), (10, "churned"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "notice", [{"ended_at": day(30)}, {"is_paid_status": False}], ids=["of one that is over", "of a trial"]
)
def test_notice_for_another_subscription_than_the_paid_one_is_no_risk(warehouse: Any, notice: dict[str, Any]):
    other = {
        "subscription_id": "stripe:s2", "customer_id": "c1", "is_paid_status": True, "status": "active",
        "is_cancel_at_period_end": True, "started_at": day(50), "paid_from_at": day(50), "ended_at": None,
        "valid_from": day(50), "valid_to": None,
    }  # fmt: skip
    build(warehouse, subscription_periods=[period(300)], subscription_versions=[other | notice])
    at_risk = [(50, "at_risk"), (30, "active")] if "ended_at" in notice else []
    assert changes(warehouse) == [(59, "active"), *at_risk]


def test_the_last_day_has_what_happened_on_it(warehouse: Any):
    build(warehouse, subscription_periods=[period(300, 0)])
    assert changes(warehouse) == [(59, "active"), (0, "churned")]


def test_one_of_two_subscriptions_that_ends_leaves_a_subscriber(warehouse: Any):
    build(warehouse, subscription_periods=[
        period(300, 20), period(200, subscription_id="stripe:s2", mrr_amount=Decimal(40), seat_count=2),
    ])  # fmt: skip
    assert changes(warehouse) == [(59, "active")]
    assert warehouse.rows(
        "select mrr_amount, seat_count, count(*) from gold.fct_customer_daily group by all order by 1"
    ) == [(Decimal("40.00"), 2, 21), (Decimal("140.00"), 7, 39)]


def test_a_subscription_that_costs_nothing_is_free_and_no_subscriber(warehouse: Any):
    build(warehouse, since_days_ago=30, subscription_periods=[period(30, mrr_amount=Decimal(0))])
    assert changes(warehouse) == [(30, "free")]
    assert warehouse.rows("select distinct is_subscriber, seat_count from gold.fct_customer_daily") == [
        (False, 0)
    ]


def purchase(days_ago: int, **values: Any) -> dict[str, Any]:
    return {"customer_id": "c1", "is_purchase": True, "purchased_at": day(days_ago)} | values


@pytest.mark.parametrize(
    ("purchases", "expected"),
    [
        ([40], [(59, "lead"), (40, "new")]),
        ([100], [(59, "new"), (10, "active")]),
        ([191], [(59, "active"), (10, "at_risk")]),
        ([376], [(59, "at_risk"), (10, "churned")]),
        ([700, 40], [(59, "churned"), (40, "reactivated")]),
        ([405, 40], [(59, "at_risk"), (40, "active")]),
        ([406, 40], [(59, "at_risk"), (40, "reactivated")]),
        ([], [(59, "lead")]),
    ],
)
def test_a_buyer_without_a_subscription_is_judged_by_the_purchases(
    warehouse: Any, purchases: list[int], expected: list[tuple[int, str]]
):
    build(warehouse, since_days_ago=800, spend_changes=[purchase(days) for days in purchases])
    assert changes(warehouse) == expected


def test_a_bill_that_gives_something_back_is_no_purchase(warehouse: Any):
    build(warehouse, since_days_ago=800, spend_changes=[purchase(40, is_purchase=False)])
    assert changes(warehouse) == [(59, "lead")]


def test_an_open_invoice_and_an_open_ticket_stand_from_their_day_to_the_day_before_they_are_closed(
    warehouse: Any,
):
    changes = [(10, "30"), (9, "-4.5"), (7, "-25.5"), (5, "30"), (5, "20"), (2, "-20")]
    build(
        warehouse,
        open_amount_changes=[
            {"customer_id": "c1", "changed_at": day(days), "open_change_amount": Decimal(amount)}
            for days, amount in changes
        ],
        tickets=[
            {"ticket_id": "z:1", "customer_id": "c1", "opened_at": day(9), "solved_at": day(8)},
            {"ticket_id": "z:2", "customer_id": "c1", "opened_at": day(4), "solved_at": None},
            {"ticket_id": "z:3", "customer_id": "c1", "opened_at": day(2), "solved_at": day(2)},
        ],
    )
    rows = warehouse.rows(
        "select open_invoice_amount, open_ticket_count from gold.fct_customer_daily order by date desc limit 12"
    )
    assert [float(amount) for amount, _ in rows] == [30, 30, 30, 50, 50, 50, 0, 0, 25.5, 25.5, 30, 0]
    assert [count for _, count in rows] == [1, 1, 1, 1, 1, 0, 0, 0, 0, 1, 0, 0]


def test_the_use_of_a_day_stands_on_that_day_alone(warehouse: Any, usage_event: Any):
    events = [usage_event(day(3)), usage_event(day(3), user_ref="u2"), usage_event(day(3), user_ref="u2")]
    build(warehouse, usage_events=events)
    assert warehouse.rows(
        "select date, active_user_count, event_count from gold.fct_customer_daily where event_count > 0"
    ) == [(LAST - dt.timedelta(3), 2, 3)]


def test_what_lies_ahead_of_the_data_has_not_happened(warehouse: Any):
    build(warehouse, subscription_periods=[period(300, -5), period(-5, subscription_id="stripe:s2")])
    assert changes(warehouse) == [(59, "active")]
    assert warehouse.rows("select max(date), max(mrr_amount) from gold.fct_customer_daily") == [
        (LAST, Decimal("100.00"))
    ]


def test_a_household_is_the_sum_of_its_members_of_the_day(warehouse: Any, usage_event: Any):
    warehouse.fill(
        "customers",
        [
            {"customer_id": "c1", "customer_since_date": LAST - dt.timedelta(500)},
            {"customer_id": "c2", "customer_since_date": LAST - dt.timedelta(2)},
            {"customer_id": "c3", "customer_since_date": LAST - dt.timedelta(500)},
        ],
    )
    other = period(1, customer_id="c2", subscription_id="stripe:s2", mrr_amount=Decimal(7), seat_count=1)
    warehouse.fill("subscription_periods", [period(300), other, period(300, customer_id="c3")])
    warehouse.fill("usage_events", [usage_event(day(0)), usage_event(day(0), customer_id="c2")])
    members = [{"household_id": "h1", "customer_id": customer_id} for customer_id in ("c1", "c2")]
    warehouse.fill("bridge_household_member", members, schema="gold")
    warehouse.build("fct_sessions", "fct_usage_daily", "fct_customer_daily", "fct_household_daily")
    assert warehouse.rows("select count(*), count(distinct household_id) from gold.fct_household_daily") == [
        (60, 1)
    ]
    assert warehouse.rows(
        "select customer_count, subscriber_count, mrr_amount, seat_count, active_user_count, event_count"
        " from gold.fct_household_daily order by date desc limit 4"
    ) == [
        (2, 2, Decimal("107.00"), 6, 2, 2),
        (2, 2, Decimal("107.00"), 6, 0, 0),
        (2, 1, Decimal("100.00"), 5, 0, 0),
        (1, 1, Decimal("100.00"), 5, 0, 0),
    ]


def test_without_customers_there_are_no_days(warehouse: Any):
    warehouse.build("fct_sessions", "fct_usage_daily", "fct_customer_daily")
    assert warehouse.rows("select * from gold.fct_customer_daily") == []


def test_every_stage_of_the_rules_is_explained_and_every_explained_stage_has_a_rule():
    rules = (DBT_DIR / "macros" / "lifecycle.sql").read_text(encoding="utf-8")
    with (DBT_DIR / "seeds" / "lifecycle_stages.csv").open(encoding="utf-8", newline="") as file:
        stages_in_words = list(csv.DictReader(file))
    assert set(re.findall(r"(?:then|else) '(\w+)'", rules)) == {
        row["lifecycle_stage"] for row in stages_in_words
    }
    orders = sorted(int(row["stage_order"]) for row in stages_in_words)
    assert orders == list(range(1, len(orders) + 1))
