"""Days with purchases and use, and what `activity_features` counts of them, against plain Python."""

import datetime as dt
import math
import random
from collections import defaultdict
from decimal import Decimal
from typing import Any

import duckdb
import pytest
from dbt_in_process import run_dbt

DAY = dt.date(2026, 3, 2)
END = dt.datetime(2026, 3, 3)
MODELS = ("purchase_days", "activity_days", "activity_features")
TABLES = {
    "silver.usage_events": "customer_id text, occurred_at timestamp, known_at timestamp",
    "silver.spend_changes": "customer_id text, is_purchase boolean, changed_at timestamp, purchased_at timestamp,"
    " spend_change_amount decimal(18, 2)",
    "gold.customer_features": "customer_id text, as_of_date date, has_ever_subscribed boolean, is_subscriber boolean,"
    " tenure_days bigint, purchase_day_count bigint, has_usage_data boolean",
}
Row = dict[str, Any]


class Company:
    """Sixty customers with random histories; some things happen after the day, or become known after it."""

    def __init__(self) -> None:
        draw = random.Random(5)  # noqa: S311 - no secret
        self.tables: dict[str, list[Row]] = {name: [] for name in TABLES}
        for number in range(60):
            who = {"customer_id": f"c{number:02d}"}

            def moment() -> dt.datetime:
                return END + dt.timedelta(days=draw.choice([-1, -5, -30, -100, -400]) * draw.random() + 0.2)

            for _ in range(draw.choice([0, 1, 5, 60])):
                occurred_at = moment()
                known_at = occurred_at + dt.timedelta(draw.choice([0, 0, 0, 3]))
                self.tables["silver.usage_events"].append(
                    who | {"occurred_at": occurred_at, "known_at": known_at}
                )
            for _ in range(draw.choice([0, 1, 6, 30])):
                bill = {"is_purchase": draw.random() < 0.7, "purchased_at": moment()}
                later = bill["purchased_at"] + dt.timedelta(20)
                parts = [(bill["purchased_at"], 20)] + [(later, 5)] * (draw.random() < 0.2)
                for changed_at, amount in parts:
                    change = {"changed_at": changed_at, "spend_change_amount": Decimal(amount)}
                    self.tables["silver.spend_changes"].append(who | bill | change)
            has_ever = draw.random() < 0.5
            facts = {
                "as_of_date": DAY, "has_ever_subscribed": has_ever, "is_subscriber": has_ever and draw.random() < 0.6,
                "tenure_days": draw.randrange(500), "purchase_day_count": len(self.purchases(who["customer_id"])),
                "has_usage_data": bool(self.uses(who["customer_id"])),
            }  # fmt: skip
            self.tables["gold.customer_features"].append(who | facts)

    def purchases(self, customer_id: str) -> dict[dt.date, list[Row]]:
        """What was paid for the purchases of each day, by the day of the first part."""
        found: dict[dt.date, list[Row]] = defaultdict(list)
        for row in self.tables["silver.spend_changes"]:
            if row["customer_id"] == customer_id and row["is_purchase"]:
                found[row["purchased_at"].date()].append(row)
        return found

    def uses(self, customer_id: str) -> set[dt.date]:
        """Days with use that were known by the end of the day."""
        return {
            row["occurred_at"].date()
            for row in self.tables["silver.usage_events"]
            if row["customer_id"] == customer_id and row["occurred_at"] < END and row["known_at"] < END
        }

    def expected(self, features: Row) -> Row:
        """What has to stand in the row of a customer."""
        purchases = {day for day in self.purchases(features["customer_id"]) if day <= DAY}
        uses = self.uses(features["customer_id"])
        is_user = features["has_ever_subscribed"] or (
            not features["purchase_day_count"] and features["has_usage_data"]
        )
        own = sorted(uses if is_user else purchases)
        gaps = [(later - earlier).days for earlier, later in zip(own, own[1:], strict=False)]
        weeks = min(features["tenure_days"] // 7, 13)
        per_week = [sum((DAY - day).days // 7 == week for day in own) for week in range(weeks)]
        row = {
            f"{kind}_day_last_{days}_days_count": sum((DAY - day).days < days for day in found)
            for kind, found in (("purchase", purchases), ("use", uses))
            for days in (7, 30, 90, 365)
        }
        return row | {
            "customer_id": features["customer_id"],
            "as_of_date": DAY,
            "basis": "use" if is_user else "purchases",
            "has_contract_ended": features["has_ever_subscribed"] and not features["is_subscriber"],
            "activity_day_count": len(own),
            "activity_span_days": sum(gaps) if own else None,
            "activity_gap_log_sum": sum(math.log(gap) for gap in gaps) if gaps else None,
            "days_since_last_activity": (DAY - own[-1]).days if own else None,
            "trend_week_count": weeks,
            "trend_day_count": sum(per_week),
            "trend_weighted_day_count": sum(week * days for week, days in enumerate(per_week)),
            "trend_squared_day_count": sum(days**2 for days in per_week),
        }


@pytest.fixture(scope="module")
def company() -> Company:
    return Company()


@pytest.fixture(scope="module")
def warehouse(company: Company, tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    compiled = run_dbt(
        tmp_path_factory.mktemp("activity"), "compile", "--select", *MODELS, CUSTINT_RUN_AS_OF_DATE=str(DAY)
    )
    sql_of = {run.node.name: run.node.compiled_code for run in compiled.results}
    connection = duckdb.connect()
    connection.execute("""
        set timezone = 'UTC';
        attach ':memory:' as warehouse; use warehouse; create schema silver; create schema gold""")
    for name, columns in TABLES.items():
        connection.execute(f"create table {name} ({columns})")
        for row in company.tables[name]:
            marks = ", ".join("?" for _ in row)
            connection.execute(f"insert into {name} ({', '.join(row)}) values ({marks})", list(row.values()))
    for name in MODELS[:2]:
        connection.execute(f"create table silver.{name} as {sql_of[name]}")
    connection.execute(f"create table gold.activity_features as {sql_of['activity_features']}")
    return connection


def test_a_purchase_day_has_what_was_paid_and_not_given_back(
    company: Company, warehouse: duckdb.DuckDBPyConnection
) -> None:
    rows = warehouse.execute("select customer_id, purchase_date, purchase_count, gross_spend_amount"
                             " from silver.purchase_days order by all").fetchall()  # fmt: skip
    expected = [
        (
            row["customer_id"], day, sum(part["changed_at"] == part["purchased_at"] for part in parts),
            sum(part["spend_change_amount"] for part in parts),
        )
        for row in company.tables["gold.customer_features"]
        for day, parts in company.purchases(row["customer_id"]).items()
    ]  # fmt: skip
    assert rows == sorted(expected)
    assert len(rows) > 100


def test_each_column_is_what_plain_python_counts(
    company: Company, warehouse: duckdb.DuckDBPyConnection
) -> None:
    rows = warehouse.execute("from gold.activity_features order by customer_id").pl().rows(named=True)
    expected = [company.expected(row) for row in company.tables["gold.customer_features"]]
    assert {row["basis"] for row in rows} == {"use", "purchases"}
    assert sum(row["activity_day_count"] > 3 for row in rows) > 15
    for row, wanted in zip(rows, expected, strict=True):
        log_sum, wanted_log_sum = row.pop("activity_gap_log_sum"), wanted.pop("activity_gap_log_sum")
        assert row == wanted
        assert log_sum == (
            wanted_log_sum if wanted_log_sum is None else pytest.approx(wanted_log_sum, abs=1e-6)
        )
