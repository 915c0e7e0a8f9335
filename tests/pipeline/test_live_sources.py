"""All sources at once, as a data engineer sets them up: a first run, a second with what is new, and a refused key.

Stripe is localstripe, PostgreSQL a real server; Salesforce and Zendesk are servers with the documented shapes. One
object of Salesforce has another shape than agreed from the start. Between the runs a person decides who is who.
"""

import datetime as dt
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest
from localstripe_server import API_KEY, Account, running_localstripe
from postgres_server import OWNER_PASSWORD, PostgresServer, postgres_server
from salesforce_server import CLIENT_ID, CLIENT_SECRET, SalesforceServer
from workspace import Workspace
from zendesk_rows import fill
from zendesk_server import API_TOKEN, EMAIL, ZendeskServer

SOURCES = "salesforce,stripe,zendesk,postgres,events,files"
SECRETS = (API_KEY, CLIENT_ID, CLIENT_SECRET, API_TOKEN, OWNER_PASSWORD)
WRONG_TOKEN = "another-token-kept-secret"
FIRST_CUSTOMERS, MORE_CUSTOMERS = 30, 10
STAMPS = {"CreatedDate": "2026-05-01T08:00:00.000+0000", "SystemModstamp": "2026-09-01T08:00:00.000+0000"}


# A mother and her daughter of one name share a mailbox: one person for the rules, two for who knows them.
CUSTOMERS = """customer_ref,name,kind,email,country,created_at
a-1,Ann Archer,person,box@letters.example,GB,2025-01-01
b-2,Ann Archer,person,box@letters.example,GB,2025-02-01
c-3,Cleo Carter,person,cleo@carter.example,GB,2025-03-01
"""
TRANSACTIONS = """transaction_ref,customer_ref,occurred_at,amount,currency,status,kind
t-1,a-1,2025-04-01,10.10,USD,paid,order
t-2,b-2,2025-04-02,20.20,USD,paid,order
t-3,b-2,2025-05-02,5.05,USD,paid,order
t-4,c-3,2025-05-03,1.01,USD,paid,order
"""
NOT_THE_SAME = """rule,left_system,left_object,left_ref,right_system,right_object,right_ref,note
never_match,files,customers,a-1,files,customers,b-2,mother and daughter
"""
SPEND_PER_CUSTOMER = """
    select string_agg(distinct identities.source_ref, ' ' order by identities.source_ref), facts.amount::text
    from (select customer_id, sum(net_spend_amount) as amount from gold.fct_transactions group by 1) as facts
    inner join gold.customer_identities as identities using (customer_id)
    where identities.system = 'files'
    group by customer_id, facts.amount order by 1
"""


@dataclass
class Story:
    """What was printed in its order, what gold said after the first run, and the manifest after the second."""

    workspace: Workspace
    check: subprocess.CompletedProcess[str]
    first: subprocess.CompletedProcess[str]
    second: subprocess.CompletedProcess[str]
    refused: subprocess.CompletedProcess[str]
    intake: dict[str, tuple[int, int, int]]
    spend: list[tuple]
    ids: dict[str, str]
    manifest: bytes


def salesforce_rows(server: SalesforceServer) -> None:
    account = {"Id": "001A", "Name": "Acme GmbH", "Website": "https://acme.example", "IsDeleted": False}
    server.rows["Account"] = [
        account | STAMPS,
        account | {"Id": "001B", "Name": "Gone", "IsDeleted": True} | STAMPS,
    ]
    server.rows["Contact"] = [
        {"Id": "003A", "AccountId": "001A", "LastName": "Weber", "Email": "p1@acme.example", **STAMPS}
    ]
    server.rows["Lead"] = [{"Id": "00QA", "LastName": "Novak", "Company": "New Ltd", **STAMPS}]
    server.rows["Campaign"] = [{"Id": "701A", **STAMPS}]
    del server.fields["Campaign"]["Name"]


