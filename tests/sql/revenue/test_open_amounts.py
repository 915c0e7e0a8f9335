"""What a customer owes and has spent at the end of a day: the same in bills, days and features, to the cent.

The run is for 26 November 2026, and the account is read on the morning after. Each customer is one story.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

import duckdb
import pytest
from dbt_in_process import run_dbt
from stripe_account import Record, built, charge, invoice, line, listed, payment, seconds

BILLED = seconds(2026, 11, 1)
OPEN = {"status": "open", "created": BILLED}
MORNING_AFTER = seconds(2026, 11, 27) + 3 * 3600
DAYS = ("11-01", "11-10", "11-20", "11-26")


class Story(NamedTuple):
    """What Stripe has of a customer, and what is open, and what has come in, at the end of each of DAYS."""

    open_amounts: list[float]
    spend_amounts: list[float]
    invoices: list[Record]
    charges: list[Record] = []
    credit_notes: list[Record] = []


def paid(amount: int, *day: int, **more: Record) -> Record:
    return charge(amount, created=seconds(2026, 11, *day), invoice="in", **more)


def note(total: int, *day: int, kind: str = "pre_payment") -> Record:
    return {
        "invoice": "in", "status": "issued", "type": kind, "total": total, "currency": "usd",
        "created": seconds(2026, 11, *day),
    }  # fmt: skip


STORIES = {
    "nobody has paid": Story([100, 100, 100, 100], [0, 0, 0, 0], [invoice(line(10000), **OPEN)]),
    "40 of 100 are paid on the 10th": Story(
        [100, 60, 60, 60],
        [0, 40, 40, 40],
        [invoice(line(10000), **OPEN, amount_paid=4000, amount_remaining=6000)],
        [paid(4000, 10)],
    ),
    "two parts, and the rest later": Story(
        [100, 60, 49.5, 0], [0, 40, 50.5, 100],
        [invoice(line(10000), created=BILLED, status_transitions={"paid_at": seconds(2026, 11, 22)})],
        [paid(4000, 10), paid(1050, 20), paid(4950, 22), paid(9999, 3, status="failed")],
    ),
    "two parts and the rest, in a list of newer words": Story(
        [100, 60, 49.5, 0], [0, 40, 50.5, 100],
        [
            invoice(
                line(10000), created=BILLED, status_transitions={"paid_at": seconds(2026, 11, 22)},
                payments=listed(
                    payment(4000, seconds(2026, 11, 10), charge="charges_3_0"), payment(1050, seconds(2026, 11, 20)),
                    payment(4950, seconds(2026, 11, 22), payment_intent="pi_rest"),
                ),
            )
        ],
        [paid(4000, 9), paid(4950, 3, payment_intent="pi_rest")],
    ),
    "40 that no charge tells of": Story(
        [60, 60, 60, 60], [40, 40, 40, 40], [invoice(line(10000), **OPEN, amount_paid=4000, amount_remaining=6000)]
    ),
    "a credit of 30 on the 20th": Story(
        [100, 100, 70, 70], [0, 0, 0, 0],
        [invoice(line(10000), **OPEN, pre_payment_credit_notes_amount=3000, amount_remaining=7000)],
        credit_notes=[note(3000, 20)],
    ),
    "a credit after payment opens nothing": Story(
        [100, 0, 0, 0], [0, 100, 100, 100],
        [invoice(line(10000), created=BILLED, status_transitions={"paid_at": seconds(2026, 11, 10)})],
        [paid(10000, 10)],
        [note(3000, 20, kind="post_payment")],
    ),
    "paid in part and given up": Story(
        [100, 60, 0, 0], [0, 40, 40, 40],
        [
            invoice(
                line(10000), created=BILLED, status="uncollectible", amount_paid=4000, amount_remaining=6000,
                status_transitions={"marked_uncollectible_at": seconds(2026, 11, 15)},
            )
        ],
        [paid(4000, 10)],
    ),
    "withdrawn": Story(
        [100, 0, 0, 0], [0, 0, 0, 0],
        [invoice(line(10000), created=BILLED, status="void", status_transitions={"voided_at": seconds(2026, 11, 9)})],
    ),
    "paid on the morning after": Story(
        [100, 60, 60, 60], [0, 40, 40, 40],
        [invoice(line(10000), created=BILLED, status_transitions={"paid_at": MORNING_AFTER})],
        [paid(4000, 10), paid(6000, 27)],
    ),
    "euros": Story(
        [56.5, 22.6, 22.6, 22.6], [0, 33.9, 33.9, 33.9],
        [invoice(line(5000, currency="eur"), **OPEN, currency="eur", amount_paid=3000, amount_remaining=2000)],
        [paid(3000, 10, currency="eur")],
    ),
}  # fmt: skip


def account() -> dict[str, list[Record]]:
    """All stories as one account; each has one bill."""
    objects: dict[str, list[Record]] = {
        name: [] for name in ("customers", "invoices", "charges", "credit_notes")
    }
    for number, story in enumerate(STORIES.values()):
        owner = {"customer": f"cus_{number}"}
        objects["customers"].append(
            {"id": f"cus_{number}", "object": "customer", "created": seconds(2026, 1, 1)}
        )
        objects["invoices"] += [bill | owner | {"id": f"in_{number}"} for bill in story.invoices]
        for kind in ("charges", "credit_notes"):
            objects[kind] += [
                record | owner | {"id": f"{kind}_{number}_{place}", "invoice": f"in_{number}"}
                for place, record in enumerate(getattr(story, kind))
            ]
    return objects


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    data_dir = tmp_path_factory.mktemp("open")
    more = ("+fct_customer_daily", "+customer_features", "assert_open_amounts_agree")
    built(data_dir, account(), *more, CUSTINT_RUN_AS_OF_DATE="2026-11-26").close()
    for day in DAYS[:-1]:
        run_dbt(data_dir, "run", "--select", "customer_features", CUSTINT_RUN_AS_OF_DATE=f"2026-{day}")
    with duckdb.connect(str(data_dir / "warehouse.duckdb")) as connection:
        yield connection


@pytest.mark.parametrize("name", STORIES)
def test_what_is_open_at_the_end_of_a_day(warehouse: duckdb.DuckDBPyConnection, name: str):
    customer = f"cus_{list(STORIES).index(name)}"
    expected = [Decimal(str(amount)) for amount in STORIES[name].open_amounts]
    for table, day in (("fct_customer_daily", "date"), ("customer_features", "as_of_date")):
        found = warehouse.execute(
            f"select open_invoice_amount from gold.{table}"
            f" where customer_id = ? and strftime({day}, '%m-%d') in {DAYS} order by {day}",
            [customer],
        ).fetchall()
        assert [amount for (amount,) in found] == expected, table
    assert warehouse.execute(
        "select sum(open_amount) from gold.fct_transactions where customer_id = ?", [customer]
    ).fetchone() == (expected[-1],)


@pytest.mark.parametrize("name", STORIES)
def test_what_has_come_in_by_the_end_of_a_day(warehouse: duckdb.DuckDBPyConnection, name: str):
    customer = f"cus_{list(STORIES).index(name)}"
    expected = [Decimal(str(amount)) for amount in STORIES[name].spend_amounts]
    found = warehouse.execute(
        "select spend_amount from gold.customer_features where customer_id = ? order by as_of_date",
        [customer],
    ).fetchall()
    assert [amount for (amount,) in found] == expected
    assert warehouse.execute(
        "select coalesce(sum(net_spend_amount), 0) from gold.fct_transactions where customer_id = ?",
        [customer],
    ).fetchone() == (expected[-1],)


def test_a_bill_that_is_paid_after_the_day_is_open_on_it(warehouse: duckdb.DuckDBPyConnection):
    customer = f"cus_{list(STORIES).index('paid on the morning after')}"
    assert warehouse.execute(
        "select status, paid_at, closed_at, billed_amount, paid_amount, net_spend_amount, overdue_days"
        " from gold.fct_transactions where customer_id = ? and kind = 'invoice'",
        [customer],
    ).fetchall() == [("open", None, None, Decimal(100), Decimal(40), Decimal(40), 25)]
