"""Amounts in the reporting currency take the rate of their day, as the real dbt macros compute them."""

import csv
import datetime as dt
from collections import defaultdict
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest
from billing_warehouse import BillingWarehouse

from dagster_project.settings import DBT_DIR

RATES: dict[str, list[tuple[dt.date, Decimal]]] = defaultdict(list)
with Path(DBT_DIR / "seeds" / "currency_rates.csv").open() as file:
    for row in csv.DictReader(file):
        RATES[row["currency"]].append((dt.date.fromisoformat(row["rate_date"]), Decimal(row["usd_rate"])))
DAYS = [dt.date(year, month, day) for year in range(2018, 2027) for month, day in ((1, 1), (7, 15), (12, 31))]


def rate_on(currency: str, day: dt.date) -> tuple[dt.date, Decimal]:
    return max(entry for entry in RATES[currency] if entry[0] <= day)


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> BillingWarehouse:
    return BillingWarehouse(tmp_path_factory.mktemp("data"))


def test_every_currency_has_a_rate_for_every_day_of_accepted_data():
    assert all(min(entries)[0] == dt.date(1900, 1, 1) for entries in RATES.values())


def test_a_day_has_one_rate_and_rates_are_above_zero():
    for currency, entries in RATES.items():
        days = [day for day, _ in entries]
        assert len(days) == len(set(days)), currency
        assert all(rate > 0 for _, rate in entries)


def test_an_order_takes_the_newest_rate_that_is_not_after_its_day(warehouse: BillingWarehouse):
    orders = [
        {"transaction_ref": f"{currency}-{day}", "customer_ref": "acc", "currency": currency,
         "occurred_at": dt.datetime.combine(day, dt.time(23, 59, 59)), "amount": Decimal("12345.67")}
        for currency in RATES
        for day in DAYS
    ]  # fmt: skip
    warehouse.build("2026-12-31", files__transactions=orders)
    found = warehouse.rows("""
        select currency, transaction_date, transaction_amount, rate_date, exchange_rate from gold.fct_transactions""")
    assert len(found) == len(orders)
    for currency, day, amount, rate_date, rate in found:
        wanted_date, wanted_rate = rate_on(currency, day)
        wanted = (Decimal("12345.67") * wanted_rate).quantize(Decimal("0.01"), ROUND_HALF_UP)
        assert amount == wanted, (currency, day)
        assert rate == wanted_rate.quantize(Decimal("1e-8"), ROUND_HALF_UP)
        assert amount == (Decimal("12345.67") * rate).quantize(Decimal("0.01"), ROUND_HALF_UP)
        assert rate_date == (None if currency == "USD" else wanted_date)


def test_an_empty_currency_is_the_reporting_currency(warehouse: BillingWarehouse):
    order = {
        "transaction_ref": "o",
        "customer_ref": "acc",
        "occurred_at": dt.datetime(2026, 1, 5),
        "amount": 7,
    }
    warehouse.build("2026-01-31", files__transactions=[order])
    assert warehouse.rows("select transaction_amount, currency, rate_date from gold.fct_transactions") == [
        (Decimal(7), "USD", None)
    ]


def test_a_currency_without_a_rate_has_no_amount_and_is_never_taken_one_to_one(warehouse: BillingWarehouse):
    """Bronze keeps such rows out; were one to slip through, it must not count as dollars."""
    order = {
        "transaction_ref": "o",
        "customer_ref": "acc",
        "occurred_at": dt.datetime(2026, 1, 5),
        "amount": 7,
    }
    warehouse.build("2026-01-31", files__transactions=[order | {"currency": "XXX"}])
    assert warehouse.rows("select transaction_amount from gold.fct_transactions") == [(None,)]
