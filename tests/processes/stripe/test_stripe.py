"""Stripe read from a real stateful server, and what it says when a key may not do all."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from documented_stripe import KEY, Account, serving
from localstripe_server import API_KEY, running_localstripe
from localstripe_server import Account as Shop
from stripe_reader import DAY, START, Reader, customers, invoice

from dagster_project.ingest.streams import SourceError
from dagster_project.ingest.stripe.connector import Stripe

OFFERED = {f"stripe__{name}" for name in ("customers", "products", "prices", "subscriptions", "invoices")} | {
    "stripe__invoice_lines",
    "stripe__charges",
    "stripe__refunds",
}


@pytest.fixture(scope="module")
def shop() -> Iterator[tuple[Shop, str]]:
    with running_localstripe() as base:
        account = Shop(base)
        account.subscribe(250)
        yield account, base


@pytest.fixture
def shop_reader(shop: tuple[Shop, str], tmp_path: Path) -> Reader:
    return Reader(shop[1], API_KEY, tmp_path, "stripe__customers")


@pytest.fixture(scope="module")
def landed_shop(shop: tuple[Shop, str], tmp_path_factory: pytest.TempPathFactory) -> tuple[Reader, Any, Any]:
    """Everything on the server, read twice."""
    reader = Reader(shop[1], API_KEY, tmp_path_factory.mktemp("landing"))
    first, files = reader.land(START), reader.files()
    second = reader.land(START + DAY)
    assert reader.files() == files  # nothing new, no file
    return reader, first, second


def test_shop_read_twice_gives_equal_counts_and_no_new_row(landed_shop: tuple[Reader, Any, Any]) -> None:
    _, first, second = landed_shop
    assert {name for name, landed in first.items() if not landed.failure + landed.refused} == OFFERED
    for name in ("customers", "subscriptions", "invoices", "invoice_lines", "charges"):
        landed = first[f"stripe__{name}"]
        assert landed.fetched_row_count == landed.landed_row_count == 250
    assert {landed.rejected_row_count for landed in first.values()} == {0}
    assert {name: landed.fetched_row_count for name, landed in second.items()} == {
        name: landed.fetched_row_count for name, landed in first.items()
    }
    assert sum(landed.landed_row_count for landed in second.values()) == 0


def test_plan_of_an_older_server_is_the_price_of_its_subscriptions_and_lines(
    shop: tuple[Shop, str], landed_shop: tuple[Reader, Any, Any]
) -> None:
    account, reader = shop[0], landed_shop[0]
    assert reader.rows("prices", "id, product, unit_amount") == [(account.plan, account.product, 4900)]
    place = "json_extract_string(items, '$.data[0].price.id')"
    assert set(reader.rows("subscriptions", f"{place}, currency")) == {(account.plan, "usd")}
    lines = reader.rows("invoice_lines", "price, product, type, invoice, amount")
    assert {line[:3] for line in lines} == {(account.plan, account.product, "subscription")}
    bills = reader.rows("invoices", "id, subtotal")
    assert sorted(line[3:] for line in lines) == sorted(bills)


def test_ten_new_customers_are_exactly_ten_more_rows(shop: tuple[Shop, str], shop_reader: Reader) -> None:
    before = shop_reader.land(START)["stripe__customers"].landed_row_count
    new = [shop[0].client.customers.create({"name": f"New {number}"}).id for number in range(10)]
    assert shop_reader.land(START + DAY)["stripe__customers"].landed_row_count == 10
    assert len(shop_reader.rows("customers")) == before + 10
    assert {key for (key,) in shop_reader.rows("customers", "id", "name like 'New %'")} == set(new)


def test_update_and_deletion_show_up_on_a_server_without_usable_events(
    shop: tuple[Shop, str], shop_reader: Reader, caplog: pytest.LogCaptureFixture
) -> None:
    client = shop[0].client.customers
    moved, left = (client.create({"name": name, "email": "a@example.com"}).id for name in ("Moved", "Left"))
    shop_reader.land(START)
    client.update(moved, {"email": "b@example.com"})
    client.delete(left)
    with caplog.at_level(logging.WARNING):
        landed = shop_reader.land(START + DAY)["stripe__customers"]
    assert landed.landed_row_count == 2
    what = "email, deleted, event_created"
    assert shop_reader.rows("customers", what, f"id = '{moved}'") == [
        ("a@example.com", None, START),
        ("b@example.com", None, START + DAY),
    ]
    assert shop_reader.rows("customers", what, f"id = '{left}'") == [
        ("a@example.com", None, START),
        ("a@example.com", True, START + DAY),
    ]
    assert len([line for line in caplog.messages if "Without events" in line]) == 1


def test_first_read_that_was_stopped_goes_on_where_it_was(shop_reader: Reader) -> None:
    stopped = shop_reader.land(START, batch_rows=1, page_limit=2)["stripe__customers"]
    assert stopped.landed_row_count == 200
    assert "more than 2 pages" in stopped.failure
    resumed = shop_reader.land(START + 60)["stripe__customers"]
    assert resumed.api_call_count == 1
    keys = shop_reader.rows("customers", "id")
    assert len(keys) == len(set(keys)) == 200 + resumed.fetched_row_count
    assert shop_reader.land(START + DAY)["stripe__customers"].landed_row_count == 0


@pytest.fixture
def account() -> Account:
    return Account(now=START - DAY)


@pytest.fixture
def reader(account: Account, tmp_path: Path) -> Iterator[Reader]:
    with serving(account) as base:
        yield Reader(base, KEY, tmp_path)


def test_links_that_open_without_a_password_are_never_landed(account: Account, reader: Reader) -> None:
    reader.object_names = ("stripe__invoices",)
    invoice(account, "in_1", [100])
    reader.land(START)
    assert all(b"invoice.example.com" not in path.read_bytes() for path in reader.folder.rglob("*.parquet"))
    assert "invoice.example.com" not in str(reader.rows("invoices"))


def test_all_items_of_a_subscription_are_read_also_those_that_it_does_not_carry_itself(
    account: Account, reader: Reader
) -> None:
    reader.object_names = ("stripe__subscriptions",)
    for count in (10, 13):
        items = [
            {"id": f"si_{count}_{number}", "object": "subscription_item", "quantity": number, "price": {"id": "p"}}
            for number in range(count)
        ]  # fmt: skip
        account.create(
            "subscription", f"sub_{count}", customer="cus_1", status="active", currency="usd", items=items
        )
    reader.land(START)
    assert reader.rows("subscriptions", "id, len(json_extract(items, '$.data[*]'))") == [
        ("sub_13", 13),
        ("sub_10", 10),
    ]
    assert account.paths().count("/v1/subscription_items") == 1


def test_all_payments_of_an_invoice_in_newer_words_are_read(account: Account, reader: Reader) -> None:
    reader.object_names = ("stripe__invoices",)
    for count in (10, 13):
        payments = [
            {"id": f"inpay_{number}", "object": "invoice_payment", "status": "paid", "amount_paid": 1,
             "payment": {"type": "charge", "charge": f"ch_{number}"}}
            for number in range(count)
        ]  # fmt: skip
        invoice(account, f"in_{count}", [count], payments=payments)
    invoice(account, "in_pinned", [1], charge="ch_1")
    reader.land(START)
    found = reader.rows("invoices", "id, len(json_extract(payments, '$.data[*]'))")
    assert found == [("in_pinned", None), ("in_13", 13), ("in_10", 10)]
    assert account.paths().count("/v1/invoice_payments") == 1


def test_key_without_a_permission_is_told_which_and_the_others_go_on(
    account: Account, reader: Reader
) -> None:
    reader.object_names = (
        "stripe__customers",
        "stripe__charges",
        "stripe__products",
    )
    customers(account, 1)
    account.refusals["/v1/charges"] = 403
    landed = reader.land(START)
    assert "read Charges" in landed["stripe__charges"].refused
    assert landed["stripe__customers"].landed_row_count == 1
    assert landed["stripe__products"].failure + landed["stripe__products"].refused == ""
    probes = reader.probe()
    assert probes["stripe__customers"].newest == "2026-02-28 02:00:00"
    assert not probes["stripe__charges"].is_visible
    assert KEY not in str(landed) + str(probes)


def test_key_that_may_not_read_events_reads_everything_again(
    account: Account, reader: Reader, caplog: pytest.LogCaptureFixture
) -> None:
    reader.object_names = (
        "stripe__customers",
        "stripe__products",
    )
    customers(account, 5)
    account.refusals["/v1/events"] = 403
    reader.land(START)
    account.update("customer", "cus_0001", email="new@example.com")
    account.delete("customer", "cus_0002")
    with caplog.at_level(logging.WARNING):
        landed = reader.land(START + DAY)["stripe__customers"]
    assert (landed.landed_row_count, landed.failure + landed.refused) == (2, "")
    assert len(caplog.messages) == 1
    assert "Events" in caplog.messages[0]
    assert KEY not in caplog.text


def test_wrong_key_stops_everything_and_names_its_setting(account: Account, tmp_path: Path) -> None:
    with serving(account) as base:
        reader = Reader(base, "sk_live_wrong_key", tmp_path)
        landed = reader.land(START)
        assert list(landed) == list(Stripe.objects)
        assert all("CUSTINT_STRIPE_API_KEY" in result.failure for result in landed.values())
        assert account.paths() == ["/v1/customers"]
        with pytest.raises(SourceError, match="CUSTINT_STRIPE_API_KEY") as raised:
            reader.probe()
    assert "sk_live_wrong_key" not in str(raised.value) + str(landed)
