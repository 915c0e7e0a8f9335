"""What real Stripe accounts deliver, and what it is worth to the cent: each case is one customer of one account.

The account is read for the first time on 2026-11-27, so that all history is in what the objects themselves say.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

import duckdb
import pytest
from stripe_account import (
    Record,
    bills,
    built,
    charge,
    coupon,
    invoice,
    item,
    line,
    price,
    seconds,
    subscription,
)

GIVEN_UP = {"marked_uncollectible_at": seconds(2026, 9, 4)}
LATER = seconds(2026, 9, 10)
MID_SEPTEMBER = {"proration": True, "period": {"start": seconds(2026, 9, 16), "end": seconds(2026, 10, 1)}}
MONTHS = ["2026-07", "2026-08", "2026-09", "2026-10", "2026-11"]


@dataclass
class Case:
    """One customer: what Stripe has of it, recurring revenue at the month-ends, and what became of its bills.

    Attributes:
        subscriptions, invoices, charges, refunds, credit_notes, disputes: Objects; ids and customers are filled in.
        mrr: Recurring revenue at the end of July to November 2026; empty when it is not looked at.
        ledger: Sums over all transactions: billed, paid, open, refunded, written_off, credited, balance, net_spend.
        customer: Fields of the customer itself.
        named: The customer whose sums are looked at, where it is another one.
    """

    subscriptions: list[Record] = field(default_factory=list)
    invoices: list[Record] = field(default_factory=list)
    charges: list[Record] = field(default_factory=list)
    refunds: list[Record] = field(default_factory=list)
    credit_notes: list[Record] = field(default_factory=list)
    disputes: list[Record] = field(default_factory=list)
    mrr: list[float] = field(default_factory=list)
    ledger: dict[str, float] = field(default_factory=dict)
    customer: Record = field(default_factory=dict)
    named: str = ""


TIERS = [
    {"up_to": 5, "unit_amount": 4000, "flat_amount": None},
    {"up_to": None, "unit_amount": 2000, "flat_amount": 700},
]
CASES = {
    "three items": Case(
        subscriptions=[subscription(item(1000), item(2500), item(4000))],
        invoices=[invoice(line(1000, 11), line(2500, 11), line(4000, 11))],
        mrr=[75] * 5,
    ),
    "items by the month and by the year": Case(
        subscriptions=[subscription(item(1000, 2), item(12000, 3, interval="year"))],
        mrr=[20 + 30] * 5,
    ),
    "a package of 100 rounds up": Case(
        subscriptions=[subscription(item(500, 250, transform_quantity={"divide_by": 100, "round": "up"}))],
        mrr=[15] * 5,
    ),
    "a price finer than the cent": Case(
        subscriptions=[subscription(item(None, 10_000, unit_amount_decimal="0.5"))], mrr=[50] * 5
    ),
    "graduated tiers": Case(
        subscriptions=[subscription(item(None, 7, billing_scheme="tiered", tiers_mode="graduated", tiers=TIERS))],
        mrr=[5 * 40 + 7 + 2 * 20] * 5,
    ),
    "volume tiers": Case(
        subscriptions=[subscription(item(None, 7, billing_scheme="tiered", tiers_mode="volume", tiers=TIERS))],
        mrr=[7 + 7 * 20] * 5,
    ),
    "tiers that are not shown are worth what was billed": Case(
        subscriptions=[subscription(item(None, 7, billing_scheme="tiered", tiers_mode="graduated"))],
        invoices=[invoice(line(24700, month)) for month in range(7, 12)],
        mrr=[247] * 5,
    ),
    "metered use is no recurring revenue": Case(
        subscriptions=[subscription(item(1000), item(2, None, id="si_use", usage_type="metered"))],
        invoices=[invoice(line(1000, 11), line(1800, 11, price=price(2, usage_type="metered")))],
        mrr=[10] * 5,
        ledger={"billed": 28, "paid": 28, "net_spend": 28},
    ),
    "tiers that nothing shows": Case(
        subscriptions=[subscription(item(None, 7, billing_scheme="tiered", tiers_mode="graduated"))],
    ),
    "a discount that is only named and was never billed": Case(subscriptions=[subscription(discounts=["di"])]),
    "use without a word that it is metered": Case(subscriptions=[subscription(item(2, None, usage_type=None))]),
    "a discount of the customer": Case(
        customer={"discount": coupon(percent_off=25, start=seconds(2026, 7, 1))},
        subscriptions=[subscription()],
        mrr=[7.5] * 5,
    ),
    "the subscription's own discount comes before the customer's": Case(
        customer={"discount": coupon(percent_off=25, start=seconds(2026, 7, 1))},
        subscriptions=[subscription(discounts=[coupon(percent_off=10)])],
        mrr=[9] * 5,
    ),
    "a discount of one item": Case(
        subscriptions=[subscription(item(1000, discounts=[coupon(percent_off=50)]), item(2000))], mrr=[25] * 5
    ),
    "two discounts, one after the other": Case(
        subscriptions=[
            subscription(item(10_000), discounts=[coupon(percent_off=20), coupon(amount_off=1000, id="co2")])
        ],
        mrr=[70] * 5,
    ),
    "an amount off is shared by the items": Case(
        subscriptions=[subscription(item(1000), item(2000), discounts=[coupon(amount_off=1000)])], mrr=[20] * 5
    ),
    "an amount off one of two items": Case(
        subscriptions=[subscription(item(1000, discounts=[coupon(amount_off=500)]), item(2000))], mrr=[25] * 5
    ),
    "an amount off for one product alone": Case(
        subscriptions=[
            subscription(
                item(1000, product="book"), item(2000),
                discounts=[coupon(amount_off=500, applies_to={"products": ["book"]})],
            )
        ],
        mrr=[25] * 5,
    ),
    "two taxes that are included": Case(
        subscriptions=[
            subscription(item(1200), default_tax_rates=[{"percentage": rate, "inclusive": True} for rate in (5, 15)])
        ],
        mrr=[10] * 5,
    ),
    "a discount that ends in September": Case(
        subscriptions=[
            subscription(discount=coupon(percent_off=50, start=seconds(2026, 7, 1), end=seconds(2026, 9, 15)))
        ],
        mrr=[5, 5, 10, 10, 10],
    ),
    "discounts that are only named are worth what was billed": Case(
        subscriptions=[subscription(discounts=["di"])],
        invoices=bills(range(7, 12), line={"discount": 200}),
        mrr=[8] * 5,
    ),
    "a coupon that ended before the first read": Case(
        subscriptions=[subscription()],
        invoices=bills(range(7, 10), line={"discount": 500}) + bills(range(10, 12)),
        mrr=[5, 5, 5, 10, 10],
    ),
    "a coupon for one bill is no recurring discount": Case(
        subscriptions=[subscription()],
        invoices=bills(range(7, 8), line={"discount": 500}) + bills(range(8, 12)),
        mrr=[10] * 5,
    ),
    "seats and price before the first read": Case(
        subscriptions=[subscription(item(1500, 3))],
        invoices=[invoice(line(2000, month, quantity=2, price=price(1000))) for month in range(7, 10)]
        + [invoice(line(4500, month, quantity=3, price=price(1500))) for month in range(10, 12)],
        mrr=[20, 20, 20, 45, 45],
    ),
    "an upgrade in mid-month before the first read": Case(
        subscriptions=[subscription(item(1000, 3))],
        invoices=[
            *bills(range(7, 9)),
            invoice(
                line(-500, id="a", proration=True, quantity=1, price=price(1000),
                     period={"start": seconds(2026, 8, 16), "end": seconds(2026, 9, 1)}),
                line(1500, id="b", proration=True, quantity=3, price=price(1000),
                     period={"start": seconds(2026, 8, 16), "end": seconds(2026, 9, 1)}),
                created=seconds(2026, 8, 16),
            ),
            *[invoice(line(3000, month, quantity=3)) for month in range(9, 12)],
        ],
        mrr=[10, 30, 30, 30, 30],
    ),
    "an item that was taken away before the first read": Case(
        subscriptions=[subscription(item(1000))],
        invoices=[
            invoice(
                line(1000, month, subscription_item="si_1000"),
                line(400, month, subscription_item="si_gone", price=price(400)),
            )
            for month in (7, 8)
        ],
        mrr=[14, 14, 10, 10, 10],
    ),
    "an item that another replaced in mid-month before the first read": Case(
        subscriptions=[subscription(item(1500))],
        invoices=[
            *[invoice(line(1000, month, subscription_item="si_old", price=price(1000))) for month in (7, 8, 9)],
            invoice(
                line(-500, subscription_item="si_old", price=price(1000), **MID_SEPTEMBER),
                line(750, subscription_item="si_1500", price=price(1500), **MID_SEPTEMBER),
            ),
            *[invoice(line(1500, month, subscription_item="si_1500", price=price(1500))) for month in (10, 11)],
        ],
        mrr=[10, 10, 15, 15, 15],
    ),
    "tax that is included in the price": Case(
        subscriptions=[subscription(item(1190, tax_behavior="inclusive"))],
        invoices=bills(range(7, 12), amount=1190, line={"tax_amounts": [{"amount": 190, "inclusive": True}]}),
        mrr=[10] * 5,
        ledger={"billed": 59.5, "paid": 59.5},
    ),
    "a discount on a price with tax": Case(
        subscriptions=[subscription(item(1190), discount=coupon(percent_off=10))],
        invoices=bills(
            range(7, 12), amount=1190, line={"discount": 119, "tax_amounts": [{"amount": 171, "inclusive": True}]}
        ),
        mrr=[9] * 5,
    ),
    "paid, then credited to the balance": Case(
        invoices=[invoice(line(10000), post_payment_credit_notes_amount=4000)],
        ledger={"billed": 100, "paid": 100, "credited": 40, "balance": -40, "net_spend": 100},
    ),
    "credited in full before payment": Case(
        invoices=[invoice(line(10000), pre_payment_credit_notes_amount=10000, amount_paid=0)],
        ledger={"billed": 100, "paid": 0, "credited": 100, "net_spend": 0},
    ),
    "credited in part before payment": Case(
        invoices=[invoice(line(10000), pre_payment_credit_notes_amount=3000, amount_paid=7000)],
        ledger={"billed": 100, "paid": 70, "credited": 30, "net_spend": 70},
    ),
    "open, and credited in part": Case(
        invoices=[
            invoice(line(10000), status="open", pre_payment_credit_notes_amount=3000, amount_remaining=7000)
        ],
        ledger={"billed": 100, "open": 70, "credited": 30, "net_spend": 0},
    ),
    "credit notes to the balance and to the card": Case(
        invoices=[invoice(line(10000), id="in_noted", post_payment_credit_notes_amount=5000)],
        charges=[charge(10000, id="ch_noted", invoice="in_noted")],
        refunds=[{"id": "re_noted", "charge": "ch_noted", "status": "succeeded", "amount": 2000, "currency": "usd",
                  "created": seconds(2026, 9, 5)}],
        credit_notes=[
            {"id": "cn_card", "invoice": "in_noted", "status": "issued", "type": "post_payment", "total": 2000,
             "currency": "usd", "created": seconds(2026, 9, 5), "refund": "re_noted"},
            {"id": "cn_balance", "invoice": "in_noted", "status": "issued", "type": "post_payment", "total": 3000,
             "currency": "usd", "created": seconds(2026, 9, 6)},
        ],
        ledger={"billed": 100, "paid": 80, "refunded": 20, "credited": 30, "balance": -30, "net_spend": 80},
    ),
    "a negative invoice after a positive one": Case(
        invoices=[
            invoice(line(2000)),
            invoice(line(-1000, id="a", proration=True), line(500, id="b", proration=True)),
        ],
        ledger={"billed": 15, "paid": 20, "balance": -5, "net_spend": 20},
    ),
    "credit by hand pays 30 of 100": Case(
        invoices=[
            invoice(
                line(10000), id="in_by_hand", starting_balance=-3000, ending_balance=0, amount_due=7000,
                amount_paid=7000,
            )
        ],
        charges=[charge(7000, invoice="in_by_hand")],
        ledger={"billed": 100, "paid": 70, "balance": 30, "net_spend": 70},
    ),
    "credit by hand on an open bill": Case(
        invoices=[
            invoice(
                line(10000), status="open", starting_balance=-3000, ending_balance=0, amount_due=7000,
                amount_remaining=7000,
            )
        ],
        ledger={"billed": 100, "open": 70, "balance": 30, "net_spend": 0},
    ),
    "a downgrade, and the bill that uses its credit": Case(
        invoices=[
            invoice(line(2000)),
            invoice(line(-1000, id="a"), line(500, id="b"), starting_balance=0, ending_balance=-500),
            invoice(line(2000), starting_balance=-500, ending_balance=0, amount_due=1500, amount_paid=1500),
        ],
        ledger={"billed": 35, "paid": 35, "balance": 0, "net_spend": 35},
    ),
    "a credit note to the balance, and the bill that uses it": Case(
        invoices=[
            invoice(line(10000), post_payment_credit_notes_amount=4000),
            invoice(line(10000), starting_balance=-4000, ending_balance=0, amount_due=6000, amount_paid=6000),
        ],
        ledger={"billed": 200, "paid": 160, "credited": 40, "balance": 0, "net_spend": 160},
    ),
    "a credit note that is paid out elsewhere": Case(
        invoices=[invoice(line(10000), id="in_elsewhere", post_payment_credit_notes_amount=4000)],
        credit_notes=[
            {"invoice": "in_elsewhere", "status": "issued", "type": "post_payment", "total": 4000, "currency": "usd",
             "created": LATER, "out_of_band_amount": 2500},
        ],
        ledger={"billed": 100, "paid": 75, "credited": 40, "balance": -15, "net_spend": 75},
    ),
    "too little to charge, and the bill that adds it": Case(
        invoices=[
            invoice(line(30), starting_balance=0, ending_balance=30, amount_due=0, amount_paid=0),
            invoice(line(1000), starting_balance=30, ending_balance=0, amount_due=1030, amount_paid=1030),
        ],
        ledger={"billed": 10.3, "paid": 10.3, "balance": 0, "net_spend": 10.3},
    ),
    "charges without invoice": Case(
        charges=[charge(5000), charge(7000)], ledger={"billed": 120, "paid": 120, "net_spend": 120}
    ),
    "a charge that is refunded in part": Case(
        charges=[charge(5000, id="ch_part")],
        refunds=[{"id": "re_part", "charge": "ch_part", "status": "succeeded", "amount": 2000, "currency": "usd",
                  "created": seconds(2026, 9, 5)}],
        ledger={"billed": 50, "paid": 30, "refunded": 20, "net_spend": 30},
    ),
    "guests without a customer": Case(
        charges=[
            charge(5000, id="ch_guest", customer=None, billing_details={"email": "Guest@Mail.Example"}),
            charge(700, customer=None, billing_details={"email": None}, receipt_email="guest@mail.example"),
            charge(900, id="ch_nobody", customer=None, billing_details={"email": None}),
        ],
        refunds=[
            {"charge": name, "status": "succeeded", "amount": 400, "currency": "usd", "created": LATER}
            for name in ("ch_guest", "ch_nobody")
        ],
        ledger={"billed": 57, "paid": 53, "refunded": 4, "net_spend": 53},
        named="guest",
    ),
    "authorized, captured in part, and pending": Case(
        charges=[
            charge(5000, captured=False, amount_captured=0), charge(5000, amount_captured=3500),
            charge(900, status="pending", amount_captured=0, captured=True), charge(100, status="failed"),
        ],
        ledger={"billed": 44, "paid": 35, "open": 9, "net_spend": 35},
    ),
    "a dispute that was lost, and one that was won": Case(
        invoices=[invoice(line(10000), id="in_lost"), invoice(line(3000), id="in_won")],
        charges=[charge(10000, id="ch_lost", invoice="in_lost"), charge(3000, id="ch_won", invoice="in_won")],
        disputes=[
            {"charge": "ch_lost", "status": "lost", "amount": 10000, "currency": "usd", "created": LATER},
            {"charge": "ch_won", "status": "won", "amount": 3000, "currency": "usd", "created": LATER},
        ],
        ledger={"billed": 130, "paid": 30, "refunded": 100, "net_spend": 30},
    ),
    "what was authorized and never taken, and the rest of a capture": Case(
        charges=[
            charge(5000, id="ch_let_go", captured=False, amount_captured=0),
            charge(5000, id="ch_rest", amount_captured=3500),
        ],
        refunds=[
            {"charge": name, "status": "succeeded", "amount": amount, "currency": "usd", "created": LATER}
            for name, amount in (("ch_let_go", 5000), ("ch_rest", 1500), ("ch_rest", 1000))
        ],
        ledger={"billed": 35, "paid": 25, "refunded": 10, "net_spend": 25},
    ),
    "a payment that only its intent ties to the invoice": Case(
        invoices=[invoice(line(1000), payment_intent="pi_tied")],
        charges=[charge(1000, payment_intent="pi_tied")],
        ledger={"billed": 10, "paid": 10, "net_spend": 10},
    ),
    "amounts of a currency with small coins": Case(
        invoices=[invoice(line(1_200_000_000, currency="jpy"), currency="jpy")], ledger={"open": 0}
    ),
    "notice for a day ahead": Case(
        subscriptions=[subscription(cancel_at=seconds(2026, 12, 24))], mrr=[10] * 5
    ),
    "void and given up before the first read": Case(
        invoices=[
            invoice(line(1000), status="void", status_transitions={"voided_at": seconds(2026, 9, 3)}),
            invoice(line(2000), status="uncollectible", status_transitions=GIVEN_UP),
        ],
        ledger={"billed": 20, "paid": 0, "written_off": 20, "net_spend": 0},
    ),
}  # fmt: skip


def account() -> dict[str, list[Record]]:
    """All cases as one account; ids that a case leaves out are counted."""
    objects: dict[str, list[Record]] = defaultdict(list)
    for number, (name, case) in enumerate(CASES.items()):
        customer = f"cus_{number}"
        objects["customers"].append(
            {
                "id": customer,
                "object": "customer",
                "name": name,
                "created": seconds(2026, 1, 1),
                **case.customer,
            }
        )
        for kind in ("subscriptions", "invoices", "charges", "refunds", "credit_notes", "disputes"):
            for place, record in enumerate(getattr(case, kind)):
                found = {"id": f"{kind}_{number}_{place}", "customer": customer, **record}
                if kind == "invoices":
                    parts = [
                        {"id": f"il_{number}_{place}_{position}", **part}
                        for position, part in enumerate(record["lines"]["data"])
                    ]
                    if case.subscriptions:
                        found["subscription"] = f"subscriptions_{number}_0"
                        parts = [{"subscription": found["subscription"], **part} for part in parts]
                    found["lines"] = {**record["lines"], "data": parts}
                objects[kind].append(found)
    return objects


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    with built(tmp_path_factory.mktemp("stripe"), account(), "+left_out_rows") as connection:
        yield connection


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.mrr])
def test_recurring_revenue_at_month_ends(warehouse: duckdb.DuckDBPyConnection, name: str):
    customer = f"cus_{list(CASES).index(name)}"
    found = dict(
        warehouse.execute(
            "select strftime(month_start_date, '%Y-%m'), mrr_amount from silver.customer_mrr_monthly"
            " where customer_id = ?",
            [customer],
        ).fetchall()
    )
    expected = [Decimal(str(amount)) for amount in CASES[name].mrr]
    assert [found.get(month, Decimal(0)) for month in MONTHS] == expected


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.ledger])
def test_what_became_of_what_was_billed(warehouse: duckdb.DuckDBPyConnection, name: str):
    customer = CASES[name].named or f"cus_{list(CASES).index(name)}"
    sums = ", ".join(f"coalesce(sum({part}_amount), 0)" for part in CASES[name].ledger)
    found = warehouse.execute(
        f"select {sums} from gold.fct_transactions where customer_id = ?", [customer]
    ).fetchone()
    assert dict(zip(CASES[name].ledger, found, strict=True)) == {
        part: Decimal(str(amount)) for part, amount in CASES[name].ledger.items()
    }


@pytest.mark.parametrize(
    ("name", "price_status", "mrr"),
    [
        ("tiers that nothing shows", "not_priceable", None),
        ("use without a word that it is metered", "metered", None),
        ("a discount that is only named and was never billed", "discount_unknown", 10),
    ],
)
def test_a_price_that_is_not_known_says_so_and_its_customer_pays(
    warehouse: duckdb.DuckDBPyConnection, name: str, price_status: str, mrr: float | None
):
    found = warehouse.execute(
        "select price_status, mrr_amount, is_paid from gold.fct_subscription_periods where customer_id = ?",
        [f"cus_{list(CASES).index(name)}"],
    ).fetchall()
    assert found == [(price_status, mrr, True)]


def test_money_of_nobody_is_left_out_with_its_reason(warehouse: duckdb.DuckDBPyConnection):
    case = list(CASES).index("guests without a customer")
    assert warehouse.execute(
        "select object, source_ref, reason from gold.left_out_rows where reason like '%names nobody%' order by 1"
    ).fetchall() == [
        ("charges", "ch_nobody", "it names nobody who paid"),
        ("refunds", f"refunds_{case}_1", "its charge names nobody who paid"),
    ]


def test_a_void_bill_and_one_given_up_are_closed_when_they_say_so(warehouse: duckdb.DuckDBPyConnection):
    customer = f"cus_{list(CASES).index('void and given up before the first read')}"
    assert warehouse.execute(
        "select status, strftime(closed_at, '%m-%d') from gold.fct_transactions where customer_id = ? order by 1",
        [customer],
    ).fetchall() == [("failed", "09-04"), ("void", "09-03")]


def test_notice_for_a_day_ahead_is_notice(warehouse: duckdb.DuckDBPyConnection):
    customer = f"cus_{list(CASES).index('notice for a day ahead')}"
    assert warehouse.execute(
        "select bool_or(is_cancel_at_period_end) from silver.subscription_versions where customer_id = ?",
        [customer],
    ).fetchall() == [(True,)]
