"""What of Stripe is read again, and what is found to be gone: by its events, and by the whole list."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from documented_stripe import KEY, Account, serving
from stripe_reader import DAY, START, Reader, customers, invoice


@pytest.fixture
def account() -> Account:
    return Account(now=START - DAY)


@pytest.fixture
def reader(account: Account, tmp_path: Path) -> Iterator[Reader]:
    with serving(account) as base:
        yield Reader(base, KEY, tmp_path)


def test_only_what_events_name_is_fetched(account: Account, reader: Reader) -> None:
    reader.object_names = ("stripe__customers",)
    customers(account, 250)
    account.now = START
    reader.land(START)
    account.now = START + 5000
    account.update("customer", "cus_0007", email="seven@example.com")
    account.now = START + 6000
    account.update("customer", "cus_0007", email="eight@example.com")
    account.create("customer", "cus_9999", name="New")
    account.requests.clear()
    landed = reader.land(START + DAY)["stripe__customers"]
    events = account.requests[0]
    assert events[0] == "/v1/events"
    assert events[1]["types[]"] == ["customer.created", "customer.updated", "customer.deleted"]
    assert events[1]["created[gte]"] == [str(START - 600)]
    assert account.paths()[1:] == ["/v1/customers/cus_0007", "/v1/customers/cus_9999"]
    assert (landed.fetched_row_count, landed.landed_row_count, landed.api_call_count) == (2, 2, 3)
    assert reader.rows("customers", "email, event_created", "id = 'cus_0007'")[-1] == (
        "eight@example.com",
        START + 6000,
    )


def test_nothing_new_is_one_call_and_no_file_until_the_cursor_is_a_week_old(
    account: Account, reader: Reader
) -> None:
    reader.object_names = ("stripe__customers",)
    customers(account, 3)
    reader.land(START)
    files = reader.files()
    landed = reader.land(START + 6 * DAY)["stripe__customers"]
    assert (landed.api_call_count, landed.cursor_after) == (1, landed.cursor_before)
    assert reader.files() == files
    moved = reader.land(START + 8 * DAY)["stripe__customers"]
    assert moved.landed_row_count == 0
    assert f"since {START + 8 * DAY}" in moved.cursor_after


def test_second_change_in_the_same_second_is_a_newer_version(account: Account, reader: Reader) -> None:
    reader.object_names = ("stripe__customers",)
    customers(account, 3)
    account.now = START + 100
    reader.land(START + 100)
    account.update("customer", "cus_0001", email="one@example.com")
    reader.land(START + 101)
    account.update("customer", "cus_0001", email="two@example.com")
    reader.land(START + 102)
    versions = reader.rows("customers", "email, event_created", "id = 'cus_0001'")
    assert [email for email, _ in versions] == [None, "one@example.com", "two@example.com"]
    assert len({second for _, second in versions}) == 3
    assert [second for _, second in versions] == sorted(second for _, second in versions)


def test_events_beyond_the_first_page_count(account: Account, reader: Reader) -> None:
    reader.object_names = ("stripe__customers",)
    customers(account, 300)
    account.now = START
    reader.land(START)
    account.now = START + 1000
    account.update("customer", "cus_0001", email="early@example.com")
    for number in range(250):
        account.update("customer", "cus_0002", email=f"{number}@example.com")
    account.requests.clear()
    assert reader.land(START + DAY)["stripe__customers"].landed_row_count == 2
    assert account.paths() == ["/v1/events"] * 3 + ["/v1/customers/cus_0001", "/v1/customers/cus_0002"]


def test_when_most_have_changed_the_list_is_read_and_the_events_still_say_when(
    account: Account, reader: Reader
) -> None:
    reader.object_names = ("stripe__customers",)
    customers(account, 250)
    account.now = START
    reader.land(START)
    for number in range(100):
        account.now = START + 1000 + number
        account.update("customer", f"cus_{number:04d}", email="new@example.com")
    account.delete("customer", "cus_0249")
    account.requests.clear()
    landed = reader.land(START + DAY)["stripe__customers"]
    assert landed.landed_row_count == 101
    assert account.paths() == ["/v1/events"] * 2 + ["/v1/customers"] * 3 + ["/v1/customers/cus_0249"]
    seconds = reader.rows("customers", "event_created", f"event_created > {START} and not deleted is true")
    assert seconds == [(START + 1000 + number,) for number in reversed(range(100))]
    assert reader.rows("customers", "name, event_created", "deleted") == [("Customer 249", START + 1099)]


def test_what_is_deleted_keeps_its_last_words(account: Account, reader: Reader) -> None:
    reader.object_names = (
        "stripe__customers",
        "stripe__products",
        "stripe__prices",
    )
    customers(account, 2)
    account.create("product", "prod_1", name="Growth", metadata={"plan_tier": "Growth"}, active=True)
    price = {"product": "prod_1", "currency": "usd", "unit_amount": 100, "recurring": {"interval": "month"}}
    account.create("price", "price_1", **price)
    reader.land(START)
    account.now = START + 100
    account.delete("customer", "cus_0000")
    account.delete("product", "prod_1")
    account.delete("price", "price_1")
    account.create("customer", "cus_brief", name="Brief")
    account.delete("customer", "cus_brief")
    account.now = START + DAY
    reader.land(START + DAY)
    what = "id, name, created, deleted, event_created"
    assert reader.rows("customers", what, "deleted") == [
        ("cus_0000", "Customer 0", START - DAY, True, START + 100),
        ("cus_brief", "Brief", START + 100, True, START + 100),
    ]
    assert reader.rows("products", "name, metadata", "deleted") == [("Growth", '{"plan_tier":"Growth"}')]
    gone = "json_extract(extra, '$.deleted')"
    assert reader.rows("prices", f"unit_amount, recurring, {gone}")[1:] == [
        (100, '{"interval":"month"}', "true")
    ]
    again = reader.land(START + DAY + 60)
    assert sum(landed.landed_row_count for landed in again.values()) == 0


def test_after_a_gap_of_more_than_29_days_everything_is_read_and_the_gone_are_found(
    account: Account, reader: Reader
) -> None:
    reader.object_names = ("stripe__customers",)
    customers(account, 120)
    account.now = START
    reader.land(START)
    account.now = START + DAY
    account.update("customer", "cus_0003", email="new@example.com")
    account.delete("customer", "cus_0004")
    account.now = START + 40 * DAY
    account.requests.clear()
    landed = reader.land(START + 40 * DAY, full_read_days=365)["stripe__customers"]
    assert landed.landed_row_count == 2
    assert account.paths() == ["/v1/customers"] * 2 + ["/v1/customers/cus_0004"]
    assert f"full {START + 40 * DAY}" in landed.cursor_after


def test_full_read_is_repeated_after_its_days(account: Account, reader: Reader) -> None:
    reader.object_names = ("stripe__customers",)
    customers(account, 1)
    reader.land(START)
    account.objects["customer"]["cus_0000"]["email"] = "no event told of it"
    assert reader.land(START + 4 * DAY, full_read_days=5)["stripe__customers"].landed_row_count == 0
    assert reader.land(START + 5 * DAY, full_read_days=5)["stripe__customers"].landed_row_count == 1


def test_stopped_first_read_whose_last_row_was_deleted_begins_anew(account: Account, reader: Reader) -> None:
    reader.object_names = ("stripe__customers",)
    customers(account, 250)
    account.now = START
    assert reader.land(START, batch_rows=1, page_limit=1)["stripe__customers"].landed_row_count == 100
    account.delete("customer", "cus_0150")  # the last row of the page
    account.now = START + 60
    resumed = reader.land(START + 60)["stripe__customers"]
    assert (resumed.landed_row_count, resumed.repeated_row_count, resumed.failure) == (150, 99, "")
    account.now = START + 120
    reader.land(START + 120)
    newest = "true qualify row_number() over (partition by id order by event_created desc) = 1"
    alive = {key for key, deleted in reader.rows("customers", "id, deleted", newest) if not deleted}
    assert alive == set(account.objects["customer"])


def test_new_refund_is_found_though_no_event_tells_of_it(account: Account, reader: Reader) -> None:
    reader.object_names = ("stripe__refunds",)
    reader.land(START)
    account.now = START + 100
    account.create("refund", "re_1", charge="ch_1", status="succeeded", currency="usd", amount=5, reason=None)
    account.events.clear()
    account.now = START + DAY
    reader.land(START + DAY)
    assert reader.rows("refunds", "id, event_created") == [("re_1", START + 100)]


def test_all_lines_of_a_long_invoice_are_landed_and_yen_stay_as_delivered(
    account: Account, reader: Reader
) -> None:
    reader.object_names = ("stripe__invoices",)
    invoice(account, "in_long", list(range(1, 251)))
    invoice(account, "in_short", [500])
    landed = reader.land(START)
    assert landed["stripe__invoice_lines"].landed_row_count == 251
    assert landed["stripe__invoices"].api_call_count == 4  # the list, and three pages of lines
    lines = reader.rows("invoice_lines", "amount, invoice, price, product, created", "invoice = 'in_long'")
    assert sum(row[0] for row in lines) == 125 * 251
    assert {row[1:] for row in lines} == {("in_long", "price_1", "prod_1", START - DAY)}
    assert reader.rows("invoices", "total", "id = 'in_short'") == [(500,)]


def test_line_that_a_draft_lost_bills_nothing_any_more(account: Account, reader: Reader) -> None:
    reader.object_names = ("stripe__invoices",)
    invoice(account, "in_1", [700, 300])
    account.objects["invoice"]["in_1"]["status"] = "draft"
    reader.land(START)
    account.now = START + 100
    lines = account.objects["invoice"]["in_1"]["lines"]
    account.update("invoice", "in_1", lines=lines[:1], subtotal=700, status="open")
    account.now = START + DAY
    reader.land(START + DAY)
    newest = "true qualify row_number() over (partition by id order by event_created desc) = 1"
    assert reader.rows("invoice_lines", "id, amount, event_created", newest) == [
        ("il_in_1_0000", 700, START),
        ("il_in_1_0001", 0, START + 100),
    ]
