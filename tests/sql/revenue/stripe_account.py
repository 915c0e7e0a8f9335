"""A Stripe account as its API gives it, from landing to the published statements, in one dbt run.

Objects are written here as Stripe's reference shows them and go through the connector's own shapes. Not here: what is
right (`test_stripe_accounts`).
"""

import datetime as dt
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
    "fct_transactions", "fct_payments", "fct_transaction_lines", "fct_subscription_periods", "revenue_monthly",
    "revenue_reconciliation", "customer_mrr_monthly", "subscription_versions",
)  # fmt: skip
TRUTHS = (
    "assert_transaction_lines_add_up", "assert_billed_is_settled", "assert_revenue_reconciliation_ties_out",
    "assert_mrr_bridge_ties_out", "assert_month_end_mrr_equals_subscription_periods",
    "assert_subscription_periods_are_contiguous", "assert_no_billed_revenue_is_unexplained",
)  # fmt: skip
Record = dict[str, Any]


def seconds(*day: int) -> int:
    """A day as Stripe writes a moment: unix seconds of its midnight, UTC."""
    return int(dt.datetime(*day, tzinfo=dt.UTC).timestamp())  # type: ignore[misc]


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


def built(data_dir: Path, objects: dict[str, list[Record]]) -> duckdb.DuckDBPyConnection:
    """Land an account, make a customer of each of its own, and run dbt; a connection to the warehouse."""
    land(data_dir / "landing", objects)
    warehouse = data_dir / "warehouse.duckdb"
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create schema silver")
        connection.execute(
            "create table silver.customer_identities"
            " (system varchar, object varchar, source_ref varchar, customer_id varchar)"
        )
        connection.execute(
            "create table silver.ticket_sentiments (system varchar, ticket_ref varchar, polarity double)"
        )
        connection.executemany(
            "insert into silver.customer_identities values ('stripe', 'customers', ?, ?)",
            [(customer["id"], customer["id"]) for customer in objects["customers"]],
        )
    run_dbt(
        data_dir, "build", "--indirect-selection", "empty", "--exclude-resource-type", "unit_test",
        "--select", *[f"+{name}" for name in MODELS], *TRUTHS,
    )  # fmt: skip
    return duckdb.connect(str(warehouse))
