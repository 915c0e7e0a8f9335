"""The revenue bridge from delivered versions to movements: named stories, and random histories against an oracle.

The golden cases of single models are dbt unit tests beside the models; here whole stories go through all of them.
"""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mrr_oracle import month_end_revenue
from revenue_warehouse import RevenueWarehouse

START = dt.datetime(2026, 1, 10, 8)
LAST_DATE = dt.date(2026, 6, 17)
MONTHS = [dt.date(2026, number, 1) for number in range(1, 7)]
MONTH_ENDS = dict(
    zip(
        MONTHS,
        [dt.datetime(2026, number, 1) for number in range(2, 7)] + [dt.datetime(2026, 6, 18)],
        strict=True,
    )
)
VERSION: dict[str, Any] = {
    "subscription_ref": "s", "customer_ref": "cus", "status": "active", "currency": "USD", "price_ref": None,
    "product_ref": "prod", "billing_interval": "month", "unit_amount": Decimal(100), "seat_count": 1,
    "interval_count": 1, "coupon_ref": None, "discount_percent": None, "discount_amount": None,
    "discount_duration": None, "discount_started_at": None, "discount_ends_at": None, "pause_behavior": None,
    "pause_resumes_at": None, "started_at": START, "trial_ended_at": None, "period_started_at": None,
    "period_ends_at": None, "canceled_at": None, "ended_at": None, "created_at": START, "modified_at": START,
}  # fmt: skip


def at(month: int, day: int, hour: int = 0) -> dt.datetime:
    return dt.datetime(2026, month, day, hour)


def known(moment: dt.datetime, **changes: Any) -> dict[str, Any]:
    return {"modified_at": moment, **changes}


def ended(moment: dt.datetime) -> dict[str, Any]:
    return known(moment, status="canceled", ended_at=moment)


# The changes of one subscription, each on top of those before; then revenue at the end of January to June.
STORIES: dict[str, tuple[list[dict[str, Any]], list[int | float | str]]] = {
    "pays the same all the time": ([], [100] * 6),
    "upgrade in the middle of March": ([known(at(3, 14), seat_count=3)], [100, 100, 300, 300, 300, 300]),
    "upgrade and downgrade within March": (
        [known(at(3, 4), seat_count=3), known(at(3, 29), seat_count=1)],
        [100] * 6,
    ),
    "upgrade and downgrade in different months": (
        [known(at(3, 4), seat_count=3), known(at(4, 2), seat_count=1)],
        [100, 100, 300, 100, 100, 100],
    ),
    "downgrade at a renewal that is reported after midnight": (
        [
            {"seat_count": 2, "period_started_at": START, "period_ends_at": at(2, 28, 23)},
            known(at(3, 1, 2), seat_count=1, period_started_at=at(2, 28, 23), period_ends_at=at(3, 28, 23)),
        ],
        [200, 100, 100, 100, 100, 100],
    ),
    "trial that converts in February": (
        [
            {"status": "trialing", "trial_ended_at": at(2, 5)},
            known(at(2, 5, 1), status="active"),
        ],
        [0, 100, 100, 100, 100, 100],
    ),
    "trial that ended in January and is reported as converted in February": (
        [
            {"status": "trialing", "trial_ended_at": at(1, 31, 22)},
            known(at(2, 1, 1), status="active"),
        ],
        [100] * 6,
    ),
    "trial that does not convert": (
        [{"status": "trialing", "trial_ended_at": at(2, 5)}, ended(at(2, 5))],
        [0] * 6,
    ),
    "pause over two month-ends with a known end": (
        [known(at(3, 10), pause_behavior="void", pause_resumes_at=at(5, 10))],
        [100, 100, 0, 0, 100, 100],
    ),
    "pause within a month": (
        [known(at(3, 10), pause_behavior="void", pause_resumes_at=at(3, 25))],
        [100] * 6,
    ),
    "coupon for three months": (
        [
            {
                "coupon_ref": "k", "discount_percent": Decimal(25), "discount_duration": "repeating",
                "discount_started_at": START, "discount_ends_at": at(4, 10),
            }
        ],
        [75, 75, 75, 100, 100, 100],
    ),
    "coupon for one bill": (
        [{"coupon_ref": "k", "discount_percent": Decimal(25), "discount_duration": "once"}],
        [100] * 6,
    ),
    "coupon larger than the price, taken away in April": (
        [
            {"coupon_ref": "k", "discount_amount": Decimal(150), "discount_duration": "forever"},
            known(at(4, 10), coupon_ref=None, discount_amount=None, discount_duration=None),
        ],
        [0, 0, 0, 100, 100, 100],
    ),
    "monthly to annual in April": (
        [known(at(4, 10), billing_interval="year", unit_amount=Decimal(1000))],
        [100, 100, 100, 83.33, 83.33, 83.33],
    ),
    "past due, unpaid, then ended": (
        [known(at(2, 11), status="past_due"), known(at(3, 11), status="unpaid"), ended(at(4, 11))],
        [100, 100, 100, 0, 0, 0],
    ),
    "ended in March and reported in April": (
        [known(at(4, 3), status="canceled", ended_at=at(3, 31, 12))],
        [100, 100, 0, 0, 0, 0],
    ),
    "euros at the rate of the first day": ([{"currency": "EUR"}], ["EUR"] * 6),
    "price 0, paid since May": (
        [{"unit_amount": Decimal(0)}, known(at(5, 1, 3), unit_amount=Decimal(40))],
        [0, 0, 0, 0, 40, 40],
    ),
    "ends on the last day of the data": ([ended(at(6, 17, 12))], [100, 100, 100, 100, 100, 0]),
    "ends after the last day of the data": ([ended(at(6, 18))], [100] * 6),
}  # fmt: skip


