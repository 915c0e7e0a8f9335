"""A Stripe account as its API gives it, from landing to the published statements, in one dbt run.

Objects are written here as Stripe's reference shows them and go through the connector's own shapes. Not here: what is
right (`test_stripe_accounts`).
"""

import datetime as dt
import hashlib
from collections import defaultdict
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
from dbt_in_process import run_dbt

from dagster_project.contracts import landing_contract, landing_objects
from dagster_project.ingest.landing import write_batch, write_empty_file
from dagster_project.ingest.landing_rows import LandingRows
from dagster_project.ingest.stripe.shapes import landing_row, line_row

READ_AT = dt.datetime(2026, 11, 27, 6)
MODELS = (
    "fct_transactions", "fct_spend_changes", "fct_payments", "fct_transaction_lines", "fct_subscription_periods",
    "revenue_monthly", "revenue_reconciliation", "customer_mrr_monthly", "subscription_versions",
)  # fmt: skip
TRUTHS = (
    "assert_transaction_lines_add_up", "assert_billed_is_settled", "assert_revenue_reconciliation_ties_out",
    "assert_mrr_bridge_ties_out", "assert_month_end_mrr_equals_subscription_periods",
    "assert_spend_follows_the_money", "assert_subscription_periods_are_contiguous",
    "assert_no_billed_revenue_is_unexplained",
)  # fmt: skip
WRITTEN_BY_PYTHON = {
    "customer_identities": "system text, object text, source_ref text, customer_id text, person_id text",
    "household_members": "household_id text, customer_id text, household_kind text",
    "party_spellings": "field text, written text, country text, spelling text",
    "ticket_sentiments": "system text, ticket_ref text, polarity double",
}
Record = dict[str, Any]


def seconds(*day: int) -> int:
    """A day as Stripe writes a moment: unix seconds of its midnight, UTC."""
    return int(dt.datetime(*day, tzinfo=dt.UTC).timestamp())  # type: ignore[misc]


def price(amount: float | None, interval: str = "month", **more: Any) -> Record:
    """A price in cents; its id says what it is."""
    recurring = {"interval": interval, "interval_count": 1, "usage_type": more.pop("usage_type", "licensed")}
    return {
        "id": more.pop("id", f"price_{amount}_{interval}"), "object": "price", "product": "prod", "currency": "usd",
        "unit_amount": amount, "billing_scheme": "per_unit", "recurring": recurring, **more,
    }  # fmt: skip


def item(amount: float | None = 1000, quantity: int | None = 1, **more: Any) -> Record:
    """One thing that a subscription sells."""
    found = {
        "id": more.pop("id", f"si_{amount}"),
        "object": "subscription_item",
        "discounts": more.pop("discounts", []),
    }
    found["price"] = price(amount, **more)
    return found if quantity is None else {**found, "quantity": quantity}


def subscription(*items: Record, **more: Any) -> Record:
    """An active subscription since July 2026, in November of that year."""
    return {
        "object": "subscription", "status": "active", "currency": "usd", "created": seconds(2026, 7, 1),
        "start_date": seconds(2026, 7, 1), "current_period_start": seconds(2026, 11, 1),
        "current_period_end": seconds(2026, 12, 1), "cancel_at_period_end": False, "cancel_at": None,
        "discount": None, "discounts": [],
        "items": {"object": "list", "data": list(items or [item()]), "has_more": False}, **more,
    }  # fmt: skip


def line(amount: int, *month: int, **more: Any) -> Record:
    """One line of a bill; of a subscription for one month of 2026 when a month is given."""
    begin, end = (
        (seconds(2026, month[0], 1), seconds(2026, month[0] + 1, 1)) if month else (seconds(2026, 9, 1),) * 2
    )
    discount = more.pop("discount", 0)
    return {
        "object": "line_item", "type": "subscription" if month else "invoiceitem", "amount": amount, "currency": "usd",
        "quantity": 1, "proration": False, "period": {"start": begin, "end": end}, "tax_amounts": [],
        "discount_amounts": [{"amount": discount, "discount": "di"}] if discount else [], **more,
    }  # fmt: skip


def invoice(*lines: Record, created: int | None = None, **more: Any) -> Record:
    """A paid bill of its lines, made when the service of the first begins."""
    total = sum(
        part["amount"] - sum(cut["amount"] for cut in part["discount_amounts"])
        + sum(tax["amount"] for tax in part["tax_amounts"] if not tax["inclusive"])
        for part in lines
    )  # fmt: skip
    made = created or lines[0]["period"]["start"]
    paid = more.get("status", "paid") == "paid"
    return {
        "object": "invoice", "status": "paid", "currency": "usd", "created": made, "total": total,
        "subtotal": sum(part["amount"] for part in lines), "amount_due": max(total, 0),
        "amount_paid": max(total, 0) if paid else 0, "amount_remaining": 0 if paid else max(total, 0),
        "total_discount_amounts": [cut for part in lines for cut in part["discount_amounts"]],
        "tax": sum(tax["amount"] for part in lines for tax in part["tax_amounts"]) or None,
        "status_transitions": {"paid_at": made if paid else None},
        "lines": {"object": "list", "data": list(lines), "has_more": False}, **more,
    }  # fmt: skip