def postgres_tables(server: PostgresServer) -> None:
    server.run(
        "create schema app",
        "create table app.workspaces (id text primary key, name text, owner_email text, stripe_customer_id text,"
        " time_zone text, created_at timestamptz not null, updated_at timestamptz not null, colour text)",
        "create table app.people (user_id bigint primary key, workspace text, mail text, born timestamptz,"
        " changed_at timestamptz)",
        "create view app.users as select user_id as id, workspace as workspace_id, mail as email, born as created_at,"
        " changed_at as updated_at from app.people",
        "insert into app.workspaces select 'w' || n, 'Space ' || n, 'p' || n || '@acme.example', null, 'Europe/Berlin',"
        " '2026-06-01', '2026-06-02', 'blue' from generate_series(1, 5) as n",
        "insert into app.people select n, 'w1', 'p' || n || '@acme.example', '2026-06-01', '2026-06-02'"
        " from generate_series(1, 20) as n",
    )


def event_files(folder: Path) -> None:
    folder.mkdir()
    moments = [f"2026-09-{day:02d} 09:00:00" for day in range(1, 11)]
    pl.DataFrame(
        {
            "event_id": [f"e{n}" for n in range(10)],
            "workspace_id": ["w1"] * 10,
            "user_id": ["1"] * 10,
            "session_id": [f"s{n}" for n in range(10)],
            "event_name": ["feature_used"] * 10,
            "feature": ["export"] * 10,
            "quantity": [1] * 10,
            "duration_seconds": [60] * 10,
            "error_count": [0] * 10,
            "occurred_at": pl.Series(moments).str.to_datetime(),
            "received_at": pl.Series(moments).str.to_datetime(),
        }
    ).write_parquet(folder / "2026-09.parquet")
    segment = {
        "messageId": "seg-1", "type": "track", "event": "Report Opened", "userId": "2", "context": {"groupId": "w1"},
        "timestamp": "2026-09-11T09:00:00Z", "receivedAt": "2026-09-11T09:00:05Z", "properties": {"feature": "report"},
    }  # fmt: skip
    (folder / "segment.ndjson").write_text(json.dumps(segment) + "\n")
    long_ago = dt.datetime(2026, 9, 12).timestamp()
    for path in folder.iterdir():
        os.utime(path, (long_ago, long_ago))


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("live")
    with ExitStack() as stack:
        stripe = stack.enter_context(running_localstripe())
        postgres = stack.enter_context(postgres_server())
        salesforce = stack.enter_context(SalesforceServer())
        zendesk = stack.enter_context(ZendeskServer())
        zendesk.now = dt.datetime.now(dt.UTC).replace(tzinfo=None)
        shop = Account(stripe)
        shop.subscribe(FIRST_CUSTOMERS)
        salesforce_rows(salesforce)
        fill(zendesk)
        postgres_tables(postgres)
        event_files(folder / "events")
        workspace = Workspace(
            folder / "data",
            CUSTINT_SOURCES=SOURCES,
            CUSTINT_STRIPE_API_KEY=API_KEY,
            CUSTINT_STRIPE_API_BASE=stripe,
            CUSTINT_SALESFORCE_INSTANCE_URL=salesforce.url,
            CUSTINT_SALESFORCE_CLIENT_ID=CLIENT_ID,
            CUSTINT_SALESFORCE_CLIENT_SECRET=CLIENT_SECRET,
            CUSTINT_ZENDESK_BASE_URL=zendesk.url,
            CUSTINT_ZENDESK_EMAIL=EMAIL,
            CUSTINT_ZENDESK_API_TOKEN=API_TOKEN,
            CUSTINT_ZENDESK_CALLS_PER_MINUTE="700",
            CUSTINT_POSTGRES_URL=postgres.url(),
            CUSTINT_POSTGRES_TABLES="workspaces=app.workspaces, users=app.users",
            CUSTINT_EVENTS_PATH=str(folder / "events"),
        )
        inbox = workspace.data_dir / "inbox"
        inbox.mkdir(parents=True)
        (inbox / "customers.csv").write_text(CUSTOMERS)
        (inbox / "transactions.csv").write_text(TRANSACTIONS)
        check = workspace.command("sources-check")
        first = workspace.run()
        assert first.returncode == 0, first.stdout[-3000:] + first.stderr[-3000:]
        intake, spend, ids = intake_of(workspace), workspace.query(SPEND_PER_CUSTOMER), ids_of(workspace)
        shop.subscribe(MORE_CUSTOMERS)
        postgres.run(
            "delete from app.people where user_id = 20",
            "insert into app.people values (21, 'w1', 'p21@acme.example', '2026-06-01', '2026-06-02')",
        )
        (workspace.data_dir / "identity_overrides.csv").write_text(NOT_THE_SAME)
        second = workspace.run()
        assert second.returncode == 0, second.stdout[-3000:] + second.stderr[-3000:]
        manifest = (workspace.published / "manifest.json").read_bytes()
        refused = workspace.run(CUSTINT_ZENDESK_API_TOKEN=WRONG_TOKEN)
        yield Story(workspace, check, first, second, refused, intake, spend, ids, manifest)


