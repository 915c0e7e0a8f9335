"""All live sources at once, as a data engineer sets them up: one whole run, then a second read of what is new.

Stripe is localstripe, PostgreSQL a real server; Salesforce and Zendesk are servers with the documented shapes. One
object of Salesforce has another shape than agreed from the start.
"""

import datetime as dt
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest
from localstripe_server import API_KEY, Account, running_localstripe
from postgres_server import OWNER_PASSWORD, PostgresServer, postgres_server
from salesforce_server import CLIENT_ID, CLIENT_SECRET, SalesforceServer
from workspace import PROJECT, Workspace
from zendesk_rows import fill
from zendesk_server import API_TOKEN, EMAIL, ZendeskServer

SOURCES = "salesforce,stripe,zendesk,postgres,events"
SECRETS = (API_KEY, CLIENT_ID, CLIENT_SECRET, API_TOKEN, OWNER_PASSWORD)
WRONG_TOKEN = "another-token-kept-secret"
FIRST_CUSTOMERS, MORE_CUSTOMERS = 30, 10
STAMPS = {"CreatedDate": "2026-05-01T08:00:00.000+0000", "SystemModstamp": "2026-09-01T08:00:00.000+0000"}


@dataclass
class Story:
    """The runs in their order: the first whole one, the check, and a read with a key that Zendesk refuses."""

    workspace: Workspace
    first: subprocess.CompletedProcess[str]
    check: subprocess.CompletedProcess[str]
    second: subprocess.CompletedProcess[str]
    published_after_first: bytes


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
        check = workspace.command("sources-check")
        first = workspace.run()
        published = (workspace.published / "manifest.json").read_bytes() if not first.returncode else b""
        shop.subscribe(MORE_CUSTOMERS)
        postgres.run("delete from app.people where user_id = 20", "insert into app.people values (21, 'w1')")
        second = workspace.run(CUSTINT_ZENDESK_API_TOKEN=WRONG_TOKEN)
        yield Story(workspace, first, check, second, published)


def landed(story: Story, name: str) -> pl.DataFrame:
    folder = story.workspace.data_dir / "landing" / Path(*name.split("__"))
    return pl.concat(
        [pl.read_parquet(path) for path in sorted(folder.glob("*Z-*.parquet"))], how="diagonal_relaxed"
    )


def test_the_run_ends_well_and_every_row_is_kept_or_quarantined(story: Story):
    assert story.first.returncode == 0, story.first.stdout[-3000:] + story.first.stderr[-3000:]
    intake = {
        f"{system}__{name}": (rows, kept, quarantined)
        for system, name, rows, kept, quarantined in story.workspace.query(
            "select system, object, landed_row_count, kept_row_count, quarantined_row_count from gold.data_intake"
        )
    }
    assert all(rows == kept + quarantined for rows, kept, quarantined in intake.values())
    assert {name: counts[1] for name, counts in intake.items() if counts[1]} == {
        "salesforce__accounts": 2, "salesforce__contacts": 1, "salesforce__leads": 1,
        "stripe__customers": 30, "stripe__products": 1, "stripe__prices": 1, "stripe__subscriptions": 30,
        "stripe__invoices": 30, "stripe__invoice_lines": 30, "stripe__charges": 30,
        "zendesk__users": 7, "zendesk__tickets": 7, "zendesk__organizations": 7, "zendesk__ticket_events": 7,
        "zendesk__ticket_metric_events": 7, "zendesk__satisfaction_ratings": 7, "zendesk__schedules": 1,
        "zendesk__holidays": 1,
        "product__workspaces": 5, "product__users": 20, "product__events": 11,
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


def test_the_second_read_brings_what_is_new_and_nothing_else(story: Story):
    customers = landed(story, "stripe__customers")
    assert customers.height == customers["id"].n_unique() == FIRST_CUSTOMERS + MORE_CUSTOMERS
    users = landed(story, "product__users").sort("_loaded_at").group_by("id", maintain_order=True).last()
    living = users.filter(~pl.col("is_deleted").fill_null(value=False))
    assert sorted(map(int, living["id"])) == [*range(1, 20), 21]
    assert landed(story, "product__events").height == 11
    assert landed(story, "salesforce__contacts").height == 1


def test_a_refused_key_is_one_line_and_leaves_what_is_published_alone(story: Story):
    assert story.second.returncode == 1
    (line,) = [line for line in story.second.stderr.splitlines() if "zendesk_landing" in line]
    assert "CUSTINT_ZENDESK_EMAIL" in line
    assert "CUSTINT_ZENDESK_API_TOKEN" in line
    assert "Traceback" not in story.second.stderr
    assert (story.workspace.published / "manifest.json").read_bytes() == story.published_after_first


def test_no_secret_is_in_any_file_or_word(story: Story):
    """Nor a part of it that would do: landing, warehouse, Dagster's events, MLflow, logs, what was printed."""
    secrets = [secret.encode() for secret in (*SECRETS, WRONG_TOKEN)]
    said = "".join((run.stdout + run.stderr) for run in (story.first, story.check, story.second))
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


def test_the_graph_has_a_step_a_check_and_a_freshness_policy_for_each_source(story: Story):
    script = """
from dagster_project.definitions import defs
graph = defs().get_repository_def().asset_graph
for node in graph.asset_nodes:
    if node.key.path[0] == "landing":
        print(node.key.path[1], len(graph.get_check_keys_for_assets({node.key})), node.freshness_policy is not None)
"""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CUSTINT_")}
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=PROJECT,
        env=clean | story.workspace.settings,
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [line.split() for line in done.stdout.splitlines()]
    live = {name for name, checks, policy in lines if (checks, policy) == ("1", "True")}
    assert {"salesforce__leads", "stripe__invoice_lines", "zendesk__holidays", "product__users"} <= live
    assert {"marketing__touchpoints", "files__customers"}.isdisjoint(live)
