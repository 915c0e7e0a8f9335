"""The Zendesk connector against a real HTTP server that checks every request as Zendesk would."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from zendesk_rows import fill, moment, organization, rating, ticket, user
from zendesk_server import API_TOKEN, EMAIL, NOW, Row, ZendeskServer, unix_seconds

from dagster_project.contracts import landing_objects
from dagster_project.ingest.api_client import HttpLimits
from dagster_project.ingest.batches import read_cursor
from dagster_project.ingest.streams import Landed, SourceError
from dagster_project.ingest.zendesk.connector import Zendesk

READ_AT = NOW
LIMITS = HttpLimits(timeout_seconds=5, attempt_count=2, first_wait_seconds=0.001, longest_wait_seconds=0.01)
USERS_PATH = "/api/v2/incremental/users/cursor.json"
RATINGS_PATH = "/api/v2/satisfaction_ratings.json"
TICKETS_PATH = "/api/v2/incremental/tickets/cursor.json"
ORGANIZATIONS_PATH = "/api/v2/incremental/organizations.json"


@pytest.fixture
def account() -> Iterator[ZendeskServer]:
    with ZendeskServer(page_rows=3) as server:
        yield server


def zendesk(account: ZendeskServer, landing_dir: Path, **settings: Any) -> Zendesk:
    chosen = {
        "api_token": API_TOKEN,
        "batch_rows": 1000,
        "calls_per_minute": 100_000,
        "limits": LIMITS,
    } | settings
    return Zendesk(account.url, EMAIL, landing_dir=landing_dir, **chosen)


def land(connector: Zendesk, read_at: dt.datetime = READ_AT) -> dict[str, Landed]:
    results = list(connector.land(read_at))
    assert [result.object_name for result in results] == list(connector.objects)
    return {result.object_name.removeprefix("zendesk__"): result for result in results}


def landed(landing_dir: Path, name: str, columns: str = "*") -> list[tuple[Any, ...]]:
    files = f"{landing_dir}/zendesk/{name}/*.parquet"
    sql = f"select {columns} from read_parquet('{files}', union_by_name = true) order by _source_file, _source_line"
    return duckdb.sql(sql).fetchall()


def files(landing_dir: Path) -> list[str]:
    return sorted(
        str(path.relative_to(landing_dir)) for path in landing_dir.rglob("*.parquet") if path.name[0] != "_"
    )


def test_the_objects_are_all_that_the_contracts_know_of_zendesk():
    assert sorted(Zendesk.objects) == sorted(
        name for name in landing_objects() if name.startswith("zendesk__")
    )


def test_all_pages_of_all_objects_are_landed_once(account: ZendeskServer, tmp_path: Path):
    fill(account)
    results = land(zendesk(account, tmp_path))
    assert account.complaints == []
    assert not any(result.failure or result.refused for result in results.values())
    assert {name: result.landed_row_count for name, result in results.items()} == {
        "organizations": 7, "users": 7, "tickets": 7, "ticket_events": 7, "ticket_metric_events": 7,
        "satisfaction_ratings": 7, "schedules": 1, "holidays": 1,
    }  # fmt: skip
    assert landed(tmp_path, "users", "id") == [(number,) for number in range(1, 8)]
    assert results["users"].api_call_count == results["tickets"].api_call_count == 3
    # by time a page begins with the second at which the one before ended: 1-3, 3-5, 5-7
    assert results["organizations"].api_call_count == 3
    assert (results["organizations"].fetched_row_count, results["organizations"].repeated_row_count) == (9, 2)
    assert results["users"].cursor_before == ""
    assert results["users"].cursor_after.startswith("newest 2026-09-01T10:07:00Z, after_cursor ")


def test_a_second_read_with_nothing_new_writes_no_file(account: ZendeskServer, tmp_path: Path):
    fill(account)
    land(zendesk(account, tmp_path))
    first, first_calls = files(tmp_path), len(account.requests)
    results = land(zendesk(account, tmp_path), READ_AT + dt.timedelta(days=1))
    assert files(tmp_path) == first
    assert sum(result.landed_row_count for result in results.values()) == 0
    assert account.complaints == []
    assert (
        len(account.requests) - first_calls == 11
    )  # one per export, three of ratings, three of business hours


def test_an_empty_account_leaves_only_the_empty_files(account: ZendeskServer, tmp_path: Path):
    results = land(zendesk(account, tmp_path))
    assert files(tmp_path) == []
    assert all(not result.failure and not result.fetched_row_count for result in results.values())
    assert len(list(tmp_path.rglob("_empty.parquet"))) == len(Zendesk.objects)


def test_changes_and_deletions_land_as_new_versions(account: ZendeskServer, tmp_path: Path):
    fill(account)
    land(zendesk(account, tmp_path))
    account.rows["tickets"][2] = ticket(3, status="deleted", updated_at=moment(30))
    account.rows["users"][0] = user(1, active=False, updated_at=moment(31))
    account.rows["organizations"][4] = organization(5, deleted_at=moment(32), updated_at=moment(32))
    account.rows["satisfaction_ratings"][1] = rating(2, moment(2), moment(33), "good")
    account.rows["holidays"][0]["end_date"] = "2026-10-04"
    results = land(zendesk(account, tmp_path), READ_AT + dt.timedelta(days=1))
    assert {name: result.landed_row_count for name, result in results.items() if result.landed_row_count} == {
        "tickets": 1, "users": 1, "organizations": 1, "satisfaction_ratings": 1, "holidays": 1
    }  # fmt: skip
    assert landed(tmp_path, "tickets", "id, status, updated_at")[-1] == (3, "deleted", moment(30))
    assert landed(tmp_path, "users", "id, active")[-1] == (1, False)
    assert landed(tmp_path, "organizations", "id, deleted_at")[-1] == (5, moment(32))
    assert landed(tmp_path, "satisfaction_ratings", "id, score")[-1] == (2, "good")
    assert landed(tmp_path, "holidays", "id, schedule_id, end_date, updated_at") == [
        (9, 5, "2026-10-03", "2026-10-01T12:00:00Z"), (9, 5, "2026-10-04", "2026-10-02T12:00:00Z")
    ]  # fmt: skip


def test_a_ticket_that_changes_while_it_is_read_is_landed_in_both_versions(
    account: ZendeskServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    fill(account, "tickets")
    answer = account.answer

    def answer_and_change(path: str, params: dict[str, str], authorization: str) -> tuple[int, Row]:
        said = answer(path, params, authorization)
        if path == TICKETS_PATH and "cursor" not in params:
            account.rows["tickets"][0] = ticket(1, status="open", updated_at=moment(40))
            account.rows["tickets"][1] = ticket(
                2, generated_at=moment(41)
            )  # told again, though nothing changed
        return said

    monkeypatch.setattr(account, "answer", answer_and_change)
    result = land(zendesk(account, tmp_path))["tickets"]
    assert (result.fetched_row_count, result.landed_row_count, result.repeated_row_count) == (9, 8, 1)
    assert [row for row in landed(tmp_path, "tickets", "id, status") if row[0] == 1] == [
        (1, "new"),
        (1, "open"),
    ]


def test_a_read_that_was_stopped_goes_on_at_its_last_page(account: ZendeskServer, tmp_path: Path):
    fill(account, "users", "satisfaction_ratings", "organizations")
    account.stops_after = {USERS_PATH: 2, RATINGS_PATH: 1}
    stopped = land(zendesk(account, tmp_path, batch_rows=3))
    assert "HTTP 503" in stopped["users"].failure
    assert (stopped["users"].landed_row_count, stopped["satisfaction_ratings"].landed_row_count) == (6, 3)
    assert stopped["organizations"].landed_row_count == 7
    account.stops_after.clear()
    account.requests.clear()
    results = land(zendesk(account, tmp_path), READ_AT + dt.timedelta(hours=1))
    assert (results["users"].landed_row_count, results["satisfaction_ratings"].landed_row_count) == (1, 4)
    assert [sorted(params) for path, params in account.requests if path == USERS_PATH] == [["cursor"]]
    assert [params["page[after]"] != "" for path, params in account.requests if path == RATINGS_PATH] == [
        True
    ] * 2
    for name in ("users", "satisfaction_ratings"):
        assert landed(tmp_path, name, "id") == [(number,) for number in range(1, 8)]


def test_a_lost_cursor_starts_over_at_the_newest_change_and_doubles_nothing(
    account: ZendeskServer, tmp_path: Path
):
    fill(account, "users")
    land(zendesk(account, tmp_path))
    account.lost_cursors.add(read_cursor(tmp_path, "zendesk", "zendesk__users")["after_cursor"])
    account.rows["users"].append(user(8))
    account.requests.clear()
    result = land(zendesk(account, tmp_path), READ_AT + dt.timedelta(days=90))["users"]
    assert not result.failure
    assert (result.landed_row_count, result.repeated_row_count) == (1, 1)
    newest = str(unix_seconds(moment(7)))
    asked = [params for path, params in account.requests if path == USERS_PATH]
    assert ("cursor" in asked[0], asked[1]) == (True, {"start_time": newest})


def test_metric_sets_stand_in_their_tickets(account: ZendeskServer, tmp_path: Path):
    account.rows["tickets"] = [ticket(1), ticket(2, status="deleted")]
    account.rows["metric_sets"] = [
        {"id": 101, "ticket_id": 1, "reopens": 2, "reply_time_in_minutes": {"calendar": 17, "business": 5}}
    ]
    land(zendesk(account, tmp_path))
    told = "id, metric_set ->> '$.reply_time_in_minutes.calendar', metric_set ->> '$.reopens'"
    assert landed(tmp_path, "tickets", told) == [(1, "17", "2"), (2, None, None)]


def test_an_update_that_does_not_tell_what_was_done_stops_its_object(account: ZendeskServer, tmp_path: Path):
    fill(account, "ticket_events", "ticket_metric_events")
    del account.rows["ticket_events"][3]["child_events"]
    results = land(zendesk(account, tmp_path))
    failure = results["ticket_events"].failure
    assert "the answer is not as documented: event 4000 has no list 'child_events'" in failure
    assert results["ticket_events"].landed_row_count == 3  # the page before
    assert results["ticket_metric_events"].landed_row_count == 7


def test_a_required_field_that_is_missing_sets_the_ticket_events_aside(
    account: ZendeskServer, tmp_path: Path
):
    fill(account, "ticket_events", "ticket_metric_events")
    for update in account.rows["ticket_events"]:
        update["ticket"] = update.pop("ticket_id")
    results = land(zendesk(account, tmp_path))
    assert "required column ticket_id is missing" in results["ticket_events"].refused
    assert results["ticket_metric_events"].landed_row_count == 7


def test_exports_are_paced_and_other_lists_are_not(account: ZendeskServer, tmp_path: Path):
    fill(account)
    now, waits = [0.0], []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        now[0] += seconds

    land(zendesk(account, tmp_path, calls_per_minute=10, clock=lambda: now[0], sleep=sleep))
    exports = [path for path in account.paths() if path.startswith("/api/v2/incremental/")]
    assert len(exports) == 15
    assert waits == [60.0]  # ten, a minute, five
    assert len(account.requests) > len(exports)


def test_what_happened_within_the_last_minute_is_left_to_the_next_read(
    account: ZendeskServer, tmp_path: Path
):
    second = dt.timedelta(seconds=1)
    text = "%Y-%m-%dT%H:%M:%SZ"
    settled, fresh = (f"{NOW - age * second:{text}}" for age in (90, 30))
    account.rows["organizations"] = [organization(1, updated_at=settled), organization(2, updated_at=fresh)]
    account.rows["tickets"] = [ticket(1, updated_at=settled), ticket(2, updated_at=fresh)]
    first = land(zendesk(account, tmp_path), NOW)
    account.now = NOW + 20 * second
    account.rows["organizations"].append(
        organization(3, updated_at=settled)
    )  # late, in a second that was read
    again = land(zendesk(account, tmp_path), account.now)
    account.now = NOW + 3600 * second
    last = land(zendesk(account, tmp_path), account.now)
    counts = [
        (results["organizations"].landed_row_count, results["tickets"].landed_row_count)
        for results in (first, again, last)
    ]
    assert counts == [(1, 1), (1, 0), (1, 1)]
    assert account.complaints == []


def test_an_end_within_the_last_minute_is_not_kept_as_a_start(account: ZendeskServer, tmp_path: Path):
    """Accounts of old showed the last minute too; a start in it would be refused by the next read."""
    account.rows["organizations"] = [organization(1)]
    account.now = dt.datetime(2026, 9, 1, 11, 0, 0)
    read_at = dt.datetime(2026, 9, 1, 10, 1, 30)
    land(zendesk(account, tmp_path), read_at)
    cursor = read_cursor(tmp_path, "zendesk", "zendesk__organizations")
    assert cursor == {"end_time": unix_seconds("2026-09-01T10:00:30Z")}


def test_wrong_credentials_stop_all_objects_and_name_their_settings(account: ZendeskServer, tmp_path: Path):
    wrong = "zdk-another-token"
    results = land(zendesk(account, tmp_path, api_token=wrong))
    for result in results.values():
        assert "CUSTINT_ZENDESK_EMAIL and CUSTINT_ZENDESK_API_TOKEN" in result.failure
        assert wrong not in result.failure
    assert len(account.requests) == 1
    with pytest.raises(SourceError, match="CUSTINT_ZENDESK_API_TOKEN"):
        zendesk(account, tmp_path, api_token=wrong).probe()


def test_an_object_that_the_user_may_not_read_does_not_keep_the_others_back(
    account: ZendeskServer, tmp_path: Path
):
    fill(account, "tickets", "users", "ticket_events")
    account.refused[TICKETS_PATH] = 403
    results = land(zendesk(account, tmp_path))
    assert "needs the role admin" in results["tickets"].refused
    assert (results["users"].landed_row_count, results["ticket_events"].landed_row_count) == (7, 7)
    assert [name for name, result in results.items() if result.refused] == ["tickets"]
    assert [name for name, result in results.items() if result.is_hidden] == ["tickets"]
    assert not any(result.failure for result in results.values())


def test_an_account_without_business_hours_has_no_schedules_and_no_failure(
    account: ZendeskServer, tmp_path: Path
):
    fill(account, "schedules", "holidays")
    account.has_business_hours = False
    results = land(zendesk(account, tmp_path))
    assert [(results[name].failure, results[name].fetched_row_count) for name in ("schedules", "holidays")] == [
        ("", 0), ("", 0)
    ]  # fmt: skip
    probes = {probe.object_name: probe for probe in zendesk(account, tmp_path).probe()}
    assert not probes["zendesk__schedules"].is_visible
    assert probes["zendesk__holidays"].note == "no business hours in this account, or not for this user"


def test_the_probe_asks_once_for_each_object_and_says_what_can_be_seen(
    account: ZendeskServer, tmp_path: Path
):
    fill(account)
    account.refused[ORGANIZATIONS_PATH] = 403
    probes = {probe.object_name: probe for probe in zendesk(account, tmp_path).probe()}
    assert list(probes) == list(Zendesk.objects)
    assert [name for name, probe in probes.items() if not probe.is_visible] == ["zendesk__organizations"]
    assert "needs the role admin" in probes["zendesk__organizations"].note
    assert probes["zendesk__schedules"].newest == moment(0)
    assert len(account.requests) == len(Zendesk.objects)
    assert account.complaints == []


def test_an_export_that_never_ends_is_left_with_an_error(
    account: ZendeskServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    fill(account, "organizations", "users")
    answer = account.answer

    def endless(path: str, params: dict[str, str], authorization: str) -> tuple[int, Row]:
        status, body = answer(path, params, authorization)
        return status, body | {"end_of_stream": False} if "end_of_stream" in body else body

    monkeypatch.setattr(account, "answer", endless)
    results = land(zendesk(account, tmp_path))
    for name in ("organizations", "users"):
        assert "from a place where it was before" in results[name].failure
        assert results[name].landed_row_count == 7


def test_an_export_that_does_not_say_when_it_ends_is_read_until_it_leads_nowhere(
    account: ZendeskServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    fill(account, "organizations", "users")
    answer = account.answer

    def silent(path: str, params: dict[str, str], authorization: str) -> tuple[int, Row]:
        status, body = answer(path, params, authorization)
        return status, {name: value for name, value in body.items() if name != "end_of_stream"}

    monkeypatch.setattr(account, "answer", silent)
    results = land(zendesk(account, tmp_path))
    assert not any(result.failure for result in results.values())
    assert (results["organizations"].landed_row_count, results["users"].landed_row_count) == (7, 7)


def test_comments_are_landed_with_their_words(account: ZendeskServer, tmp_path: Path):
    comment = {"id": 2, "event_type": "Comment", "author_id": 80, "body": "Näher 👀", "public": False}
    account.rows["ticket_events"] = [
        {"id": 1, "ticket_id": 5, "updater_id": 70, "created_at": moment(1), "child_events": [comment]}
    ]
    result = land(zendesk(account, tmp_path))["ticket_events"]
    assert (result.refused, result.rejected_row_count) == ("", 0)
    assert landed(tmp_path, "ticket_events", "id, author_id, type, public, extra") == [
        (2, 80, "comment", False, '{"audit_id":1,"body":"Näher 👀"}')
    ]


def test_what_tells_a_merge_is_landed(account: ZendeskServer, tmp_path: Path):
    via = {"channel": "web", "source": {"rel": "follow_up", "from": {"ticket_id": 3}}}
    account.rows["tickets"] = [
        ticket(5, status="closed", tags=["closed_by_merge"], collaborator_ids=[7], via=via)
    ]
    change = {"id": 2, "event_type": "Change", "via": "Merge", "status": "closed", "previous_value": "open"}
    account.rows["ticket_events"] = [
        {"id": 1, "ticket_id": 5, "updater_id": 70, "created_at": moment(1), "via": "Mail", "child_events": [change]}
    ]  # fmt: skip
    land(zendesk(account, tmp_path))
    told = "tags, collaborator_ids, json_extract_string(via, '$.source.rel')"
    assert landed(tmp_path, "tickets", told) == [('["closed_by_merge"]', "[7]", "follow_up")]
    assert landed(tmp_path, "ticket_events", "value, via") == [("closed", "Merge")]
