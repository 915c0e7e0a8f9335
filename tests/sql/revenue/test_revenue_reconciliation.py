"""Revenue reconciled to the invoices: named stories month by month, and wrong bills that nothing may explain away."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from billing_warehouse import BillingWarehouse, Rows

START = dt.datetime(2026, 1, 10, 8)
LAST_DATE = "2026-04-30"
VERSION: dict[str, Any] = {
    "subscription_ref": "s", "customer_ref": "cus", "status": "active", "currency": "USD", "price_ref": "month",
    "product_ref": "prod", "billing_interval": "month", "unit_amount": Decimal(50), "seat_count": 2,
    "interval_count": 1, "started_at": START, "created_at": START,
}  # fmt: skip


def at(month: int, day: int, hour: int = 8, year: int = 2026) -> dt.datetime:
    return dt.datetime(year, month, day, hour)


def version(moment: dt.datetime, begins: dt.datetime, ends: dt.datetime, **changes: Any) -> dict[str, Any]:
    return VERSION | {
        "modified_at": moment, "period_started_at": begins, "period_ends_at": ends,
    } | changes  # fmt: skip


def monthly_versions(**changes: Any) -> Rows:
    """Four periods of a month from the 10th of January on."""
    return [version(at(month, 10), at(month, 10), at(month + 1, 10), **changes) for month in (1, 2, 3, 4)]


def bill(
    ref: str,
    begins: dt.datetime,
    ends: dt.datetime | None,
    amount: float = 100,
    made_at: dt.datetime | None = None,
    **changes: Any,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """An invoice that is paid, and its one line."""
    line_changes = {
        name: changes.pop(name) for name in ("line_kind", "is_proration", "product_ref") if name in changes
    }
    moment = made_at or begins
    discount, tax = changes.get("discount_amount", 0), changes.get("tax_amount", 0)
    shared = {"invoice_ref": ref, "subscription_ref": "s", "currency": "USD", "modified_at": moment}
    shared |= {"created_at": moment, "discount_amount": discount, "tax_amount": tax}
    total = amount - discount + tax
    invoice = shared | {"customer_ref": "cus", "status": "paid", "total_amount": total, "paid_amount": total}
    line = shared | {
        "line_ref": f"l{ref}", "line_kind": "subscription", "is_proration": False, "quantity": 2,
        "product_ref": "prod", "line_amount": amount, "period_started_at": begins, "period_ends_at": ends,
    } | line_changes  # fmt: skip
    if "currency" in changes:
        line["currency"] = changes["currency"]
    return invoice | changes, line


def monthly_bills(**changes: Any) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    return [bill(f"i{month}", at(month, 10), at(month + 1, 10), **changes) for month in (1, 2, 3, 4)]


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> BillingWarehouse:
    return BillingWarehouse(tmp_path_factory.mktemp("data"))


def build(
    warehouse: BillingWarehouse,
    versions: Rows,
    bills: list[tuple[dict[str, Any], dict[str, Any]]],
    **more: Rows,
) -> None:
    warehouse.build(
        LAST_DATE,
        subscriptions=versions,
        invoices=[invoice for invoice, _ in bills],
        invoice_lines=[line for _, line in bills],
        **more,
    )


def differences(warehouse: BillingWarehouse) -> dict[str, dict[str, float]]:
    """What stands between recurring revenue and billed, by month."""
    return {
        month: {line: amount for line, amount in lines.items() if line not in ("ending_mrr", "billed")}
        for month, lines in warehouse.statement("recurring_revenue").items()
    }


def test_bills_as_agreed_leave_no_difference(warehouse: BillingWarehouse):
    build(warehouse, monthly_versions(), monthly_bills())
    assert warehouse.statement("recurring_revenue") == {
        f"2026-0{month}": {"ending_mrr": 100.0, "billed": 100.0} for month in (1, 2, 3, 4)
    }
    assert warehouse.broken_truths() == {}


def test_each_basis_of_recurring_revenue_has_its_own_column(warehouse: BillingWarehouse):
    """Collected as agreed, then past due with an open bill, then paused, then paid again."""
    versions = [
        row | {"status": status, "pause_behavior": pause}
        for row, status, pause in zip(
            monthly_versions(),
            ("active", "past_due", "active", "active"),
            (None, None, "void", None),
            strict=True,
        )
    ]
    bills = [monthly_bills()[0], bill("i2", at(2, 10), at(3, 10), status="open"), monthly_bills()[3]]
    build(warehouse, versions, bills)
    assert warehouse.rows("""
        select
            month(month_start_date), ending_mrr_amount, contracted_mrr_amount, strict_mrr_amount, collected_mrr_amount
        from gold.revenue_monthly order by 1""") == [
        (1, 100, 100, 100, 100), (2, 100, 100, 0, 0), (3, 0, 100, 0, 0), (4, 100, 100, 100, 100),
    ]  # fmt: skip


def test_an_annual_bill_pays_for_the_months_after_it(warehouse: BillingWarehouse):
    terms = {"billing_interval": "year", "unit_amount": 600, "price_ref": "year"}
    build(
        warehouse,
        [version(START, START, at(1, 10, year=2027), **terms)],
        [bill("i", START, at(1, 10, year=2027), 1200)],
    )
    assert differences(warehouse) == {
        "2026-01": {"billed_for_several_months": 1100.0},
        **{f"2026-0{month}": {"billed_in_another_month": -100.0} for month in (2, 3, 4)},
    }
    assert warehouse.broken_truths() == {}


def test_tax_and_a_coupon_for_one_bill_stand_beside_the_recurring_revenue(warehouse: BillingWarehouse):
    versions = monthly_versions()
    versions[0] |= {"coupon_ref": "hello", "discount_percent": 20, "discount_duration": "once"}
    versions[0] |= {"discount_started_at": START}
    bills = monthly_bills(tax_amount=19)
    bills[0] = bill("i1", at(1, 10), at(2, 10), discount_amount=20, tax_amount=15.2)
    build(warehouse, versions, bills)
    assert differences(warehouse)["2026-01"] == {"tax": 15.2, "once_discounts": -20.0}
    assert differences(warehouse)["2026-02"] == {"tax": 19.0}
    assert warehouse.broken_truths() == {}


def test_an_upgrade_after_the_bill_is_settled_by_a_proration(warehouse: BillingWarehouse):
    versions = monthly_versions()
    for later in versions[2:]:
        later["seat_count"] = 4
    versions.append(version(at(2, 24), at(2, 10), at(3, 10), seat_count=4))
    bills = monthly_bills()[:2] + [
        bill("i3", at(3, 10), at(4, 10), 200),
        bill("i4", at(4, 10), at(5, 10), 200),
        bill("p", at(2, 24), at(3, 10), 50, line_kind="invoiceitem", is_proration=True),
    ]
    build(warehouse, versions, bills)
    assert differences(warehouse)["2026-02"] == {"prorations": 50.0, "changed_after_billing": -100.0}
    assert differences(warehouse)["2026-03"] == {}
    assert warehouse.broken_truths() == {}


def test_an_end_after_the_bill_and_a_void_bill_are_named(warehouse: BillingWarehouse):
    versions = [*monthly_versions()[:2]]
    versions.append(
        version(at(2, 20), at(2, 10), at(3, 10), status="canceled", ended_at=at(2, 20), canceled_at=at(2, 20))
    )
    bills = monthly_bills()[:2]
    bills[0][0]["status"] = "void"
    build(warehouse, versions, bills)
    assert differences(warehouse) == {
        "2026-01": {"void_or_draft": -100.0},
        "2026-02": {"ended_after_billing": 100.0},
    }
    assert warehouse.broken_truths() == {}


def test_a_bill_made_in_the_next_month_is_moved_not_lost(warehouse: BillingWarehouse):
    bills = monthly_bills()
    bills[0] = bill("i1", at(1, 10), at(2, 10), made_at=at(2, 1))
    build(warehouse, monthly_versions(), bills)
    assert differences(warehouse)["2026-01"] == {"billed_in_another_month": -100.0}
    assert differences(warehouse)["2026-02"] == {"billed_for_another_month": 100.0}
    assert warehouse.broken_truths() == {}


def test_the_rate_of_the_invoice_is_a_difference_of_its_own(warehouse: BillingWarehouse):
    """The subscription began in 2024 at 1.08 dollars a euro; the invoices of 2026 are at 1.13."""
    versions = monthly_versions(currency="EUR", started_at=at(1, 10, year=2024))
    build(warehouse, versions, monthly_bills(currency="EUR"))
    assert warehouse.statement("recurring_revenue")["2026-02"] == {
        "ending_mrr": 108.0, "currency": 5.0, "billed": 113.0,
    }  # fmt: skip
    assert warehouse.broken_truths() == {}


def test_orders_one_offs_and_the_file_drop_belong_to_no_terms(warehouse: BillingWarehouse):
    build(
        warehouse,
        monthly_versions(),
        [*monthly_bills(), bill("o", at(2, 3), None, 30, line_kind="invoiceitem", subscription_ref=None)],
        files__transactions=[
            {"transaction_ref": "o", "customer_ref": "acc", "occurred_at": at(2, 5), "amount": 80},
            {
                "transaction_ref": "v",
                "customer_ref": "acc",
                "occurred_at": at(2, 5),
                "amount": 9,
                "status": "void",
            },
        ],
        files__subscriptions=[
            {"subscription_ref": "f", "customer_ref": "acc", "started_at": at(2, 1), "mrr_amount": 12}
        ],
    )
    assert differences(warehouse)["2026-02"] == {
        "one_offs": 30.0, "no_invoices": -12.0, "without_subscription": 80.0,
    }  # fmt: skip
    assert warehouse.broken_truths() == {}


def test_the_settlement_says_what_became_of_the_bills_of_a_month(warehouse: BillingWarehouse):
    bills = monthly_bills()
    bills[1][0].update(status="open", paid_amount=40)
    bills[2][0].update(status="uncollectible", paid_amount=0)
    build(
        warehouse,
        monthly_versions(),
        bills,
        charges=[
            {"charge_ref": "ch", "customer_ref": "cus", "invoice_ref": "i1", "status": "succeeded",
             "currency": "USD", "amount": 100, "created_at": at(1, 10), "modified_at": at(1, 10)},
        ],
        refunds=[
            {"refund_ref": "r", "charge_ref": "ch", "status": "succeeded", "currency": "USD", "amount": 30,
             "created_at": at(3, 1), "modified_at": at(3, 1)},
        ],
    )  # fmt: skip
    assert warehouse.statement("settlement") == {
        "2026-01": {"billed": 100.0, "paid": 70.0, "refunded": 30.0},
        "2026-02": {"billed": 100.0, "paid": 40.0, "open": 60.0},
        "2026-03": {"billed": 100.0, "written_off": 100.0},
        "2026-04": {"billed": 100.0, "paid": 100.0},
    }
    assert warehouse.broken_truths() == {}


WRONG_BILLS: dict[str, tuple[Any, dict[str, float]]] = {
    "a cent too much": (
        lambda bills: [*bills[:2], bill("i3", at(3, 10), at(4, 10), 100.01), bills[3]],
        {"2026-03": 0.01},
    ),
    "a year's price on a monthly plan": (
        lambda bills: [*bills[:2], bill("i3", at(3, 10), at(4, 10), 1000), bills[3]],
        {"2026-03": 900.0},
    ),
    "a discount that nobody gave": (
        lambda bills: [*bills[:2], bill("i3", at(3, 10), at(4, 10), discount_amount=10), bills[3]],
        {"2026-03": -10.0},
    ),
    "a month that was never billed": (lambda bills: [*bills[:2], bills[3]], {"2026-03": -100.0}),
    "a month that was billed twice": (
        lambda bills: [*bills, bill("again", at(3, 10), at(4, 10), made_at=at(3, 12))],
        {"2026-03": 100.0},
    ),
    "the same period billed again in the next month": (
        lambda bills: [*bills, bill("again", at(3, 10), at(4, 10), made_at=at(4, 2))],
        {"2026-04": 100.0},
    ),
    "a bill for another subscription": (
        lambda bills: [*bills, _of_another_subscription(bill("x", at(3, 10), at(4, 10)))],
        {"2026-03": 100.0},
    ),
    "an invoice that is more than its lines": (
        lambda bills: [*bills[:3], ({**bills[3][0], "total_amount": 107}, bills[3][1])],
        {"2026-04": 7.0},
    ),
}  # fmt: skip


def _of_another_subscription(wrong: tuple[dict[str, Any], dict[str, Any]]) -> Any:
    return tuple(row | {"subscription_ref": "lost"} for row in wrong)


@pytest.mark.parametrize("story", WRONG_BILLS)
def test_a_wrong_bill_is_not_explained_away(warehouse: BillingWarehouse, story: str):
    spoil, unexplained = WRONG_BILLS[story]
    build(warehouse, monthly_versions(), spoil(monthly_bills()))
    found = {
        month: lines["unexplained"]
        for month, lines in warehouse.statement("recurring_revenue").items()
        if "unexplained" in lines
    }
    assert found == unexplained
    assert list(warehouse.broken_truths()) == ["assert_no_billed_revenue_is_unexplained"]


def test_errors_that_cancel_in_a_month_are_still_found(warehouse: BillingWarehouse):
    second = [row | {"subscription_ref": "s2"} for row in monthly_versions()]
    dear, cheap = bill("i3", at(3, 10), at(4, 10), 110), bill("j3", at(3, 10), at(4, 10), 90)
    others = [
        tuple(row | {"subscription_ref": "s2"} for row in bill(f"j{m}", at(m, 10), at(m + 1, 10)))
        for m in (1, 2, 4)
    ]
    bills = monthly_bills()
    bills[2] = dear
    build(
        warehouse,
        monthly_versions() + second,
        [*bills, *others, tuple(r | {"subscription_ref": "s2"} for r in cheap)],
    )
    assert warehouse.statement("recurring_revenue")["2026-03"] == {"ending_mrr": 200.0, "billed": 200.0}
    assert list(warehouse.broken_truths()) == ["assert_no_billed_revenue_is_unexplained"]


def _the_other(rows: Any) -> Any:
    """The same of a second subscription, for versions and for bills."""
    if isinstance(rows, tuple):
        return tuple(row | {"subscription_ref": "s2"} for row in rows)
    return rows | {"subscription_ref": "s2"}


def _first_to_first(month: int) -> tuple[dt.datetime, dt.datetime]:
    return at(month, 1, 0), at(month + 1, 1, 0)


ALWAYS = version(START, START, at(1, 10, year=2027))
YEAR = {"billing_interval": "year", "unit_amount": 600, "price_ref": "year", "started_at": at(4, 1, 0, 2025)}
OTHERS = [[_the_other(row) for row in rows] for rows in (monthly_versions(), monthly_bills())]
SINCE_FEBRUARY = {"started_at": at(2, 1, 0)}

ON_THE_EDGE: dict[str, tuple[Rows, list[Any], dict[str, dict[str, float]]]] = {
    "it begins with a month and is billed ahead of it": (
        [version(at(m, 1, 0), *_first_to_first(m), **SINCE_FEBRUARY) for m in (2, 3, 4)],
        [bill("i2", *_first_to_first(2), made_at=at(1, 28)), *(bill(f"i{m}", *_first_to_first(m)) for m in (3, 4))],
        {
            "2026-01": {"billed_for_another_month": 100}, "2026-02": {"billed_in_another_month": -100},
            "2026-03": {}, "2026-04": {},
        },
    ),
    "it ends with a month": (
        [*(version(at(m, 1, 0), *_first_to_first(m), **SINCE_FEBRUARY) for m in (2, 3)),
         version(at(4, 1, 0), *_first_to_first(3), **SINCE_FEBRUARY, status="canceled", ended_at=at(4, 1, 0))],
        [bill("i2", *_first_to_first(2)), bill("i3", *_first_to_first(3))],
        {"2026-02": {}, "2026-03": {}},
    ),
    "the price rises with a month": (
        [version(at(m, 1, 0), *_first_to_first(m), **SINCE_FEBRUARY, unit_amount=40 + 10 * (m > 2)) for m in (2, 3, 4)],
        [bill(f"i{m}", *_first_to_first(m), 80 + 20 * (m > 2)) for m in (2, 3, 4)],
        {"2026-02": {}, "2026-03": {}, "2026-04": {}},
    ),
    "a void bill of the month explains that month and not the one before": (
        [version(at(m, 1, 0), *_first_to_first(m), started_at=at(1, 1, 0)) for m in (1, 2, 3, 4)],
        [bill("i1", *_first_to_first(1)), bill("i3", *_first_to_first(3), status="void"),
         bill("i4", *_first_to_first(4))],
        {"2026-01": {}, "2026-02": {"unexplained": -100}, "2026-03": {"void_or_draft": -100}, "2026-04": {}},
    ),
    "a pause from the begin of a period on explains that nobody billed it": (
        [*monthly_versions()[:1], version(at(2, 10), at(2, 10), at(3, 10), pause_behavior="void",
                                          pause_resumes_at=at(2, 20)), *monthly_versions()[2:]],
        [made for number, made in enumerate(monthly_bills()) if number != 1],
        {"2026-01": {}, "2026-02": {"paused": -100}, "2026-03": {}, "2026-04": {}},
    ),
    "a pause until the begin of a period does not": (
        [*monthly_versions()[:1], version(at(1, 20), at(1, 10), at(2, 10), pause_behavior="void",
                                          pause_resumes_at=at(2, 10)), *monthly_versions()[1:]],
        [made for number, made in enumerate(monthly_bills()) if number != 1],
        {"2026-01": {"paused": 100}, "2026-02": {"unexplained": -100}, "2026-03": {}, "2026-04": {}},
    ),
    "a year that was paid before the first bill is over with a month": (
        [version(at(4, 1, 0, 2025), at(4, 1, 0, 2025), at(4, 1, 0), **YEAR, ended_at=at(4, 1, 0)), *OTHERS[0]],
        OTHERS[1],
        {f"2026-0{m}": {"billed_before_history": -100} if m < 4 else {} for m in (1, 2, 3, 4)},
    ),
    "a year that was paid before the first bill goes on": (
        [version(at(4, 1, 0, 2025), at(7, 1, 0, 2025), at(7, 1, 0), **YEAR), *OTHERS[0]],
        OTHERS[1],
        {f"2026-0{m}": {"billed_before_history": -100} for m in (1, 2, 3, 4)},
    ),
    "a year that began with the first bill should have been billed": (
        [ALWAYS, *OTHERS[0]], OTHERS[1], {f"2026-0{m}": {"unexplained": -100} for m in (1, 2, 3, 4)},
    ),
    "the first bill of all is made as a month is over": (
        [ALWAYS | {"period_started_at": None, "period_ends_at": None}],
        [bill(f"i{m}", *_first_to_first(m)) for m in (2, 3, 4)],
        {"2026-01": {"billed_before_history": -100}, "2026-02": {}, "2026-03": {}, "2026-04": {}},
    ),
}  # fmt: skip


@pytest.mark.parametrize("story", ON_THE_EDGE)
def test_the_end_of_a_month_belongs_to_the_month(warehouse: BillingWarehouse, story: str):
    """Begins and ends that fall on the moment at which a month closes, or on the begin of a period."""
    versions, bills, expected = ON_THE_EDGE[story]
    build(warehouse, versions, bills)
    found = {month: lines for month, lines in differences(warehouse).items() if month in expected}
    assert found == expected
    unexplained = [lines for lines in expected.values() if "unexplained" in lines]
    assert list(warehouse.broken_truths()) == ["assert_no_billed_revenue_is_unexplained"] * bool(unexplained)
