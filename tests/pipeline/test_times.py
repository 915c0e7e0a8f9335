"""A company whose clocks, dates and ids are partly wrong, through the whole job: what is published, what is named.

Customers older and younger than all that they did, contacts without a date, events of 1970, of years ahead and of
nobody. Not here: each rule by itself (`tests/sql/bronze`).
"""

import datetime as dt
import json
import os
from pathlib import Path

import pytest
from workspace import Workspace

DAY = dt.date(2026, 9, 30)
FILES = {
    "customers.csv": """customer_ref,name,kind,created_at
c1,Anna Able,person,2024-05-01
c2,Ben Baker,person,2024-06-01
c3,Cora Clay,person,1970-01-01
c4,Dan Dole,person,2026-09-29
c5,Eve Eden,person,2031-01-01
""",
    "contacts.csv": """contact_ref,customer_ref,name,email
k1,c1,Max Muster,max@acme-k.example
k2,stranger,Ida Idle,ida@idle.example
""",
    "transactions.csv": """transaction_ref,customer_ref,occurred_at,amount
t1,c1,2026-01-10,10.00
t2,c2,2026-02-10,20.00
t3,c1,2026-03-10,30.00
ahead,c1,2031-01-01,40.00
epoch,c2,1970-01-01,50.00
after the run,c2,2026-10-02,60.00
""",
    "transaction_lines.csv": """transaction_ref,line_number,product_ref,quantity,unit_price_amount
t1,1,p1,1,10.00
nowhere,1,p1,1,10.00
epoch,1,p1,1,50.00
""",
    "subscriptions.csv": """subscription_ref,customer_ref,started_at,ended_at,mrr_amount
s1,c1,2026-02-01,,10.00
s2,c2,2026-02-01,2026-01-01,10.00
s3,c2,2026-02-01,2026-02-01,10.00
""",
    "tickets.csv": """ticket_ref,customer_ref,opened_at
k1,c1,2026-09-30T23:59:59Z
k2,c1,2026-10-01T00:00:00Z
""",
    "consents.csv": """customer_ref,purpose,is_granted,recorded_at
c1,news,yes,2026-02-01
""",
}


def event(
    number: int, occurred_at: str, user: str | None, device: str | None, **fields: str
) -> dict[str, object]:
    return {
        "messageId": f"m{number}", "type": "track", "event": "v", "userId": user, "anonymousId": device,
        "context": {"groupId": "w2"}, "timestamp": occurred_at, "receivedAt": "2026-09-12T17:00:00Z", **fields,
    }  # fmt: skip


EVENTS = [
    event(0, "2026-09-12T10:00:00Z", None, "devA"),
    event(1, "2026-09-12T11:00:00Z", "B", "devA"),
    event(2, "2026-09-12T12:00:00Z", "C", "devA"),
    event(3, "2026-09-12T13:00:00Z", "undefined", "x1"),
    event(4, "2026-09-12T14:00:00Z", "null", "x2"),
    event(5, "2026-09-12T15:00:00Z", None, "000000000000"),
    event(6, "2026-09-12T16:00:00Z", None, "000000000000"),
    event(7, "2031-01-01T00:00:00Z", "K", None),
    event(8, "1970-01-01T00:00:00Z", "K", None),
    event(9, "1789207200000", "B", "devA"),  # 10:00 in milliseconds
    event(10, "2003-01-01T00:00:00Z", None, "devOld"),  # believed, but no begin of anything
    event(1, "2026-09-12T11:30:00Z", "B", "devA"),  # another event of one id
    event(2, "2026-09-12T12:00:00Z", "C", "devA"),  # delivered twice
]


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """One run for the last day of September."""
    data_dir = tmp_path_factory.mktemp("clocks")
    events: Path = data_dir / "events in"
    for folder in (data_dir / "inbox", events):
        folder.mkdir()
    for name, text in FILES.items():
        (data_dir / "inbox" / name).write_text(text)
    (events / "events.ndjson").write_text("\n".join(json.dumps(row) for row in EVENTS))
    os.utime(events / "events.ndjson", (1_790_000_000, 1_790_000_000))
    workspace = Workspace(data_dir, CUSTINT_SOURCES="files,events", CUSTINT_EVENTS_PATH=str(events))
    workspace.run_well(CUSTINT_AS_OF_DATE=DAY.isoformat())
    return workspace


def test_every_published_day_ends_with_the_day_of_the_run(company: Workspace):
    assert company.query("select max(date) from gold.fct_customer_daily") == [(DAY,)]
    assert company.query("select max(usage_date) from gold.usage_activity_daily") == [(DAY,)]
    clocks = {
        "fct_transactions": "occurred_at", "fct_tickets": "opened_at", "fct_sessions": "ended_at",
        "fct_interactions": "occurred_at",
    }  # fmt: skip
    for table, clock in clocks.items():
        ((last,),) = company.query(f"select max({clock}) from gold.{table}")
        assert dt.datetime(2026, 1, 1) < last < dt.datetime(2026, 10, 1), table


