"""Ended sessions, lost places, missing rights and fields: what the Salesforce connector does, and says."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from salesforce_reads import (
    CONTACTS,
    LAG_SECONDS,
    LIMITS,
    batches,
    connector,
    contact,
    contacts,
    land,
    land_contacts,
    landed,
    stamp,
    truth,
)
from salesforce_server import CLIENT_ID, CLIENT_SECRET, SalesforceServer, SeenRequest

from dagster_project.ingest.salesforce.connector import Salesforce
from dagster_project.ingest.streams import SourceError


@pytest.fixture
def server() -> Iterator[SalesforceServer]:
    with SalesforceServer() as running:
        yield running


def test_a_session_that_ends_in_mid_read_gets_one_new_token(server: SalesforceServer, tmp_path: Path) -> None:
    server.rows["Contact"] = contacts(4500)

    def end_once(request: SeenRequest) -> None:
        if request.path.endswith("queryAll") and server.token_answers == 1:
            server.end_sessions()

    server.before_answer = end_once
    result = land_contacts(server, tmp_path)

    assert (result.failure, server.token_answers) == ("", 2)
    assert len(landed(tmp_path)) == 4500
    pages = [request.path for request in server.requests if "/query/" in request.path]
    assert len(pages) == 3 and pages[0] == pages[1]  # refused, then asked again
    assert result.api_call_count == len(server.requests)


def test_a_session_that_is_refused_again_stops_all_objects_in_words(
    server: SalesforceServer, tmp_path: Path
) -> None:
    server.ends_sessions_at_once = True
    results = land(server, tmp_path, CONTACTS, "salesforce__leads")

    assert server.token_answers == 2
    assert len(server.requests) == 4  # two sign-ins, each with one request
    failures = {result.failure for result in results.values()}
    assert failures == {
        "Salesforce Contact: INVALID_SESSION_ID: Session expired or invalid; "
        "check CUSTINT_SALESFORCE_CLIENT_ID and CUSTINT_SALESFORCE_CLIENT_SECRET."
    }


@pytest.mark.parametrize(
    ("settings", "code"),
    [({"client_id": "someone"}, "invalid_client_id"), ({"client_secret": "wrong-secret"}, "invalid_client ")],
)
def test_refused_credentials_name_the_settings_and_show_nothing(
    server: SalesforceServer, tmp_path: Path, settings: dict[str, str], code: str
) -> None:
    results = land(server, tmp_path, *Salesforce.objects, **settings)
    with pytest.raises(SourceError) as refused:
        connector(server, tmp_path, **settings).probe()

    [failure] = {result.failure for result in results.values()}
    assert failure == str(refused.value)
    assert failure.startswith(f"Salesforce sign-in: HTTP 400 {code}")
    assert "CUSTINT_SALESFORCE_CLIENT_ID and CUSTINT_SALESFORCE_CLIENT_SECRET" in failure
    assert not any(secret in failure for secret in (CLIENT_ID, CLIENT_SECRET, *settings.values()))
    assert refused.value.__context__ is None  # nothing that holds the request comes along
    assert refused.value.stops_source and refused.value.was_reached
    assert len(server.requests) == 2


def test_an_address_where_nobody_answers_is_named_with_its_setting(tmp_path: Path) -> None:
    with SalesforceServer() as gone:
        pass
    with pytest.raises(SourceError) as unreachable:
        connector(gone, tmp_path).probe()
    assert f"no answer from {gone.url}" in str(unreachable.value)
    assert "CUSTINT_SALESFORCE_INSTANCE_URL" in str(unreachable.value)
    assert not unreachable.value.was_reached


def test_a_required_field_that_is_gone_sets_its_object_aside_and_no_other(
    server: SalesforceServer, tmp_path: Path
) -> None:
    server.rows["Contact"] = contacts(5)
    land_contacts(server, tmp_path)
    del server.fields["Contact"]["LastName"]
    server.fields["Contact"]["Surname__c"] = "string"
    server.rows["Contact"].append(contact(5, 20, Surname__c="Name 5"))
    server.rows["Lead"] = [contact(1, 1)]
    results = land(server, tmp_path, CONTACTS, "salesforce__leads")

    assert results[CONTACTS].refused.startswith(
        "salesforce contacts: required column LastName is missing; new here: Surname__c (renamed?)"
    )
    assert results[CONTACTS].cursor_after == results[CONTACTS].cursor_before
    assert len(landed(tmp_path)) == 5
    assert results["salesforce__leads"].landed_row_count == 1

    server.fields["Contact"]["LastName"] = "string"
    assert land_contacts(server, tmp_path).landed_row_count == 1  # the others say what they said before


@pytest.mark.parametrize("field", ["Id", "SystemModstamp"])
def test_an_object_without_the_fields_that_order_it_is_named(
    server: SalesforceServer, tmp_path: Path, field: str
) -> None:
    del server.fields["Contact"][field]
    results = land(server, tmp_path, CONTACTS, "salesforce__leads")
    assert f"Salesforce Contact: required column {field} is not visible" in results[CONTACTS].failure
    assert results["salesforce__leads"].failure == ""


def test_a_query_whose_place_is_gone_goes_on_from_the_last_row(
    server: SalesforceServer, tmp_path: Path
) -> None:
    server.rows["Contact"] = contacts(7000)
    server.locator_pages = 2
    result = land_contacts(server, tmp_path)

    assert (result.failure, result.landed_row_count) == ("", 7000)
    assert landed(tmp_path) == truth(server.rows["Contact"])
    assert ["where" in soql for soql in server.queries] == [False, True]
    assert f"SystemModstamp >= {stamp(3999)[:19]}Z" in server.queries[1]


def test_a_place_that_is_lost_within_the_lag_skips_nothing(server: SalesforceServer, tmp_path: Path) -> None:
    server.rows["Contact"] = contacts(10)
    land_contacts(server, tmp_path, lag_seconds=0)
    server.rows["Contact"] += [contact(number, -5000 + number) for number in range(100, 4600)]
    server.locator_pages = 1
    result = land_contacts(server, tmp_path, lag_seconds=6000)
    assert (result.failure, result.landed_row_count) == ("", 4500)
    assert landed(tmp_path) == truth(server.rows["Contact"])


def test_a_place_that_is_always_lost_within_one_second_ends_in_an_error(
    server: SalesforceServer, tmp_path: Path
) -> None:
    server.rows["Contact"] = [contact(number, 1) for number in range(2500)]
    server.locator_pages = 1
    result = land_contacts(server, tmp_path)
    assert result.failure == "Salesforce Contact: INVALID_QUERY_LOCATOR: invalid query locator."
    assert len(server.queries) == 2

    server.locator_pages = 2
    assert land_contacts(server, tmp_path).landed_row_count == 500
    assert landed(tmp_path) == truth(server.rows["Contact"])


def test_more_rows_without_a_place_to_find_them_are_an_error(
    server: SalesforceServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.rows["Contact"] = contacts(2001)
    whole = server.answer

    def cut(*request: Any) -> Any:
        answer = whole(*request)
        answer.pop("nextRecordsUrl", None)
        return answer

    monkeypatch.setattr(server, "answer", cut)
    result = land_contacts(server, tmp_path)
    assert result.failure == "Salesforce Contact: there are more rows, but the answer does not say where."
    assert result.landed_row_count == 2000


def test_a_read_that_stops_half_way_goes_on_from_its_last_batch(
    server: SalesforceServer, tmp_path: Path
) -> None:
    server.rows["Contact"] = contacts(9000)

    def use_up_quota(request: SeenRequest) -> None:
        if request.path.endswith("-4000"):
            server.quota_refusals = 100

    server.before_answer = use_up_quota
    stopped = land_contacts(server, tmp_path, batch_rows=2000)
    assert "REQUEST_LIMIT_EXCEEDED" in stopped.failure
    assert stopped.landed_row_count == len(landed(tmp_path)) == 6000
    assert stopped.cursor_after == f"SystemModstamp {stamp(5999)}"
    assert len(batches(tmp_path)) == 3

    server.quota_refusals, server.before_answer = 0, lambda request: None
    again = land_contacts(server, tmp_path, batch_rows=2000)
    assert (again.landed_row_count, again.repeated_row_count) == (3000, LAG_SECONDS + 1)
    assert f"SystemModstamp >= {stamp(5999 - LAG_SECONDS)[:19]}Z" in server.queries[-2]
    assert landed(tmp_path) == truth(server.rows["Contact"])


@pytest.mark.parametrize(("kind", "code"), [("hidden", "NOT_FOUND"), ("forbidden", "INSUFFICIENT_ACCESS")])
def test_an_object_that_the_user_may_not_read_keeps_no_other_back(
    server: SalesforceServer, tmp_path: Path, kind: str, code: str
) -> None:
    getattr(server, kind).add("Contact")
    server.rows["Lead"] = [contact(1, 1)]
    results = land(server, tmp_path, CONTACTS, "salesforce__leads")
    assert results[CONTACTS].refused.startswith(f"Salesforce Contact: {code}: ")
    assert "give the run-as user read access to the object" in results[CONTACTS].refused
    assert not any(result.failure for result in results.values())
    assert results["salesforce__leads"].landed_row_count == 1

    seen, leads = connector(server, tmp_path, CONTACTS, "salesforce__leads").probe()
    assert (seen.is_visible, leads.is_visible, leads.newest) == (False, True, stamp(1))
    assert "Salesforce Contact: " in seen.note


def test_a_used_up_quota_is_tried_again_and_then_said_in_words(
    server: SalesforceServer, tmp_path: Path
) -> None:
    server.rows["Contact"] = contacts(3)
    server.quota_refusals = 2
    assert land_contacts(server, tmp_path).landed_row_count == 3

    server.quota_refusals = 100
    calls_before = len(server.requests)
    results = land(server, tmp_path, CONTACTS, "salesforce__leads")
    [failure] = {result.failure for result in results.values()}
    assert failure.startswith(
        "Salesforce Contact: REQUEST_LIMIT_EXCEEDED: TotalRequests Limit exceeded. api-usage=15000/15000; "
        "the organisation's API requests of the last 24 hours are used up"
    )
    assert len(server.requests) - calls_before == 1 + LIMITS.attempt_count  # leads are not asked for


def test_the_probe_asks_once_per_object_for_its_newest_row(server: SalesforceServer, tmp_path: Path) -> None:
    server.rows["Contact"] = contacts(30)
    server.rows["Contact"][29]["IsDeleted"] = True
    probes = {probe.object_name: probe for probe in connector(server, tmp_path, *Salesforce.objects).probe()}

    assert list(probes) == list(Salesforce.objects)
    assert all(probe.is_visible for probe in probes.values())
    assert (probes[CONTACTS].newest, probes["salesforce__leads"].newest) == (stamp(29), "")
    assert len(server.requests) == 1 + len(Salesforce.objects)
    assert not (tmp_path / "salesforce").exists()
