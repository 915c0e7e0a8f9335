"""Rows that Salesforce deletes without a trace are found by their ids, and those that were missed are fetched."""

import datetime as dt
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from salesforce_reads import READ_AT, batches, connector, contact, contacts, land, landed, stamp
from salesforce_server import Row, SalesforceServer, SeenRequest

from dagster_project.ingest.salesforce.connector import Salesforce
from dagster_project.ingest.streams import Landed

MEMBERS = "salesforce__campaign_members"
DAY = dt.timedelta(days=1)


@pytest.fixture
def server() -> Iterator[SalesforceServer]:
    with SalesforceServer() as running:
        yield running


def member(number: int, seconds: float = 0, **fields: Any) -> Row:
    return {
        "Id": f"00v{number:012d}AAA", "CampaignId": "701a", "ContactId": "003a", "IsDeleted": False,
        "CreatedDate": stamp(0), "SystemModstamp": stamp(seconds),
    } | fields  # fmt: skip


def land_on(server: SalesforceServer, folder: Path, day: int, name: str = MEMBERS, **settings: Any) -> Landed:
    (result,) = connector(server, folder, name, **settings).land(READ_AT + day * DAY)
    assert (result.failure, result.refused) == ("", "")
    return result


def living(folder: Path, name: str = "campaign_members") -> set[str]:
    """Ids that the newest version of each row leaves alive, as bronze orders versions."""
    files = folder / "salesforce" / name / "*.parquet"
    found = duckdb.sql(f"""
        select Id from (
            select * from read_parquet('{files}', union_by_name = true)
            qualify row_number() over (
                partition by Id order by SystemModstamp desc, _loaded_at desc, _source_file desc, _source_line desc
            ) = 1
        ) where not IsDeleted
    """)
    return {row_id for (row_id,) in found.fetchall()}


def ids(rows: list[Row]) -> set[str]:
    return {row["Id"] for row in rows}


def test_a_member_that_is_gone_lands_as_deleted_with_all_that_was_known(
    server: SalesforceServer, tmp_path: Path
) -> None:
    server.fields["CampaignMember"]["Tier__c"] = "picklist"
    server.rows["CampaignMember"] = [member(1), member(2), member(3, Status="Sent", Tier__c="gold")]
    land_on(server, tmp_path, 0)
    server.rows["CampaignMember"].pop()
    result = land_on(server, tmp_path, 1)

    assert (result.landed_row_count, result.new_fields) == (1, ())
    assert living(tmp_path) == ids([member(1), member(2)])
    columns = "Id, SystemModstamp, IsDeleted, MissingSince, CampaignId, ContactId, Status, extra"
    found_at = "2026-10-02T02:00:00.000+0000"
    assert landed(tmp_path, columns, "campaign_members")[-1] == (
        member(3)["Id"], found_at, True, found_at, "701a", "003a", "Sent", '{"Tier__c":"gold"}'
    )  # fmt: skip
    calls = len(server.requests)
    assert land_on(server, tmp_path, 2).landed_row_count == 0  # it is found once
    assert len(server.requests) - calls == 4  # sign-in, fields, changes, count


def test_a_row_that_is_gone_is_found_although_as_many_are_new(
    server: SalesforceServer, tmp_path: Path
) -> None:
    server.rows["CampaignMember"] = [member(1), member(2), member(3)]
    land_on(server, tmp_path, 0)
    server.rows["CampaignMember"] = [member(1), member(3), member(4, 4000)]
    assert land_on(server, tmp_path, 1).landed_row_count == 2
    assert living(tmp_path) == ids(server.rows["CampaignMember"])


def test_an_object_that_is_too_large_to_be_counted_is_compared(
    server: SalesforceServer, tmp_path: Path
) -> None:
    server.refuses_counts = True
    server.rows["CampaignMember"] = [member(number, number) for number in range(10)]
    land_on(server, tmp_path, 0)
    server.rows["CampaignMember"].pop(4)
    assert land_on(server, tmp_path, 1).landed_row_count == 1
    assert living(tmp_path) == ids(server.rows["CampaignMember"])


@pytest.mark.parametrize("sobject", ["Account", "Contact", "Lead", "Opportunity", "Campaign"])
def test_every_object_that_can_be_purged_is_compared(
    server: SalesforceServer, tmp_path: Path, sobject: str
) -> None:
    names = {"Account": "accounts", "Contact": "contacts", "Lead": "leads", "Opportunity": "opportunities",
             "Campaign": "campaigns"}  # fmt: skip
    filled = {"Name": "N", "LastName": "L", "StageName": "S"}
    known = {name: text for name, text in filled.items() if name in server.fields[sobject]}
    server.rows[sobject] = [contact(number, number) | known for number in range(3)]
    land_on(server, tmp_path, 0, f"salesforce__{names[sobject]}")
    del server.rows[sobject][1]
    land_on(server, tmp_path, 1, f"salesforce__{names[sobject]}")
    assert living(tmp_path, names[sobject]) == ids(server.rows[sobject])


def test_a_row_in_the_recycle_bin_is_deleted_once_and_stays_so_when_it_is_purged(
    server: SalesforceServer, tmp_path: Path
) -> None:
    server.rows["Contact"] = contacts(3)
    land_on(server, tmp_path, 0, "salesforce__contacts")
    server.rows["Contact"][1] |= {"IsDeleted": True, "SystemModstamp": stamp(5000)}
    assert land_on(server, tmp_path, 1, "salesforce__contacts").landed_row_count == 1
    del server.rows["Contact"][1]
    calls = len(server.requests)
    assert land_on(server, tmp_path, 2, "salesforce__contacts").landed_row_count == 0
    assert len(server.requests) - calls == 4
    assert living(tmp_path, "contacts") == ids(server.rows["Contact"])