def intake_of(workspace: Workspace) -> dict[str, tuple[int, int, int]]:
    """Rows landed, kept and quarantined by object."""
    rows = workspace.query(
        "select system || '__' || object, landed_row_count, kept_row_count, quarantined_row_count from gold.data_intake"
    )
    return {name: tuple(counts) for name, *counts in rows}


def ids_of(workspace: Workspace) -> dict[str, str]:
    """Customer of each dropped record."""
    return dict(
        workspace.query("select source_ref, customer_id from gold.customer_identities where system = 'files'")
    )


def test_every_row_of_every_source_is_kept_or_quarantined(story: Story):
    intake = story.intake
    assert all(rows == kept + quarantined for rows, kept, quarantined in intake.values())
    assert {name: counts[1] for name, counts in intake.items() if counts[1]} == {
        "salesforce__accounts": 2, "salesforce__contacts": 1, "salesforce__leads": 1,
        "stripe__customers": 30, "stripe__products": 1, "stripe__prices": 1, "stripe__subscriptions": 30,
        "stripe__invoices": 30, "stripe__invoice_lines": 30, "stripe__charges": 30,
        "zendesk__users": 7, "zendesk__tickets": 7, "zendesk__organizations": 7, "zendesk__ticket_events": 7,
        "zendesk__ticket_metric_events": 7, "zendesk__satisfaction_ratings": 7, "zendesk__schedules": 1,
        "zendesk__holidays": 1,
        "product__workspaces": 5, "product__users": 20, "product__events": 11,
        "files__customers": 3, "files__transactions": 4,
    }  # fmt: skip


def test_the_object_of_another_shape_is_one_line_and_keeps_no_other_back(story: Story):
    lines = [line for line in story.first.stdout.splitlines() if "salesforce campaigns" in line]
    assert len(lines) == 1
    assert "required column Name is missing" in lines[0]
    assert not list((story.workspace.data_dir / "landing" / "salesforce" / "campaigns").glob("*Z-*.parquet"))


def test_a_column_beyond_the_contract_is_kept_as_extra(story: Story):
    assert story.workspace.warehouse("select distinct extra from bronze.product__workspaces") == [
        ('{"colour":"blue"}',)
    ]


def test_records_of_all_sources_meet_in_one_customer(story: Story):
    """The account, its contact, the support user and the product user share a domain or an address."""
    systems = story.workspace.query(
        "select distinct system from gold.customer_identities where customer_id = (select customer_id"
        " from gold.customer_identities where source_ref = '001A')"
    )
    assert {"salesforce", "zendesk", "product"} <= {system for (system,) in systems}


def test_the_check_says_of_every_object_whether_it_can_be_read(story: Story):
    assert story.check.returncode == 0, story.check.stdout + story.check.stderr
    for name in (
        "salesforce__leads",
        "stripe__invoices",
        "zendesk__tickets",
        "product__users",
        "product__events",
    ):
        (line,) = [line for line in story.check.stdout.splitlines() if name in line]
        assert line.split()[2:5] == ["yes", "yes", "yes"]


