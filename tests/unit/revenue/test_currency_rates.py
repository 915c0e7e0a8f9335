"""Amounts in the reporting currency take the rate of their day, as the real dbt macros compute them."""

import csv
import datetime as dt
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from dbt.adapters.duckdb.connections import DuckDBConnectionManager

from dagster_project.settings import DBT_DIR

RATES: dict[str, list[tuple[dt.date, Decimal]]] = defaultdict(list)
with (DBT_DIR / "seeds" / "currency_rates.csv").open() as file:
    for row in csv.DictReader(file):
        RATES[row["currency"]].append((dt.date.fromisoformat(row["rate_date"]), Decimal(row["usd_rate"])))


def rate_on(currency: str, day: dt.date) -> tuple[dt.date, Decimal]:
    return max(entry for entry in RATES[currency] if entry[0] <= day)


def test_every_currency_has_a_rate_for_every_day_of_accepted_data():
    assert all(min(entries)[0] == dt.date(1900, 1, 1) for entries in RATES.values())


def test_a_day_has_one_rate_and_rates_are_above_zero():
    for currency, entries in RATES.items():
        days = [day for day, _ in entries]
        assert len(days) == len(set(days)), currency
        assert all(rate > 0 for _, rate in entries)