def charge(amount: int, **more: Any) -> Record:
    """A payment of September 2026 without an invoice."""
    return {
        "object": "charge", "status": "succeeded", "amount": amount, "amount_captured": amount, "captured": True,
        "currency": "usd", "created": seconds(2026, 9, 1), "invoice": None, **more,
    }  # fmt: skip


def listed(*payments: Record) -> Record:
    """What a bill says of its payments in newer words; see `payment`."""
    rows = [{"id": f"inpay_{place}", **part} for place, part in enumerate(payments)]
    return {"object": "list", "data": rows, "has_more": False}


def payment(amount: int | None, at: int | None = None, **names: Any) -> Record:
    """One payment in the list of a bill, by `charge=` or `payment_intent=`; not yet paid without a moment."""
    kind = next(iter(names), "payment_record")
    return {
        "object": "invoice_payment", "amount_paid": amount, "amount_requested": amount, "currency": "usd",
        "created": seconds(2026, 9, 1), "status": "paid" if at else "open",
        "status_transitions": {"canceled_at": None, "paid_at": at}, "payment": {"type": kind, **names},
    }  # fmt: skip


def coupon(**more: Any) -> Record:
    """A discount that is written out."""
    window = {name: more.pop(name) for name in ("start", "end") if name in more}
    return {"id": "di", "object": "discount", "coupon": {"id": "co", "duration": "forever", **more}, **window}


def bills(months: range, **more: Any) -> list[Record]:
    """One bill of the subscription per month of 2026."""
    amount, parts = more.pop("amount", 1000), more.pop("line", {})
    return [invoice(line(amount, month, **parts), **more) for month in months]


def land(landing: Path, objects: dict[str, list[Record]], read_at: dt.datetime = READ_AT) -> None:
    """One first read of an account: `customers=[...]`, invoices with their lines inside."""
    version = int(read_at.replace(tzinfo=dt.UTC).timestamp())
    rows: dict[str, list[Record]] = defaultdict(list)
    for kind, records in objects.items():
        for record in records:
            rows[f"stripe__{kind}"].append(landing_row(f"stripe__{kind}", record, version))
            if kind == "invoices":
                rows["stripe__invoice_lines"] += [
                    line_row(line, record, version) for line in record.get("lines", {}).get("data", [])
                ]
    for name, columns in landing_objects().items():
        system, object_name = name.split("__", 1)
        write_empty_file(landing, system, object_name, columns)
        if rows.get(name):
            frame = pl.DataFrame(LandingRows(landing_contract(name), None).table(rows[name]))
            write_batch(landing, system, object_name, "2026-11-27", frame, read_at)


def guests(charges: list[Record]) -> list[tuple[str, str]]:
    """The reference of each guest, who has an address alone, and the customer: what stands before the @."""
    addresses = [
        (record.get("billing_details") or {}).get("email") or record.get("receipt_email")
        for record in charges
        if record.get("customer", "cus") is None
    ]
    return [
        (f"email_{hashlib.sha256(email.encode()).hexdigest()[:24]}", email.split("@")[0])
        for email in sorted({email.lower() for email in addresses if email})
    ]


def built(
    data_dir: Path, objects: dict[str, list[Record]], *more: str, **settings: str
) -> duckdb.DuckDBPyConnection:
    """Land an account, make a customer of each of its own, and run dbt, with more models or truths and settings.

    Returns:
        A connection to the warehouse.
    """
    land(data_dir / "landing", objects)
    warehouse = data_dir / "warehouse.duckdb"
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create schema bronze; create schema silver")
        connection.execute(
            "create table bronze.run_days (as_of_date date)"
        )  # as the bronze step of a run does
        for table, columns in WRITTEN_BY_PYTHON.items():
            connection.execute(f"create table silver.{table} ({columns})")
        connection.executemany(
            "insert into silver.customer_identities by name"
            " select ? as system, ? as object, ? as source_ref, ? as customer_id",
            [("stripe", "customers", customer["id"], customer["id"]) for customer in objects["customers"]]
            + [("marketing", "emails", *guest) for guest in guests(objects["charges"])],
        )
    run_dbt(
        data_dir, "build", "--indirect-selection", "cautious", "--exclude-resource-type", "unit_test",
        "--select", *[f"+{name}" for name in MODELS], *TRUTHS, *more, **settings,
    )  # fmt: skip
    return duckdb.connect(str(warehouse))
