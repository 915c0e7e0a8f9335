"""What bronze has and no table above it: junk of vendors is counted, and each row has its reason.

Every party is a customer of its own here. Not here: files through the whole job (`tests/pipeline/test_times.py`).
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from dbt_in_process import run_dbt

from dagster_project.contracts import landing_objects
from dagster_project.ingest.landing import write_batch, write_empty_file

POLARS_TYPES = {"VARCHAR": pl.String, "BIGINT": pl.Int64, "DOUBLE": pl.Float64, "BOOLEAN": pl.Boolean}
FIRST, SECOND = dt.datetime(2026, 10, 1, 6), dt.datetime(2026, 10, 2, 6)
UNIX = 1_790_000_000  # 2026-09-21
MOMENT = "2026-09-21T10:00:00Z"
INVOICE = {
    "customer": "cus1", "status": "paid", "currency": "usd", "total": 500, "amount_paid": 500,
    "amount_remaining": 0, "created": UNIX, "event_created": UNIX,
}  # fmt: skip
LINE = {
    "type": "invoiceitem",
    "amount": 500,
    "currency": "usd",
    "quantity": 1,
    "created": UNIX,
    "event_created": UNIX,
}
CHARGE = {
    "customer": "cus1",
    "status": "succeeded",
    "currency": "usd",
    "amount": 500,
    "created": UNIX,
    "event_created": UNIX,
}
REFUND = {"status": "succeeded", "currency": "usd", "amount": 100, "created": UNIX, "event_created": UNIX}
SUBSCRIPTION = {
    "customer": "cus1", "status": "active", "currency": "usd", "created": UNIX, "event_created": UNIX,
    "items": '{"data": [{"price": {"id": "p1", "product": "pr1", "unit_amount": 4950}, "quantity": 3}]}',
}  # fmt: skip
TICKET = {"requester_id": 7, "status": "open", "created_at": MOMENT, "updated_at": MOMENT}
USER = {"role": "end-user", "created_at": MOMENT, "updated_at": MOMENT}
EVENT = {"workspace_id": "w1", "event_name": "open", "occurred_at": MOMENT, "received_at": MOMENT}
DELIVERED: dict[str, list[dict[str, Any]]] = {
    "stripe__invoices": [
        INVOICE | {"id": "paid"}, INVOICE | {"id": "paid", "status": "open", "event_created": UNIX - 9},
        INVOICE | {"id": "draft", "status": "draft"}, INVOICE | {"id": "ahead", "created": UNIX + 10 * 86_400},
    ],
    "stripe__invoice_lines": [LINE | {"id": "l1", "invoice": "paid"}, LINE | {"id": "l2", "invoice": "draft"}],
    "stripe__charges": [CHARGE | {"id": "ch1", "invoice": "paid"}],
    "stripe__refunds": [
        REFUND | {"id": "r1", "charge": "ch1"}, REFUND | {"id": "r2", "charge": "ch1", "status": "failed"},
        REFUND | {"id": "r3", "charge": "unread"},
    ],
    "stripe__subscriptions": [
        SUBSCRIPTION | {"id": "s1", "start_date": UNIX},
        SUBSCRIPTION | {"id": "s2", "start_date": UNIX, "ended_at": UNIX - 1, "status": "canceled"},
    ],
    "zendesk__tickets": [TICKET | {"id": 1}, TICKET | {"id": 2, "status": "deleted"}],
    "zendesk__users": [USER | {"id": 7}, USER | {"id": 77}, USER | {"id": 78, "role": "agent"}],
    "zendesk__ticket_events": [
        {"id": "1", "ticket_id": 1, "type": "change", "field_name": "status", "previous_value": "open",
         "value": "solved", "author_id": 77, "created_at": MOMENT},
    ],
    "product__events": [
        EVENT | {"event_id": "e1"}, EVENT | {"event_id": "e1"}, EVENT | {"event_id": "e1", "event_name": "close"},
        EVENT | {"event_id": "e1", "occurred_at": "2026-10-01T00:00:00Z", "received_at": "2026-10-01T00:00:00Z"},
    ],
}  # fmt: skip
VISIT = {"customer_ref": "c1", "occurred_at": MOMENT}
DELIVERED |= {
    "files__visits": [VISIT | {"visit_ref": "v1"}, VISIT | {"visit_ref": "v2", "occurred_at": "2026-10-01"}],
    "files__loyalty_events": [
        VISIT | {"event_ref": "e1", "kind": "earn", "points": "5"},
        VISIT | {"event_ref": "e2", "kind": "earn", "points": "5", "occurred_at": "2026-10-01T00:00:00Z"},
    ],
    "files__products": [{"product_ref": "p1", "name": "Green tea"}, {"product_ref": "p2"}],
}
LATER = {"product__events": [EVENT | {"event_id": "late", "occurred_at": "2026-08-01T00:00:00Z"}]}
LEFT_OUT = [
    ("events", "*", "a newer version of the record has replaced it, or it was delivered twice", 1),
    ("events", "e1:2026-10-01 00:00:00:open", "it happened after the day of the run", 1),
    ("events", "late:2026-08-01 00:00:00:open", "it arrived too late to change history", 1),
    ("invoice_lines", "draft:l2", "its transaction is not there", 1),
    ("invoices", "*", "a newer version of the record has replaced it, or it was delivered twice", 1),
    ("invoices", "ahead", "it happened after the day of the run", 1),
    ("invoices", "draft", "a draft is no bill yet", 1),
    ("loyalty_events", "e2", "it happened after the day of the run", 1),
    ("refunds", "r2", "it has not been paid out", 1),
    ("refunds", "r3", "its charge is not there", 1),
    ("subscriptions", "s2", "it ends before it begins", 1),
    ("tickets", "2", "the source has deleted it", 1),
    ("users", "77", "it belonged to us once and is no customer", 1),
    ("users", "78", "it belongs to us and is no customer", 1),
    ("visits", "v2", "it happened after the day of the run", 1),
]


def land(
    data_dir: Path, batch: str, loaded_at: dt.datetime, delivered: Mapping[str, Sequence[dict[str, Any]]]
) -> None:
    for name, rows in delivered.items():
        schema = {field: POLARS_TYPES[kind] for field, kind in landing_objects()[name].items()}
        frame = pl.DataFrame([{field: row.get(field) for field in schema} for row in rows], schema=schema)
        write_batch(data_dir / "landing", *name.split("__", 1), batch, frame, loaded_at)


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    """Two loads, each party a customer, and the tables above bronze as of the last day of September."""
    data_dir = tmp_path_factory.mktemp("junk")
    for name, columns in landing_objects().items():
        write_empty_file(data_dir / "landing", *name.split("__", 1), columns)
    settings = {"CUSTINT_RUN_AS_OF_DATE": "2026-09-30", "CUSTINT_LATE_ARRIVAL_DAYS": "30"}
    land(data_dir, "2026-09-30", FIRST, DELIVERED)
    run_dbt(data_dir, "seed", **settings)
    run_dbt(data_dir, "run", "-s", "tag:before_identity", **settings)
    land(data_dir, "2026-10-01", SECOND, LATER)
    run_dbt(data_dir, "run", "-s", "tag:before_identity", **settings)
    with duckdb.connect(str(data_dir / "warehouse.duckdb")) as connection:
        connection.execute("""
            create table silver.customer_identities as
            select distinct system, object, source_ref, system || source_ref as customer_id from silver.parties;
            create table silver.ticket_sentiments (system text, ticket_ref text, polarity double)""")
    run_dbt(data_dir, "run", "-s", "+data_intake", "--exclude", "tag:before_identity", **settings)
    return duckdb.connect(str(data_dir / "warehouse.duckdb"), read_only=True)


def test_every_row_that_is_left_out_has_its_reason(warehouse: duckdb.DuckDBPyConnection):
    query = "select object, source_ref, reason, row_count from gold.left_out_rows order by all"
    assert warehouse.execute(query).fetchall() == LEFT_OUT


def test_rows_in_bronze_are_rows_that_reached_gold_and_rows_left_out(warehouse: duckdb.DuckDBPyConnection):
    query = """
        select system || '__' || object, kept_row_count, reached_row_count, left_out_row_count
        from gold.data_intake where landed_row_count > 0"""
    found = {name: counts for name, *counts in warehouse.execute(query).fetchall()}
    for name in DELIVERED:
        kept = len(DELIVERED[name]) + len(LATER.get(name, ()))
        left_out = sum(count for object_name, *_, count in LEFT_OUT if object_name == name.split("__")[1])
        assert found[name] == [kept, kept - left_out, left_out], name
