"""Every connector of an API against every fault: nothing is lost, nothing doubled, and one line says what to do."""

import datetime as dt
import json
import logging
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest
import salesforce_server
from dbt_in_process import run_dbt
from fault_proxy import Change, Fault, FaultProxy, each_row, with_field, without_field
from localstripe_server import API_KEY, Account, running_localstripe
from salesforce_server import CLIENT_ID, CLIENT_SECRET, SalesforceServer
from zendesk_server import API_TOKEN, EMAIL, ZendeskServer

from dagster_project.ingest.api_client import HttpLimits
from dagster_project.ingest.salesforce import api as salesforce_api
from dagster_project.ingest.salesforce.connector import Salesforce
from dagster_project.ingest.streams import Connector, Landed
from dagster_project.ingest.stripe import connector as stripe_connector
from dagster_project.ingest.stripe import reads as stripe_reads
from dagster_project.ingest.stripe.connector import Stripe
from dagster_project.ingest.zendesk.connector import Zendesk

ROW_COUNT, PAGE_ROWS = 8, 3
READ_AT = dt.datetime(2026, 10, 1, 12)
LATER = READ_AT + dt.timedelta(hours=2)
LIMITS = HttpLimits(timeout_seconds=5, attempt_count=3, first_wait_seconds=0.001, longest_wait_seconds=0.01)
OF_LANDING = "_source_file, _source_line, _loaded_at"
Rows = list[tuple[Any, ...]]


@dataclass
class Api:
    """One connector behind the proxy, and where its answers can be spoiled.

    Attributes:
        proxy: In front of the server.
        connector: Makes the connector for a landing zone.
        object_name: The object whose answers are spoiled, in several pages; `other` is read after it.
        path: Its pages.
        rows_at: The list of its answers.
        required: A required field of its rows.
        text: A field of its rows with text that people write.
        said: What an error must say: source and object.
        advice: A setting that a refusal of the credentials must name.
        secrets: What must be nowhere.
        endless: Makes an answer say that there is more, though there is not.
        left_out: Columns that say when a row was read.
        whole: Rows by object when nothing is spoiled.
    """

    proxy: FaultProxy
    connector: Callable[[Path], Connector]
    object_name: str
    other: str
    path: str
    rows_at: str
    required: str
    text: str
    said: tuple[str, str]
    advice: str
    secrets: tuple[str, ...]
    endless: Callable[[], Change]
    left_out: str = OF_LANDING
    whole: dict[str, Rows] = field(default_factory=dict)

    def land(self, folder: Path, *faults: Fault, read_at: dt.datetime = READ_AT) -> tuple[Landed, Landed]:
        """What one run says of the spoiled object and of the other."""
        self.proxy.spoil(*faults)
        results = {result.object_name: result for result in self.connector(folder).land(read_at)}
        assert set(results) == {self.object_name, self.other}
        return results[self.object_name], results[self.other]

    def rows(self, folder: Path, name: str = "", columns: str = "") -> Rows:
        """What is in landing, sorted."""
        files = folder / (name or self.object_name).replace("__", "/") / "*.parquet"
        with duckdb.connect() as connection:
            return connection.execute(
                f"select {columns or f'* exclude ({self.left_out})'} "
                f"from read_parquet('{files}', union_by_name = true) order by all"
            ).fetchall()


@pytest.fixture(scope="module")
def patches() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as context:
        yield context


@pytest.fixture(scope="module")
def stripe_api(patches: pytest.MonkeyPatch) -> Iterator[Api]:
    chosen = [
        each
        for name in ("customers", "products")
        for each in stripe_connector.OBJECTS
        if name in each.object_name
    ]
    patches.setattr(stripe_connector, "OBJECTS", tuple(chosen))
    patches.setattr(stripe_reads, "PAGE_ROWS", PAGE_ROWS)

    def endless() -> Change:
        last: list[Any] = []

        def change(answer: Any) -> Any:
            last[:] = answer["data"] or last
            return {**answer, "data": list(last), "has_more": True}

        return change

    with running_localstripe() as address, FaultProxy(address) as proxy:
        account = Account(address)
        for number in range(ROW_COUNT):
            account.client.customers.create({"name": f"Customer {number}"})
        yield Api(
            proxy, lambda folder: Stripe(API_KEY, proxy.url, folder, LIMITS, PAGE_ROWS, 28), "stripe__customers",
            "stripe__products", r"/v1/customers\?", "data", "created", "name", ("Stripe", "customers"),
            "CUSTINT_STRIPE_API_KEY", (API_KEY,), endless, f"{OF_LANDING}, event_created",
        )  # fmt: skip


