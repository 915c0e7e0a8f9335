"""One landing zone and the Stripe connector that fills it. Not here: what is asserted."""

import datetime as dt
from pathlib import Path
from typing import Any
from unittest import mock

import duckdb
from documented_stripe import Account

from dagster_project.ingest.api_client import HttpLimits
from dagster_project.ingest.streams import Landed, Probe
from dagster_project.ingest.stripe import connector
from dagster_project.ingest.stripe.connector import Stripe

BEGIN = dt.datetime(2026, 3, 1, 2)
START = 1_772_330_400  # the same in unix seconds
DAY = 86_400


class Reader:
    """Reads some of the objects, all when none is named: the others would say nothing more."""

    def __init__(self, base: str, key: str, folder: Path, *object_names: str) -> None:
        self.base, self.key, self.folder = base, key, folder
        self.object_names = object_names

    def land(
        self, second: int, batch_rows: int = 10_000, full_read_days: int = 28, **limits: Any
    ) -> dict[str, Landed]:
        read_at = BEGIN + dt.timedelta(seconds=second - START)
        with self._some_objects():
            connector = self._connector(batch_rows, full_read_days, **limits)
            return {landed.object_name: landed for landed in connector.land(read_at)}

    def probe(self) -> dict[str, Probe]:
        with self._some_objects():
            return {probe.object_name: probe for probe in self._connector(1, 28).probe()}

    def rows(self, name: str, what: str = "*", where: str = "true") -> list[tuple[Any, ...]]:
        files = f"{self.folder}/stripe/{name}/*.parquet"
        sql = f"select {what} from read_parquet('{files}', union_by_name = true) where {where}"
        return duckdb.sql(f"{sql} order by _source_file, _source_line").fetchall()

    def files(self) -> set[str]:
        return {path.name for path in self.folder.rglob("*.parquet")}

    def _connector(self, batch_rows: int, full_read_days: int, **limits: Any) -> Stripe:
        patience = {"attempt_count": 2, "first_wait_seconds": 0.001, "timeout_seconds": 10, **limits}
        return Stripe(self.key, self.base, self.folder, HttpLimits(**patience), batch_rows, full_read_days)

    def _some_objects(self) -> Any:
        chosen = [each for each in connector.OBJECTS if each.object_name in self.object_names]
        return mock.patch.object(connector, "OBJECTS", tuple(chosen) or connector.OBJECTS)


def customers(account: Account, count: int) -> None:
    for number in range(count):
        account.create("customer", f"cus_{number:04d}", name=f"Customer {number}", email=None)


def invoice(account: Account, key: str, amounts: list[int], **fields: Any) -> None:
    lines = [
        {"id": f"il_{key}_{number:04d}", "object": "line_item", "type": "invoiceitem", "amount": amount,
         "currency": "jpy", "period": {"start": 1, "end": 2}, "price": {"id": "price_1", "object": "price",
         "product": "prod_1"}, "tax_amounts": [{"amount": 1}], "discount_amounts": []}
        for number, amount in enumerate(amounts)
    ]  # fmt: skip
    total = {
        "subtotal": sum(amounts),
        "total": sum(amounts),
        "amount_paid": 0,
        "amount_remaining": sum(amounts),
    }
    account.create(
        "invoice", key, customer="cus_1", status="open", currency="jpy", subscription=None, attempt_count=0,
        total_discount_amounts=[], tax=0, status_transitions={"paid_at": None}, billing_reason="manual",
        hosted_invoice_url="https://invoice.example.com/secret", lines=lines, **total, **fields,
    )  # fmt: skip
