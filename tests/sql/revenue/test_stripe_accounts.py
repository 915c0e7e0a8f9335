"""What real Stripe accounts deliver, and what it is worth to the cent: each case is one customer of one account.

The account is read for the first time on 2026-11-27, so that all history is in what the objects themselves say.
"""

from collections.abc import Iterator
from decimal import Decimal

import duckdb
import pytest
from money_cases import MONEY
from recurring_cases import RECURRING
from stripe_account import built
from stripe_cases import account

CASES = RECURRING | MONEY
MONTHS = ["2026-07", "2026-08", "2026-09", "2026-10", "2026-11"]


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    with built(tmp_path_factory.mktemp("stripe"), account(CASES), "+left_out_rows") as connection:
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