def test_the_calendar_holds_every_day_of_customers_who_came_before_all_that_they_did(company: Workspace):
    ((first, count),) = company.warehouse(
        "select min(date), count(*) from gold.fct_customer_daily where customer_id = "
        "(select customer_id from gold.dim_customer where name = 'Anna Able')"
    )
    assert (first, count) == (DAY - dt.timedelta(days=399), 400)
    assert company.query(
        "select count(*) from gold.fct_customer_daily anti join gold.dim_date using (date)"
    ) == [(0,)]
    assert company.query("select count(*) from gold.customer_rfm where status = 'scored'") == [(2,)]


def test_a_date_that_is_missing_or_cannot_be_has_a_stand_in(company: Workspace):
    """The contact's is its customer's, the customer's without one the day before the load; neither is lost."""
    assert company.warehouse(
        "select min(valid_from) from silver.profile_versions where source_ref = 'k1'"
    ) == [(dt.datetime(2024, 5, 1),)]
    ((loaded_at,),) = company.warehouse("select max(_loaded_at) from bronze.files__customers")
    before_the_load = loaded_at.date() - dt.timedelta(days=1)
    dates = dict(company.warehouse("select name, customer_since_date from gold.dim_customer"))
    assert dates["Dan Dole"] == dt.date(2026, 9, 29)
    assert (dates["Cora Clay"], dates["Eve Eden"]) == (before_the_load, before_the_load)
    assert dates["Ida Idle"] == before_the_load


def test_an_event_of_1970_or_of_a_clock_years_behind_makes_nothing_older(company: Workspace):
    assert company.warehouse("select first_date, oldest_date from silver.data_window") == [
        (dt.date(2026, 1, 10), dt.date(2003, 1, 1))
    ]
    assert company.warehouse("select min(created_at) from silver.parties where source_ref = 'w2'") == [
        (dt.datetime(2026, 9, 12, 10),)
    ]
    assert company.query(
        "select distinct customer_since_date from gold.dim_customer where source_record_count = 1 "
        "and customer_id in (select customer_id from gold.fct_sessions)"
    ) == [(dt.date(2026, 9, 12),)]


def test_only_known_persons_are_active_users(company: Workspace):
    activity = "select daily_active_user_count from gold.usage_activity_daily where usage_date = '2026-09-12'"
    assert company.query(activity) == [(2,)]
    assert company.query("select distinct user_ref from gold.fct_sessions order by 1 nulls last") == [
        ("B",),
        ("C",),
        (None,),
    ]
    assert company.query("select sum(event_count) from gold.fct_usage_daily") == [(10,)]


def test_what_cannot_have_happened_is_named(company: Workspace):
    query = "select column_name, reason from quarantine.{} order by source_line"
    assert [row[0] for row in company.warehouse(query.format("files__transactions"))] == ["occurred_at"] * 2
    ahead, epoch = (row[1] for row in company.warehouse(query.format("product__events")))
    assert "2031-01-01" in ahead
    assert "received_at on 2026-09-12" in ahead
    assert "is before 1990" in epoch


def test_every_row_of_bronze_is_found_above_it_or_left_out_for_a_reason(company: Workspace):
    intake = """
        select system || '.' || object, kept_row_count, reached_row_count, left_out_row_count
        from gold.data_intake where kept_row_count > 0 order by 1"""
    assert company.query(intake) == [
        ("files.consents", 1, 0, 1),
        ("files.contacts", 2, 2, 0),
        ("files.customers", 5, 5, 0),
        ("files.subscriptions", 3, 1, 2),
        ("files.tickets", 2, 1, 1),
        ("files.transaction_lines", 3, 1, 2),
        ("files.transactions", 4, 3, 1),
        ("product.events", 11, 10, 1),
    ]
    left_out = "select object, source_ref, reason, row_count from gold.left_out_rows order by all"
    assert company.query(left_out) == [
        ("consents", "*", "consents end in silver.consents", 1),
        ("events", "*", "a newer version of the record has replaced it, or it was delivered twice", 1),
        ("subscriptions", "s2", "it ends before it begins", 1),
        ("subscriptions", "s3", "it ends before it begins", 1),
        ("tickets", "k2", "it happened after the day of the run", 1),
        ("transaction_lines", "epoch:1", "its transaction is not there", 1),
        ("transaction_lines", "nowhere:1", "its transaction is not there", 1),
        ("transactions", "after the run", "it happened after the day of the run", 1),
    ]
    assert company.query(
        "select distinct what_to_do from gold.left_out_rows where source_ref = 'nowhere:1'"
    ) == [("deliver the transaction, or see why it is left out",)]