def story_rows(ref: str, changes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Versions of a story; changes without a report time belong to the first version."""
    rows = [VERSION | {"subscription_ref": ref, "customer_ref": ref}]
    for change in changes:
        if "modified_at" in change:
            rows.append(rows[-1] | change)
        else:
            rows[-1] = rows[-1] | change
    return rows


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> RevenueWarehouse:
    return RevenueWarehouse(tmp_path_factory.mktemp("revenue"))


@pytest.fixture(scope="module")
def rates(warehouse: RevenueWarehouse) -> dict[str, Decimal]:
    """Dollars for one unit of each currency at the begin of all stories, as the models see them."""
    rows = [
        VERSION | {"subscription_ref": name, "currency": name, "unit_amount": Decimal(1_000_000)}
        for name in ("USD", "EUR")
    ]
    warehouse.build(rows, {"cus": "c"}, LAST_DATE.isoformat())
    found = warehouse.rows(
        "select distinct currency, mrr_amount / 1000000.0 from gold.fct_subscription_periods"
    )
    return {currency: Decimal(str(rate)) for currency, rate in found}


@pytest.fixture(scope="module")
def stories(warehouse: RevenueWarehouse, rates: dict[str, Decimal]) -> dict[str, list[Decimal]]:
    """Revenue at the end of each month, by story."""
    rows = [row for name, (changes, _) in STORIES.items() for row in story_rows(name, changes)]
    warehouse.build(rows, {name: name for name in STORIES}, LAST_DATE.isoformat(), shuffled_by=1)
    found = {
        (customer, month): amount
        for customer, month, amount in warehouse.rows(
            "select customer_id, month_start_date, mrr_amount from silver.customer_mrr_monthly"
        )
    }
    return {name: [found.get((name, month), Decimal(0)) for month in MONTHS] for name in STORIES}


@pytest.mark.parametrize("name", STORIES)
def test_story_has_the_expected_revenue_at_each_month_end(
    name: str, stories: dict[str, list[Decimal]], rates: dict[str, Decimal]
):
    expected = [
        100 * rates["EUR"] if amount == "EUR" else Decimal(str(amount)) for amount in STORIES[name][1]
    ]
    assert stories[name] == expected


def customers_movements(warehouse: RevenueWarehouse) -> list[tuple[Any, ...]]:
    return warehouse.rows(
        "select customer_id, month(month_start_date), movement_kind, movement_mrr_amount"
        " from gold.fct_mrr_movements order by all"
    )


def test_two_billing_customers_of_one_person_are_one_paying_customer(warehouse: RevenueWarehouse):
    """One system's subscription ends in March, the other's goes on: contraction, not churn."""
    dropped = [
        {"subscription_ref": "f", "customer_ref": "b", "plan": "Pro", "started_at": START, "mrr_amount": 30}
    ]
    versions = story_rows("a", [ended(at(3, 20))])
    warehouse.build(versions, {"a": "c", "b": "c"}, LAST_DATE.isoformat(), dropped)
    assert customers_movements(warehouse) == [("c", 1, "new", 130), ("c", 3, "contraction", -100)]


def test_a_merged_identity_takes_its_revenue_along(warehouse: RevenueWarehouse):
    """As two customers one churns; as one, the second subscription is expansion and the first's end contraction."""
    versions = story_rows("a", [ended(at(4, 20))]) + [
        row | {"started_at": at(3, 5), "modified_at": at(3, 5)} for row in story_rows("b", [])
    ]
    warehouse.build(versions, {"a": "a", "b": "b"}, LAST_DATE.isoformat())
    assert customers_movements(warehouse) == [
        ("a", 1, "new", 100), ("a", 4, "churn", -100), ("b", 3, "new", 100),
    ]  # fmt: skip
    warehouse.build(versions, {"a": "a", "b": "a"}, LAST_DATE.isoformat())
    assert customers_movements(warehouse) == [
        ("a", 1, "new", 100), ("a", 3, "expansion", 100), ("a", 4, "contraction", -100),
    ]  # fmt: skip


def test_cancel_and_restart_within_a_month_moves_nothing_and_a_month_apart_churns_and_reactivates(
    warehouse: RevenueWarehouse,
):
    again = {"subscription_ref": "a2", "started_at": at(3, 25), "modified_at": at(3, 25)}
    versions = story_rows("a", [ended(at(3, 10))])
    warehouse.build([*versions, versions[0] | again], {"a": "a"}, LAST_DATE.isoformat())
    assert customers_movements(warehouse) == [("a", 1, "new", 100)]
    later = again | {"started_at": at(4, 25), "modified_at": at(4, 25)}
    warehouse.build([*versions, versions[0] | later], {"a": "a"}, LAST_DATE.isoformat())
    assert customers_movements(warehouse) == [
        ("a", 1, "new", 100), ("a", 3, "churn", -100), ("a", 4, "reactivation", 100),
    ]  # fmt: skip


def test_a_customer_left_for_the_reason_that_was_chosen_else_for_what_ended_the_subscription(
    warehouse: RevenueWarehouse,
):
    details = {
        "a": {"cancel_reason": "too_expensive", "cancel_cause": "cancellation_requested"},
        "b": {"cancel_cause": "payment_failed"},
        "c": {},
    }
    versions = [row for ref, told in details.items() for row in story_rows(ref, [ended(at(3, 10)) | told])]
    warehouse.build(versions, {ref: ref for ref in details}, LAST_DATE.isoformat())
    assert warehouse.rows(
        "select customer_id, churn_reason from gold.fct_mrr_movements where movement_kind = 'churn' order by 1"
    ) == [("a", "too_expensive"), ("b", "payment_failed"), ("c", None)]


def test_without_subscriptions_there_is_no_month_and_nothing_fails(warehouse: RevenueWarehouse):
    warehouse.build([], {}, LAST_DATE.isoformat())
    assert warehouse.rows("select count(*) from gold.revenue_monthly") == [(0,)]
    assert warehouse.rows("select count(*) from gold.cohort_retention_monthly") == [(0,)]


def test_cash_has_no_part_in_recurring_revenue(warehouse: RevenueWarehouse):
    """Payments and what is given back cannot move it: no model of the bridge reads them."""
    read = set().union(*warehouse.depends_on.values())
    assert [
        name
        for name in read
        if any(word in name for word in ("refund", "charge", "credit", "dispute", "payment"))
    ] == []


MOMENTS = st.sampled_from(
    [at(1, 10, 8), at(1, 31, 23), at(2, 1), at(2, 14, 9), at(2, 28, 23), at(3, 1), at(3, 31, 12), at(4, 1),
     at(4, 15), at(5, 1, 1), at(5, 31), at(6, 10), at(6, 18), at(7, 20)]
)  # fmt: skip

STATUSES = ["active", "active", "active", "trialing", "trialing", "past_due", "canceled", "paused"]


@st.composite
def versions_of(draw: st.DrawFn, number: int) -> list[dict[str, Any]]:
    """A history of one subscription, sensible or not: dates in any order, terms that contradict each other."""
    started = draw(MOMENTS)
    reported = sorted(draw(st.sets(MOMENTS, min_size=1, max_size=4)))
    customer = draw(st.sampled_from(["x", "y", "z"]))
    currency = draw(st.sampled_from(["USD", "USD", "EUR"]))
    rows = []
    for moment in reported:
        percent = draw(st.sampled_from([None, Decimal("12.5"), Decimal("33.3333"), Decimal(100)]))
        has_coupon = draw(st.booleans())
        rows.append(
            VERSION
            | {
                "subscription_ref": f"s{number}", "customer_ref": customer, "currency": currency,
                "status": draw(st.sampled_from(STATUSES)),
                "unit_amount": draw(st.sampled_from([Decimal("9.99"), Decimal("100.10"), Decimal(0)])),
                "seat_count": draw(st.sampled_from([1, 2, 3, 5, 0])),
                "billing_interval": draw(st.sampled_from(["month", "year"])),
                "interval_count": draw(st.sampled_from([1, 3])),
                "coupon_ref": draw(st.sampled_from(["k", "m"])) if has_coupon else None,
                "discount_percent": percent if has_coupon else None,
                "discount_amount": Decimal("33.33") if has_coupon and percent is None else None,
                "discount_duration": draw(st.sampled_from(["repeating", "once", "forever"])) if has_coupon else None,
                "discount_started_at": draw(st.none() | MOMENTS) if has_coupon else None,
                "discount_ends_at": draw(st.none() | MOMENTS) if has_coupon else None,
                "pause_behavior": draw(st.sampled_from([None, "void"])),
                "pause_resumes_at": draw(st.none() | MOMENTS),
                "started_at": started, "trial_ended_at": draw(st.none() | MOMENTS),
                "period_started_at": draw(MOMENTS), "period_ends_at": draw(MOMENTS),
                "canceled_at": draw(st.none() | MOMENTS),
                "ended_at": draw(st.sampled_from([None, None, None, None, at(5, 31)])),
                "modified_at": moment,
            }
        )  # fmt: skip
    return rows


@settings(max_examples=25, deadline=None)
@given(data=st.data(), subscription_count=st.integers(3, 10), shuffled_by=st.integers(0, 99))
def test_random_histories_tie_out_and_agree_with_the_oracle(
    data: st.DataObject,
    subscription_count: int,
    shuffled_by: int,
    warehouse: RevenueWarehouse,
    rates: dict[str, Decimal],
):
    versions = [row for number in range(subscription_count) for row in data.draw(versions_of(number))]
    identities = {"x": "one", "y": "two", "z": "one"}
    warehouse.build(versions, identities, LAST_DATE.isoformat(), shuffled_by=shuffled_by)
    assert warehouse.broken_truths() == {name: [] for name in warehouse.broken_truths()}
    found = {
        (customer, month): amount
        for customer, month, amount in warehouse.rows(
            "select customer_id, month_start_date, mrr_amount from silver.customer_mrr_monthly"
        )
    }
    assert found == month_end_revenue(versions, identities, MONTH_ENDS, rates)
    assert warehouse.rows(
        "select customer_id, sum(movement_mrr_amount) as ending from gold.fct_mrr_movements"
        " group by customer_id having ending <> 0 order by 1"
    ) == sorted((customer, amount) for (customer, month), amount in found.items() if month == MONTHS[-1])