@pytest.fixture(scope="module")
def salesforce_org(patches: pytest.MonkeyPatch) -> Iterator[Api]:
    patches.setattr(salesforce_api, "ROWS_PER_PAGE", PAGE_ROWS)
    patches.setattr(salesforce_server, "SHORTEST_PAGE", PAGE_ROWS)
    patches.setattr(salesforce_server, "secrets", SimpleNamespace(token_hex=lambda count: "5ec4e7" * count))

    def connector(folder: Path) -> Connector:
        made = Salesforce(
            proxy.url,
            CLIENT_ID,
            CLIENT_SECRET,
            "v62.0",
            folder,
            LIMITS,
            batch_rows=PAGE_ROWS,
            lag_seconds=600,
        )
        made.objects = ("salesforce__contacts", "salesforce__accounts")
        return made

    def endless() -> Change:
        last: list[str] = []

        def change(answer: Any) -> Any:
            last[:] = [answer.get("nextRecordsUrl") or last[0]]
            return {**answer, "done": False, "nextRecordsUrl": last[0]}

        return change

    with SalesforceServer() as server, FaultProxy(server.url) as proxy:
        times = [f"2026-09-01T10:{number:02d}:00.000+0000" for number in range(ROW_COUNT)]
        server.rows["Contact"] = [
            {"Id": f"003{n}", "LastName": f"Name {n}", "IsDeleted": False, "CreatedDate": at, "SystemModstamp": at}
            for n, at in enumerate(times)
        ]  # fmt: skip
        server.rows["Account"] = [
            {
                "Id": "0010",
                "Name": "Acme",
                "IsDeleted": False,
                "CreatedDate": times[0],
                "SystemModstamp": times[0],
            }
        ]
        yield Api(
            proxy, connector, "salesforce__contacts", "salesforce__accounts", r"from\+Contact|/query/", "records",
            "LastName", "LastName", ("Salesforce", "Contact"), "CUSTINT_SALESFORCE_CLIENT",
            (CLIENT_SECRET, f"00D!{'5ec4e7' * 16}"), endless,
        )  # fmt: skip


@pytest.fixture(scope="module")
def zendesk_account() -> Iterator[Api]:
    class Few(Zendesk):
        objects = ("zendesk__users", "zendesk__organizations")

        def _streams(self, read_at: dt.datetime) -> Any:
            streams = {stream.objects[0]: stream for stream in Zendesk._streams(_All(self), read_at)}  # type: ignore[arg-type]
            return [streams[name] for name in self.objects]

    class _All:
        """The connector with all its objects."""

        objects = Zendesk.objects

        def __init__(self, few: Zendesk) -> None:
            self._few = few

        def __getattr__(self, name: str) -> Any:
            return getattr(self._few, name)

    with ZendeskServer(page_rows=PAGE_ROWS) as server, FaultProxy(server.url) as proxy:
        times = [f"2026-09-01T10:{number:02d}:00Z" for number in range(ROW_COUNT)]
        server.rows["users"] = [
            {"id": n, "name": f"Person {n}", "role": "end-user", "created_at": times[0], "updated_at": at}
            for n, at in enumerate(times)
        ]  # fmt: skip
        server.rows["organizations"] = [
            {"id": 1, "name": "Acme", "created_at": times[0], "updated_at": times[0]}
        ]
        yield Api(
            proxy,
            lambda folder: Few(proxy.url, EMAIL, API_TOKEN, folder, LIMITS, PAGE_ROWS, calls_per_minute=100_000),
            "zendesk__users", "zendesk__organizations", "users/cursor.json", "users", "created_at", "name",
            ("Zendesk", "users"), "CUSTINT_ZENDESK_API_TOKEN", (API_TOKEN,),
            lambda: lambda answer: {**answer, "end_of_stream": False},
        )  # fmt: skip


