"""Drafts of mappings: what is guessed of files that shop systems write, and that the draft lands."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import duckdb
import polars as pl
import pytest

from dagster_project.__main__ import main
from dagster_project.ingest.files.draft import draft_mapping
from dagster_project.ingest.files.drop import FileDropError, land_file_drop
from dagster_project.ingest.landing import newest_batch
from dagster_project.settings import settings

ORDERS = """\
Order ID;Customer Name;Customer ID;Created at;Total;Currency;Payment Method
1001;Ann;7;2026-09-01;12,50;EUR;card
"""


@pytest.fixture
def inbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("CUSTINT_DATA_DIR", str(tmp_path))
    settings.cache_clear()
    folder = tmp_path / "inbox"
    folder.mkdir()
    yield folder
    settings.cache_clear()


def landed(inbox: Path, object_name: str) -> list[dict[str, object]]:
    land_file_drop(inbox, inbox.parent / "landing", dt.datetime(2026, 10, 1, 6), "USD")
    path = newest_batch(inbox.parent / "landing", "files", object_name)
    assert path is not None
    return pl.read_parquet(path).to_dicts()


@pytest.mark.parametrize(
    ("name", "header", "object_name", "found"),
    [
        (
            "orders_export",
            "Order ID,Customer ID,Created at,Total",
            "transactions",
            "Order ID,Customer ID,Total",
        ),
        (
            "umsatz",
            "Rechnungsnummer,Kundennummer,Rechnungsdatum,Gesamtbetrag",
            "transactions",
            "Gesamtbetrag",
        ),
        ("x", "orderId,customerId,orderDate,totalAmount", "transactions", "orderId,totalAmount"),
        (
            "clients",
            "Client ID,Company,E-Mail,Signup date",
            "customers",
            "Client ID,Company,E-Mail,Signup date",
        ),
        ("support", "case_id,account_id,submitted_at,Subject", "tickets", "case_id,account_id,submitted_at"),
        (
            "order_items",
            "order_id,position,sku,qty,unit price",
            "transaction_lines",
            "position,sku,qty,unit price",
        ),
        ("usage_log", "event_id,account_id,timestamp,event", "usage_events", "timestamp,event"),
    ],
)
def test_the_object_and_its_columns_are_guessed_by_names(inbox, name, header, object_name, found):
    (inbox / f"{name}.csv").write_text(header + "\n" + ",".join("1" for _ in header.split(",")))
    draft = draft_mapping(inbox / f"{name}.csv")
    assert (draft.object_name, draft.missing) == (object_name, ())
    assert all(f'"{column}" as ' in draft.sql for column in found.split(","))


@pytest.mark.parametrize("kind", ["csv", "parquet", "ndjson", "titled.csv"])
def test_a_draft_without_questions_lands_as_it_is(inbox, kind):
    path = inbox / f"shop_orders.{kind}"
    if kind == "csv":
        path.write_text(ORDERS)
    elif kind == "titled.csv":
        path.write_text("Export\n" + ORDERS)
    else:
        (inbox.parent / "orders.csv").write_text(ORDERS)
        form = {"parquet": "parquet", "ndjson": "json"}[kind]
        duckdb.execute(
            f"copy (from read_csv('{inbox.parent / 'orders.csv'}', all_varchar = true)) to '{path}' (format {form})"
        )
    draft = draft_mapping(path)
    (inbox / f"{draft.object_name}.sql").write_text(draft.sql)
    (row,) = landed(inbox, "transactions")
    assert [row[name] for name in ("transaction_ref", "customer_ref", "occurred_at", "amount", "currency")] == [
        "1001", "7", "2026-09-01", "12.50", "EUR",
    ]  # fmt: skip
    assert row["extra"] == '{"Customer Name":"Ann"}'


def test_an_inbox_of_other_names_is_refused_with_the_mapping_to_write(inbox):
    (inbox / "orders_export.csv").write_text(ORDERS)
    with pytest.raises(FileDropError) as caught:
        landed(inbox, "transactions")
    told = caught.value.problems[1]
    assert told.startswith(
        f"orders_export.csv looks like transactions: `make map FILE={inbox / 'orders_export.csv'}`"
    )
    assert '"Total" as amount' in told


def test_the_command_saves_a_draft_where_nothing_is_in_its_place(inbox, capsys):
    path = inbox / "orders_export.csv"
    path.write_text(ORDERS)
    assert main(["map", str(path)]) == 0
    assert "Saved as" in capsys.readouterr().out
    assert landed(inbox, "transactions")[0]["amount"] == "12.50"
    (inbox / "transactions.sql").write_text("select 1 as mine")
    assert main(["map", str(path)]) == 0
    assert "Not saved: transactions.sql is in its place" in capsys.readouterr().out
    assert (inbox / "transactions.sql").read_text() == "select 1 as mine"


def test_a_required_column_that_is_not_found_is_a_question_and_nothing_is_saved(inbox, capsys):
    path = inbox / "orders_export.csv"
    path.write_text(ORDERS.replace("Total", "X"))
    assert main(["map", str(path)]) == 0
    printed = capsys.readouterr().out
    assert "??? as amount" in printed
    assert "Not saved: put a column or a value for each ???" in printed
    assert list(inbox.iterdir()) == [path]
    (inbox / "transactions.sql").write_text(draft_mapping(path).sql)
    with pytest.raises(FileDropError) as caught:
        landed(inbox, "transactions")
    assert "it still has ???" in caught.value.problems[0]


@pytest.mark.parametrize(("name", "content"), [("a.csv", "x,y\n1,2\n"), ("a.txt", "x"), ("absent.csv", None)])
def test_what_cannot_be_drafted_is_told(inbox, capsys, name, content):
    if content is not None:
        (inbox / name).write_text(content)
    assert main(["map", str(inbox / name)]) == 1
    assert name in capsys.readouterr().err