def test_rows_that_can_be_seen_again_live_again(server: SalesforceServer, tmp_path: Path) -> None:
    """Sharing rules may hide rows for a while: nothing tells that from a deletion, nor their return from none."""
    server.rows["CampaignMember"] = [member(number, number) for number in range(1200)]
    land_on(server, tmp_path, 0)
    hidden, server.rows["CampaignMember"] = server.rows["CampaignMember"], []
    land_on(server, tmp_path, 1)
    assert living(tmp_path) == set()
    server.rows["CampaignMember"] = hidden
    assert land_on(server, tmp_path, 2).landed_row_count == 1200
    assert living(tmp_path) == ids(hidden)
    assert land_on(server, tmp_path, 3).landed_row_count == 0
    server.rows["CampaignMember"][5] |= {"Status": "Responded", "SystemModstamp": stamp(40 * 86_400)}
    assert land_on(server, tmp_path, 41).landed_row_count == 1


def test_a_row_that_came_into_view_after_the_lag_is_fetched(server: SalesforceServer, tmp_path: Path) -> None:
    server.rows["CampaignMember"] = [member(1, 9000)]
    land_on(server, tmp_path, 0)
    server.rows["CampaignMember"].append(member(2, 10, Status="Sent"))
    assert land_on(server, tmp_path, 1).landed_row_count == 1
    assert landed(tmp_path, "Id, SystemModstamp, Status", "campaign_members")[-1] == (
        member(2)["Id"], stamp(10), "Sent"
    )  # fmt: skip


def test_rows_that_come_and_go_while_ids_are_read_are_right_in_the_end(
    server: SalesforceServer, tmp_path: Path
) -> None:
    server.rows["CampaignMember"] = [member(number, number) for number in range(10)]
    land_on(server, tmp_path, 0)
    server.rows["CampaignMember"].pop()

    def change(request: SeenRequest) -> None:
        if request.soql.startswith("select Id,IsDeleted"):
            server.rows["CampaignMember"] = server.rows["CampaignMember"][1:] + [member(77, 90_000)]

    server.before_answer = change
    land_on(server, tmp_path, 1)
    server.before_answer = lambda request: None
    land_on(server, tmp_path, 2)
    assert living(tmp_path) == ids(server.rows["CampaignMember"])


def test_after_any_story_landing_holds_what_the_organisation_holds(
    server: SalesforceServer, tmp_path: Path
) -> None:
    draw = random.Random(11)  # noqa: S311 - no secret
    rows: list[Row] = []
    for day in range(12):
        seconds = day * 86_400.0
        rows = [row for row in rows if draw.random() > 0.15]
        rows += [member(draw.randrange(10**9), seconds + draw.random()) for _ in range(draw.randrange(5))]
        for row in rows:
            if draw.random() < 0.1:
                row |= {"Status": draw.choice(["Sent", "Responded"]), "SystemModstamp": stamp(seconds + 5)}
            if draw.random() < 0.05:
                row |= {"IsDeleted": True, "SystemModstamp": stamp(seconds + 6)}
        server.rows["CampaignMember"] = rows
        land_on(server, tmp_path, day)
        if batches(tmp_path, "campaign_members"):
            assert living(tmp_path) == {row["Id"] for row in rows if not row["IsDeleted"]}, day


def test_users_are_read_by_their_few_fields_and_never_compared(
    server: SalesforceServer, tmp_path: Path
) -> None:
    server.rows["User"] = [{"Id": "005a", "Name": "Ida", "CreatedDate": stamp(0), "SystemModstamp": stamp(1)}]
    for day in range(2):
        land_on(server, tmp_path, day, "salesforce__users")
    assert all("count()" not in query and "Preferences" not in query for query in server.queries)


@pytest.mark.parametrize(("has_currencies", "expected"), [(True, "MXN"), (False, "EUR")])
def test_amounts_of_an_organisation_with_one_currency_are_in_that_one(
    server: SalesforceServer, tmp_path: Path, has_currencies: bool, expected: str
) -> None:
    if has_currencies:
        server.fields["Campaign"]["CurrencyIsoCode"] = "picklist"
    server.rows["Campaign"] = [
        {
            "Id": "701a",
            "Name": "Push",
            "CurrencyIsoCode": "MXN",
            "CreatedDate": stamp(0),
            "SystemModstamp": stamp(1),
        }
    ]
    land_on(server, tmp_path, 0, "salesforce__campaigns", currency="EUR")
    assert landed(tmp_path, "Id, CurrencyIsoCode", "campaigns") == [("701a", expected)]


def test_an_object_that_is_hidden_loses_no_row(server: SalesforceServer, tmp_path: Path) -> None:
    server.rows["CampaignMember"] = [member(1)]
    land(server, tmp_path, *Salesforce.objects)
    server.hidden = {"CampaignMember"}
    results = land(server, tmp_path, *Salesforce.objects)
    assert {name for name, result in results.items() if result.failure or result.refused} == {MEMBERS}
    assert living(tmp_path) == ids([member(1)])  # who may not ask any more knows of no deletion