@pytest.fixture(params=["stripe_api", "salesforce_org", "zendesk_account"])
def api(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Api:
    chosen: Api = request.getfixturevalue(request.param)
    if not chosen.whole:
        folder = tmp_path_factory.mktemp("whole")
        assert not any(result.failure or result.refused for result in chosen.land(folder))
        chosen.whole = {name: chosen.rows(folder, name) for name in (chosen.object_name, chosen.other)}
        assert len(chosen.whole[chosen.object_name]) == ROW_COUNT and chosen.whole[chosen.other]
    return chosen


def said(api: Api, status: int) -> str:
    """An error answer that gives the secrets away."""
    words = f"Invalid key {' '.join(api.secrets)}"
    code = {401: "INVALID_SESSION_ID", 403: "REQUEST_LIMIT_EXCEEDED"}.get(status, "")
    return json.dumps(
        [{"errorCode": code, "message": words}] if code and api.rows_at == "records" else {"error": words}
    )


def assert_no_secret(api: Api, folder: Path, logged: str, *results: Landed) -> None:
    content = b"".join(path.read_bytes() for path in folder.rglob("*.parquet"))
    for secret in api.secrets:
        assert secret not in logged
        assert secret.encode() not in content
        assert not any(secret in repr(result) for result in results)


def assert_says(api: Api, line: str) -> None:
    assert line.isprintable() and line.endswith(".") and len(line) < 500
    assert "; " in line, f"not what to do: {line}"
    assert all(word.lower() in line.lower() for word in api.said), line


HEALED = {
    "429 with Retry-After": lambda api: Fault(api.path, 2, 1, 429, {"Retry-After": "1"}, said(api, 429)),
    "500 then success": lambda api: Fault(api.path, 2, 2, 500, {}, said(api, 500)),
    "cut in mid-page": lambda api: Fault(api.path, 2, 2, cut=True),
    "the same page twice": lambda api: Fault(api.path, 2, 1, repeat=True),
    "half an answer": lambda api: Fault(api.path, 2, 1, 200, {}, '{"data": ['),
}


@pytest.mark.parametrize("fault", HEALED)
def test_a_passing_fault_leaves_no_trace(
    api: Api, fault: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    spoiled = HEALED[fault](api)
    results = api.land(tmp_path, spoiled)
    assert spoiled.spoiled_count == spoiled.times
    assert not any(result.failure or result.refused for result in results)
    assert {name: api.rows(tmp_path, name) for name in api.whole} == api.whole
    assert_no_secret(api, tmp_path, caplog.text, *results)


LASTING = {  # fault, rows that are there nevertheless, whether the other object cannot be read either
    "401": (lambda api: Fault(api.path, 2, None, 401, {}, said(api, 401)), 3, "yes"),
    "403 over quota": (lambda api: Fault(api.path, 2, None, 403, {}, said(api, 403)), 3, "salesforce"),
    "429 without end": (lambda api: Fault(api.path, 2, None, 429, {}, said(api, 429)), 3, "yes"),
    "500 without end": (lambda api: Fault(api.path, 2, None, 500, {}, said(api, 500)), 3, "no"),
    "always cut in mid-page": (lambda api: Fault(api.path, 2, cut=True), 3, "no"),
    "endless has_more": (lambda api: Fault(api.path, change=api.endless()), ROW_COUNT, "no"),
    "no rows in the answer": (lambda api: Fault(api.path, 2, None, 200, {}, '{"ok": true}'), 3, "no"),
}


@pytest.mark.parametrize("fault", LASTING)
def test_a_lasting_fault_is_said_and_the_next_run_ends_as_if_nothing_had_been(
    api: Api, fault: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    make, row_count, stops = LASTING[fault]
    result, other = api.land(tmp_path, make(api))
    line = result.failure or result.refused  # refused: this user may not see the object
    assert_says(api, line)
    if fault == "401":
        assert api.advice in line
    assert len(api.rows(tmp_path)) == result.landed_row_count == row_count
    assert set(api.rows(tmp_path)) <= set(api.whole[api.object_name])
    if stops == "yes" or api.object_name.startswith(stops):
        assert other.failure == result.failure and other.landed_row_count == 0
    else:
        assert not (other.failure or other.refused) and api.rows(tmp_path, api.other) == api.whole[api.other]
    assert_no_secret(api, tmp_path, caplog.text, result, other)

    results = api.land(tmp_path, read_at=LATER)
    assert not any(result.failure or result.refused for result in results)
    assert {name: api.rows(tmp_path, name) for name in api.whole} == api.whole


def test_an_unknown_field_is_kept_and_reported(api: Api, tmp_path: Path):
    result, other = api.land(
        tmp_path, Fault(api.path, 2, change=with_field(api.rows_at, "surprise", [1, None]))
    )
    assert result.new_fields == ("surprise",) and not result.failure and not result.refused
    kept = [json.loads(extra or "{}").get("surprise") for (extra,) in api.rows(tmp_path, columns="extra")]
    assert kept.count([1, None]) == ROW_COUNT - PAGE_ROWS and kept.count(None) == PAGE_ROWS
    assert not other.new_fields and api.rows(tmp_path, api.other) == api.whole[api.other]


def test_a_missing_field_sets_the_object_aside_until_it_is_back(api: Api, tmp_path: Path):
    gone = without_field(api.rows_at, api.required)
    result, other = api.land(tmp_path, Fault(api.path, 2, change=gone))
    assert (
        f"{api.object_name.replace('__', ' ')}: required column {api.required} is missing" in result.refused
    )
    assert result.landed_row_count == len(api.rows(tmp_path)) == PAGE_ROWS
    assert not other.refused and api.rows(tmp_path, api.other) == api.whole[api.other]
    api.land(tmp_path, read_at=LATER)
    assert {name: api.rows(tmp_path, name) for name in api.whole} == api.whole


def test_rows_without_their_key_set_the_object_aside_until_it_is_back(api: Api, tmp_path: Path):
    key = "Id" if api.rows_at == "records" else "id"
    result, other = api.land(tmp_path, Fault(api.path, 2, change=without_field(api.rows_at, key)))
    assert key in result.refused or result.failure
    assert not (other.failure or other.refused) and api.rows(tmp_path, api.other) == api.whole[api.other]
    api.land(tmp_path, read_at=LATER)
    assert {name: api.rows(tmp_path, name) for name in api.whole} == api.whole


TEXTS = {
    "10 MB": ("x" * 10_000_000, "x" * 10_000_000),
    "NUL": ("a\u0000b", "a\u0000b"),
    "emoji": ("Zoë 😀\ud83d", "Zoë 😀?"),
}


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_that_breaks_other_readers_is_landed_as_it_is(api: Api, text: str, tmp_path: Path):
    sent, expected = TEXTS[text]
    first = each_row(api.rows_at, lambda row: {**row, api.text: sent} if row[api.text].endswith("1") else row)
    result, other = api.land(tmp_path, Fault(api.path, change=first))
    assert not (result.failure or result.refused or other.failure)
    found = sorted(name for (name,) in api.rows(tmp_path, columns=api.text))
    plain = {name for (name,) in api.rows(tmp_path, columns=api.text) if name != expected}
    assert expected in found and len(found) == ROW_COUNT and len(plain) == ROW_COUNT - 1
    assert api.land(tmp_path, Fault(api.path, change=first), read_at=LATER)[0].landed_row_count == 0


def test_such_texts_arrive_in_bronze(zendesk_account: Api, tmp_path: Path):
    texts = dict(enumerate(TEXTS.values()))
    change = each_row(
        "users", lambda row: {**row, "name": texts[row["id"]][0]} if row["id"] in texts else row
    )
    zendesk_account.land(tmp_path / "landing", Fault(zendesk_account.path, change=change))
    run_dbt(tmp_path, "build", "--select", "+zendesk__users")
    with duckdb.connect(str(tmp_path / "warehouse.duckdb"), read_only=True) as warehouse:
        found = dict(warehouse.execute("select user_ref, name from bronze.zendesk__users").fetchall())
    assert len(found) == ROW_COUNT
    assert {number: found[str(number)] for number in texts} == {
        n: expected for n, (_, expected) in texts.items()
    }


def test_texts_of_ten_megabytes_are_really_that_long():
    assert sys.getsizeof(TEXTS["10 MB"][0]) > 10_000_000
