"""What the Salesforce connector reads of an organisation that checks every request and keeps the truth."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest
from salesforce_reads import (
    LAG_SECONDS,
    READ_AT,
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
from salesforce_server import Row, SalesforceServer, SeenRequest

from dagster_project.ingest.salesforce.connector import Salesforce


@pytest.fixture
def server() -> Iterator[SalesforceServer]:
    with SalesforceServer() as running:
        yield running


def test_the_first_read_lands_every_row_in_pages_of_2000(server: SalesforceServer, tmp_path: Path) -> None:
    server.rows["Contact"] = contacts(4500)
    result = land_contacts(server, tmp_path)

    assert (result.fetched_row_count, result.landed_row_count, result.failure) == (4500, 4500, "")
    assert result.cursor_after == "SystemModstamp 2026-09-01T01:14:59.000+0000"
    assert landed(tmp_path) == truth(server.rows["Contact"])
    assert landed(tmp_path, "distinct extra, _reject_reason") == [(None, None)]
    paths = [request.path.rsplit("-", 1) for request in server.requests]
    assert [path[0] for path in paths[:3]] == [
        "/services/oauth2/token",
        "/services/data/v62.0/sobjects/Contact/describe",
        "/services/data/v62.0/queryAll",
    ]
    assert [path[1] for path in paths[3:]] == ["2000", "4000"]
    assert result.api_call_count == len(server.requests) == 5
    assert {request.query_options for request in server.requests[2:]} == {"batchSize=2000"}
    assert server.queries == [
        "select Id,AccountId,FirstName,LastName,Email,Phone,Title,Birthdate,MailingStreet,MailingCity,"
        "MailingPostalCode,MailingCountry,IsDeleted,CreatedDate,SystemModstamp from Contact order by SystemModstamp,Id"
    ]


def test_times_are_landed_as_written_and_can_be_read_with_their_offset(
    server: SalesforceServer, tmp_path: Path
) -> None:
    server.rows["Contact"] = [contact(1, 5.25)]
    land_contacts(server, tmp_path)
    read = "SystemModstamp, timezone('UTC', try_cast(SystemModstamp as timestamptz))"
    assert landed(tmp_path, read) == [
        ("2026-09-01T00:00:05.250+0000", dt.datetime(2026, 9, 1, 0, 0, 5, 250_000))
    ]


def test_every_object_lands_with_its_own_fields(server: SalesforceServer, tmp_path: Path) -> None:
    times = {"CreatedDate": stamp(0), "SystemModstamp": stamp(1)}
    added: dict[str, Row] = {
        "Account": {"Name": "Acme", "NumberOfEmployees": 12},
        "Contact": {"LastName": "Berg", "AccountId": "Account-1"},
        "Lead": {"LastName": "Costa", "IsConverted": True, "ConvertedContactId": "Contact-1"},
        "Opportunity": {"AccountId": "Account-1", "StageName": "Closed Won", "Amount": 1250.5},
        "Campaign": {"Name": "Spring", "BudgetedCost": 900.0},
        "CampaignMember": {"CampaignId": "Campaign-1", "LeadId": "Lead-1"},
        "User": {"Name": "Ida Owen", "Email": "ida@ours.example", "IsActive": True},
    }
    for sobject, fields in added.items():
        server.rows[sobject] = [{"Id": f"{sobject}-1", "IsDeleted": False} | times | fields]
    results = land(server, tmp_path, *Salesforce.objects)

    assert {result.landed_row_count for result in results.values()} == {1}
    assert not any(result.failure or result.refused for result in results.values())
    folders = ("accounts", "contacts", "leads", "opportunities", "campaigns", "campaign_members", "users")
    for (sobject, fields), folder in zip(added.items(), folders, strict=True):
        columns = ", ".join(["Id", "_reject_reason", *fields])
        assert landed(tmp_path, columns, folder) == [(f"{sobject}-1", None, *fields.values())]
    assert server.token_answers == 1
    again = [result.object_name for result in connector(server, tmp_path, *Salesforce.objects).land(READ_AT)]
    assert again == list(Salesforce.objects)
    assert results["salesforce__users"].api_call_count == 3  # with the sign-in
    assert results["salesforce__leads"].api_call_count == 2


def test_a_read_with_nothing_new_makes_no_file(server: SalesforceServer, tmp_path: Path) -> None:
    server.rows["Contact"] = contacts(50)
    land_contacts(server, tmp_path)
    before = batches(tmp_path)
    result = land_contacts(server, tmp_path)

    assert (result.landed_row_count, result.repeated_row_count) == (0, 50)
    assert batches(tmp_path) == before
    assert result.cursor_before == result.cursor_after == "SystemModstamp 2026-09-01T00:00:49.000+0000"
    changes, count = server.queries[-2:]
    assert changes.endswith(" where SystemModstamp >= 2026-08-31T23:50:49Z order by SystemModstamp,Id")
    assert count == "select count() from Contact"


def test_a_newest_row_that_is_purged_does_not_take_the_cursor_back(
    server: SalesforceServer, tmp_path: Path
) -> None:
    server.rows["Contact"] = contacts(50)
    land_contacts(server, tmp_path)
    server.rows["Contact"].pop()
    result = land_contacts(server, tmp_path)
    assert result.cursor_after == "SystemModstamp 2026-09-01T00:00:49.000+0000"
    assert result.landed_row_count == 1  # the deletion that was found


def test_a_time_that_cannot_be_true_does_not_take_the_cursor_along(
    server: SalesforceServer, tmp_path: Path
) -> None:
    wrong = {1: "9999-12-31T23:59:59.000+0000", 2: "0001-01-01T00:00:00.000+0000", 3: "yesterday"}
    server.rows["Contact"] = contacts(5) + [
        contact(n + 10, 0, SystemModstamp=text) for n, text in wrong.items()
    ]
    result = land_contacts(server, tmp_path)
    assert (result.landed_row_count, result.cursor_after) == (8, f"SystemModstamp {stamp(4)}")

    server.rows["Contact"].append(contact(20, 3000))
    assert land_contacts(server, tmp_path).landed_row_count == 1


def test_changes_and_deletions_arrive_as_new_versions(server: SalesforceServer, tmp_path: Path) -> None:
    server.rows["Contact"] = contacts(2000)
    land_contacts(server, tmp_path)
    server.rows["Contact"][7] |= {"Email": "seven@example.com", "SystemModstamp": stamp(5000)}
    server.rows["Contact"][8] |= {"IsDeleted": True, "SystemModstamp": stamp(5001)}
    result = land_contacts(server, tmp_path)

    assert result.landed_row_count == 2
    assert result.fetched_row_count == LAG_SECONDS + 1 + 2
    newest = "Id, Email, IsDeleted, SystemModstamp"
    assert [row for row in landed(tmp_path, newest) if row[3] >= stamp(5000)] == [
        (contact(7, 0)["Id"], "seven@example.com", False, stamp(5000)),
        (contact(8, 0)["Id"], None, True, stamp(5001)),
    ]
    assert len(landed(tmp_path)) == 2002


def test_a_row_of_the_last_second_that_appears_later_is_read(
    server: SalesforceServer, tmp_path: Path
) -> None:
    server.rows["Contact"] = contacts(10)
    land_contacts(server, tmp_path, lag_seconds=0)
    server.rows["Contact"].append(contact(99, 9))
    result = land_contacts(server, tmp_path, lag_seconds=0)

    assert (result.landed_row_count, result.repeated_row_count) == (1, 1)
    assert landed(tmp_path) == truth(server.rows["Contact"])


def test_the_second_of_the_cursor_is_asked_for_whole(server: SalesforceServer, tmp_path: Path) -> None:
    server.rows["Contact"] = [contact(1, 9.75)]
    land_contacts(server, tmp_path, lag_seconds=0)
    server.rows["Contact"].append(contact(2, 9.25))
    land_contacts(server, tmp_path, lag_seconds=0)
    assert landed(tmp_path) == truth(server.rows["Contact"])


def test_a_row_that_comes_into_view_late_is_read_within_the_lag(
    server: SalesforceServer, tmp_path: Path
) -> None:
    server.rows["Contact"] = contacts(2000)
    land_contacts(server, tmp_path)
    server.rows["Contact"].append(contact(9999, 1999 - LAG_SECONDS))  # its transaction was long
    result = land_contacts(server, tmp_path)

    assert result.landed_row_count == 1
    assert result.cursor_after == result.cursor_before  # older rows do not take the cursor back
    assert landed(tmp_path) == truth(server.rows["Contact"])


def test_a_field_of_the_organisations_own_is_kept_and_reported_when_it_is_new(
    server: SalesforceServer, tmp_path: Path
) -> None:
    server.rows["Contact"] = contacts(3)
    assert land_contacts(server, tmp_path).new_fields == ()
    server.fields["Contact"]["Tier__c"] = "picklist"
    server.rows["Contact"].append(contact(3, 10, Tier__c="gold"))

    assert land_contacts(server, tmp_path).new_fields == ("Tier__c",)
    assert (contact(3, 0)["Id"], '{"Tier__c":"gold"}') in landed(tmp_path, "Id, extra")
    server.rows["Contact"].append(contact(4, 11, Tier__c="silver"))
    assert land_contacts(server, tmp_path).new_fields == ()


def test_only_what_is_stored_in_the_row_is_asked_for(server: SalesforceServer, tmp_path: Path) -> None:
    server.fields["Contact"] |= {
        "Photo__c": "base64", "Place__c": "location", "Age__c": "double", "Kept__c": "string",
        "LastViewedDate": "datetime",
    }  # fmt: skip
    server.calculated = {"Contact.Age__c", "Contact.Email"}  # what the contract needs is read in any case
    land_contacts(server, tmp_path)
    asked = server.queries[0].split(" ")[1].split(",")
    assert "Kept__c" in asked and "Email" in asked
    assert not {"Photo__c", "Place__c", "Age__c", "LastViewedDate", "MailingAddress"} & set(asked)


def test_more_fields_than_an_address_can_hold_are_left_out_from_the_end(
    server: SalesforceServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    custom = [f"Field_{number:03d}_of_this_organisation__c" for number in range(600)]
    server.fields["Contact"] |= dict.fromkeys(reversed(custom), "string")
    server.rows["Contact"] = [contact(1, 1, **{custom[0]: "first"})]
    result = land_contacts(server, tmp_path)

    assert (result.failure, result.landed_row_count) == ("", 1)
    asked = server.queries[0].split(" ")[1].split(",")
    kept = [name for name in asked if name.endswith("__c")]
    assert "SystemModstamp" in asked and kept == custom[: len(kept)] and 300 < len(kept) < 600
    assert "Salesforce Contact has more fields than one query can name" in caplog.text
    assert custom[-1] in caplog.text and custom[0] not in caplog.text


def test_fields_of_person_accounts_are_read_where_they_exist(
    server: SalesforceServer, tmp_path: Path
) -> None:
    person = {"Id": "001", "Name": "Ada Berg", "CreatedDate": stamp(0), "SystemModstamp": stamp(1),
              "IsPersonAccount": True, "PersonEmail": "ada@example.com"}  # fmt: skip
    server.rows["Account"] = [person]
    land(server, tmp_path, "salesforce__accounts")
    assert landed(tmp_path, "Id, IsPersonAccount, PersonEmail, extra", "accounts") == [
        ("001", None, None, None)
    ]

    server.fields["Account"] |= {"IsPersonAccount": "boolean", "PersonEmail": "email"}
    server.rows["Account"] = [person | {"SystemModstamp": stamp(2)}]
    land(server, tmp_path, "salesforce__accounts")
    assert ("001", True, "ada@example.com") in landed(
        tmp_path, "Id, IsPersonAccount, PersonEmail", "accounts"
    )


def test_rows_that_change_while_they_are_read_arrive_in_the_end(
    server: SalesforceServer, tmp_path: Path
) -> None:
    server.rows["Contact"] = contacts(4500)

    def change(request: SeenRequest) -> None:
        if request.path.endswith("-2000"):
            server.rows["Contact"][4400]["SystemModstamp"] = stamp(6000)
            server.rows["Contact"].append(contact(5000, 6001))

    server.before_answer = change
    land_contacts(server, tmp_path)
    server.before_answer = lambda request: None
    land_contacts(server, tmp_path)
    assert set(truth(server.rows["Contact"])) <= set(landed(tmp_path))