def test_ten_new_customers_are_exactly_ten_more_and_nothing_else_comes_again(story: Story):
    after = intake_of(story.workspace)
    more = {
        name: after[name][0] - rows for name, (rows, _, _) in story.intake.items() if after[name][0] != rows
    }
    assert more == {
        "stripe__customers": 10, "stripe__subscriptions": 10, "stripe__invoices": 10, "stripe__invoice_lines": 10,
        "stripe__charges": 10, "product__users": 2,
    }  # fmt: skip
    (customers,) = story.workspace.query(
        "select count(*), count(distinct customer_id) from gold.customer_identities"
        " where system = 'stripe' and object = 'customers'"
    )
    assert customers == (FIRST_CUSTOMERS + MORE_CUSTOMERS,) * 2


def test_a_row_that_was_deleted_in_the_database_is_marked_and_the_others_live(story: Story):
    rows = story.workspace.warehouse(
        "select user_ref from bronze.product__users"
        " qualify row_number() over (partition by user_ref order by modified_at desc, _loaded_at desc) = 1"
        " and not coalesce(is_deleted, false)"
    )
    assert sorted(int(user) for (user,) in rows) == [*range(1, 20), 21]


def test_a_refused_key_is_one_line_and_leaves_what_is_published_alone(story: Story):
    assert story.refused.returncode == 1
    (line,) = [line for line in story.refused.stderr.splitlines() if "zendesk_landing" in line]
    assert "CUSTINT_ZENDESK_EMAIL" in line
    assert "CUSTINT_ZENDESK_API_TOKEN" in line
    assert "Traceback" not in story.refused.stderr
    assert (story.workspace.published / "manifest.json").read_bytes() == story.manifest


def test_a_failing_source_hides_no_warning_of_the_others(story: Story):
    assert "required column Name is missing" in story.refused.stdout


def test_no_secret_is_in_any_file_or_word(story: Story):
    """Nor a part of it that would do: landing, warehouse, Dagster's events, MLflow, logs, what was printed."""
    secrets = [secret.encode() for secret in (*SECRETS, WRONG_TOKEN)]
    said = "".join(
        (run.stdout + run.stderr) for run in (story.check, story.first, story.second, story.refused)
    )
    assert not [secret for secret in secrets if secret.decode() in said]
    found = [
        (path.relative_to(story.workspace.data_dir), secret)
        for path in story.workspace.data_dir.rglob("*")
        if path.is_file()
        for content in [path.read_bytes()]
        for secret in secrets
        if secret in content
    ]
    assert found == []


def test_a_decision_undoes_a_merge_and_both_profiles_come_back(story: Story):
    assert story.spend == [("a-1 b-2", "35.35"), ("c-3", "1.01")]
    names = story.workspace.warehouse(
        "select name, source_record_count from gold.dim_customer where customer_id in"
        " (select customer_id from gold.customer_identities where system = 'files') order by 1"
    )
    assert names == [("Ann Archer", 1), ("Ann Archer", 1), ("Cleo Carter", 1)]


def test_after_a_decision_every_fact_follows_its_customer_and_the_sum_stays(story: Story):
    after = story.workspace.query(SPEND_PER_CUSTOMER)
    assert after == [("a-1", "10.10"), ("b-2", "25.25"), ("c-3", "1.01")]


def test_a_split_is_written_down_and_the_older_record_keeps_its_id(story: Story):
    workspace = story.workspace
    ids = ids_of(workspace)
    assert (ids["a-1"], ids["c-3"]) == (story.ids["a-1"], story.ids["c-3"])
    changes = workspace.query(
        "select change_kind, customer_id_before, customer_id_after, record_count from gold.identity_changes"
    )
    assert changes == [("split", ids["a-1"], ids["b-2"], 1)]


def test_a_mistake_in_the_decisions_stops_the_run_with_one_line_that_names_it(story: Story):
    workspace = story.workspace
    overrides = workspace.data_dir / "identity_overrides.csv"
    overrides.write_text(NOT_THE_SAME.replace("never_match", "seldom_match"))
    failed = workspace.run()
    overrides.write_text(NOT_THE_SAME)
    assert failed.returncode != 0
    assert "identity_overrides.csv" in failed.stdout + failed.stderr
    assert "seldom_match" in failed.stdout + failed.stderr
