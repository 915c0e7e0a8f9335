"""Tickets, their events and ratings from landing to gold, as the real dbt builds them from hand-made rows."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from dbt_in_process import run_dbt
from ticket_stories import (
    CASES,
    CLOCKED,
    CLOCKED_TOO,
    DEMOTED,
    ERASED,
    FIRST_AGENT,
    IDENTITIES,
    LANDED,
    LEFT,
    LEFT_TOO,
    SECOND_AGENT,
    STAFF,
    TICKET_IDS,
)

from dagster_project.contracts import landing_objects
from dagster_project.ingest.landing import write_batch, write_empty_file

LOADED_AT = dt.datetime(2026, 3, 2, 6, 0)
POLARS_TYPES = {"VARCHAR": pl.String, "BIGINT": pl.Int64, "DOUBLE": pl.Float64, "BOOLEAN": pl.Boolean}
FACTS = ["fct_tickets", "fct_ticket_events", "fct_survey_responses"]


def land(landing: Path) -> None:
    for name, columns in landing_objects().items():
        system, object_name = name.split("__", 1)
        write_empty_file(landing, system, object_name, columns)
        if name in LANDED:
            schema = {field: POLARS_TYPES[kind] for field, kind in columns.items()}
            rows = [{field: row.get(field) for field in schema} for row in LANDED[name]]
            frame = pl.DataFrame(rows, schema=schema)
            write_batch(landing, system, object_name, "2026-02-01", frame, LOADED_AT)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """Land everything, name the customers, and run `dbt build` once."""
    data_dir = tmp_path_factory.mktemp("support")
    land(data_dir / "landing")
    warehouse = data_dir / "warehouse.duckdb"
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create schema silver")
        connection.execute(
            "create table silver.customer_identities"
            " (system varchar, object varchar, source_ref varchar, customer_id varchar)"
        )
        connection.executemany("insert into silver.customer_identities values (?, ?, ?, ?)", IDENTITIES)
        connection.execute(
            "create table silver.ticket_sentiments (system varchar, ticket_ref varchar, polarity double)"
        )
    results = run_dbt(
        data_dir, "build", "--indirect-selection", "cautious", "--exclude-resource-type", "unit_test",
        "--select", *[f"+{name}" for name in FACTS],
        "assert_business_minutes_fit_in_calendar_minutes", "assert_tickets_begin_before_they_end",
        "assert_schedules_can_be_counted_in", "assert_survey_ratings_lie_on_their_scale",
    )  # fmt: skip
    with duckdb.connect(str(warehouse)) as connection:
        warned = [(result.node.name, result.failures) for result in results if result.status == "warn"]
        connection.execute("create table warned (name varchar, row_count bigint)")
        connection.executemany("insert into warned values (?, ?)", warned)
        yield connection


@pytest.fixture(scope="module")
def tickets(built: duckdb.DuckDBPyConnection) -> dict[str, dict[str, Any]]:
    rows = built.execute("select * from gold.fct_tickets").pl().to_dicts()
    by_id = {row["ticket_id"]: row for row in rows}
    return {case: by_id[f"zendesk:{TICKET_IDS[case]}"] for case in CASES if case != "deleted"} | {
        ref: by_id[f"files:{ref}"] for ref in ("f1", "f2")
    }


# case, replies, agents, reopened, escalated, one touch, first contact; minutes to reply, first and last solution
HISTORIES = [
    ("one touch", 1, 1, 0, False, True, True, 10, 10, 10),
    ("internal note first", 1, 1, 0, False, True, True, 20, 60, 60),
    ("reopened the next day", 2, 1, 1, False, False, False, 10, 20, 2880),
    ("open again after eight days", 1, 1, 1, False, False, True, 10, 20, None),
    ("question back", 1, 1, 0, False, True, False, 10, 60, 60),
    ("handed on", 2, 2, 0, True, False, False, 10, 60, 60),
    ("solved in silence", 0, 1, 0, False, False, False, None, 60, 60),
    ("answered before it was opened", 1, 1, 0, False, True, True, None, 60, 60),
    ("solution newer than events", 1, 1, 0, False, True, True, 10, 60, 60),
    ("only opened", 0, 0, None, False, False, False, None, None, None),
    ("no events", None, None, 2, True, None, None, 35, None, 60),
    ("no events and not solved", None, None, None, False, None, None, None, None, None),
    ("left before the first read", 1, 1, 0, False, True, True, 10, 10, 10),
    ("left, and the ticket went on", 1, 2, 0, False, True, True, 10, 60, 60),
    ("left after it", 1, 1, 0, False, True, True, 10, 10, 10),
    ("came back to ask", 0, 1, 0, False, False, False, None, 67700, 67700),
    ("the clock of the ticket", 1, 2, 0, False, True, True, 10, 60, 60),
    ("the clock of the account", 1, 2, 0, False, True, True, 10, 60, 60),
    ("erased, and once assigned", 1, 2, 0, False, True, True, 10, 60, 60),
    ("copied in", 1, 1, 0, False, True, True, 20, 60, 60),
    ("a colleague", 1, 1, 0, False, True, True, 20, 60, 60),
    ("asked by an agent", 1, 1, 0, False, True, True, 20, 20, 20),
    ("merged", 0, 1, 0, False, None, None, None, None, None),
    ("merged after a reply", 1, 1, 0, False, None, None, 10, None, None),
    ("merged, as the tags tell", 0, 1, 0, False, None, None, None, None, None),
    ("merged without events", None, None, 2, True, None, None, 35, None, None),
    ("tag without a merge", None, None, None, False, None, None, None, None, None),
    ("taken up in", 1, 1, 0, False, True, True, 20, 60, 60),
    ("follow-up of a merged one", 1, 1, 0, False, True, True, 10, 20, 20),
    ("opened with the tag", 1, 1, 0, False, True, True, 10, 20, 20),
    ("closed without a word", 1, 1, 0, False, True, True, 10, 60, 60),
    ("closed without events", None, None, None, False, None, None, None, 60, 60),
    ("open again since", 1, 1, 1, False, False, False, 10, 20, None),
]


@pytest.mark.parametrize("expected", HISTORIES, ids=lambda row: row[0].replace(" ", "_"))
def test_events_tell_replies_solutions_and_how_it_was_handled(
    expected: tuple[Any, ...], tickets: dict[str, dict[str, Any]]
) -> None:
    case, *values = expected
    columns = (
        "public_reply_count", "agent_count", "reopen_count", "is_escalated", "is_one_touch",
        "is_first_contact_resolution", "first_reply_calendar_minutes", "first_resolution_calendar_minutes",
        "resolution_calendar_minutes",
    )  # fmt: skip
    assert dict(zip(columns, values, strict=True)) == {column: tickets[case][column] for column in columns}


def test_a_ticket_that_counts_in_no_measure_says_why(
    tickets: dict[str, dict[str, Any]], built: duckdb.DuckDBPyConnection
) -> None:
    reasons = {case: row["exclusion_reason"] for case, row in tickets.items() if row["exclusion_reason"]}
    merged = ("merged", "merged after a reply", "merged, as the tags tell", "merged without events")
    assert reasons == dict.fromkeys(merged, "merged") | {"nobody's": "requested by staff"}
    assert [case for case, row in tickets.items() if row["customer_id"] is None] == ["nobody's"]
    assert tickets["merged"]["solved_at"] == dt.datetime(2026, 1, 13, 16)  # it is not open any more
    assert (tickets["merged"]["csat_rating"], tickets["one touch"]["csat_rating"]) == (None, 5)
    rated = built.execute(
        "select rating, category, exclusion_reason from gold.fct_survey_responses"
        " where response_id = 'ticket:zendesk:5'"
    )
    assert rated.fetchall() == [(1, None, "merged")]


def test_who_works_or_worked_in_support_is_known_and_nobody_else_is(built: duckdb.DuckDBPyConnection) -> None:
    found = {int(ref) for (ref,) in built.execute("select user_ref from silver.support_staff").fetchall()}
    assert found == {LEFT, LEFT_TOO, DEMOTED, CLOCKED, CLOCKED_TOO, ERASED, STAFF, FIRST_AGENT, SECOND_AGENT}


def test_a_ticket_that_was_reopened_is_reopened_whatever_became_of_it(tickets: dict[str, Any]) -> None:
    reopened = {case for case, ticket in tickets.items() if ticket["is_reopened"]}
    by_events = {"reopened the next day", "open again after eight days", "open again since"}
    assert {case for case in reopened if tickets[case]["last_reopened_at"]} == by_events
    assert tickets["reopened the next day"]["last_reopened_at"] == dt.datetime(2026, 1, 14, 15)
    assert tickets["handed on"]["escalated_at"] == dt.datetime(2026, 1, 13, 15, 20)


def test_the_newer_of_ticket_and_events_says_the_status(tickets: dict[str, Any]) -> None:
    assert tickets["reopened the next day"]["status"] == "closed"
    assert tickets["open again after eight days"]["status"] == "open"
    assert tickets["no events"]["status"] == "open"


def test_business_minutes_are_counted_in_the_schedule_of_the_ticket(tickets: dict[str, Any]) -> None:
    """Its own, else the oldest usable one of its system, else the default; New York is closed on January 14."""
    found = {
        case: (ticket["schedule_id"], ticket["first_reply_business_minutes"], ticket["resolution_business_minutes"])
        for case, ticket in tickets.items()
    }  # fmt: skip
    assert found["reopened the next day"] == ("zendesk:1", 10, 480)
    assert found["always"] == ("zendesk:2", 35, 60)
    assert found["unknown schedule"] == found["unusable schedule"] == ("zendesk:1", 35, 60)
    assert found["older than its schedule"] == ("zendesk:2", 35, 120)
    assert found["f1"] == ("default", 10, 480 + 30)
    assert found["f2"] == ("default", None, None)


def test_a_ticket_of_a_file_keeps_what_the_file_says(tickets: dict[str, Any]) -> None:
    ticket = tickets["f1"]
    assert (ticket["customer_id"], ticket["status"], ticket["csat_rating"]) == ("C2", "solved", 4.5)
    assert (ticket["first_reply_calendar_minutes"], ticket["resolution_calendar_minutes"]) == (40, 1500)
    assert (ticket["is_reopened"], ticket["is_escalated"], ticket["is_one_touch"]) == (False, False, None)
    assert tickets["f2"]["status"] == "pending"


def test_every_turn_of_a_ticket_is_kept_so_that_it_is_known_when_it_was_open(
    built: duckdb.DuckDBPyConnection,
):
    refs = ("one touch", "reopened the next day", "open again after eight days", "only opened")
    turns = dict(built.execute("select ticket_id, turned_at from silver.tickets").fetchall())
    told = {case: [f"{at:%d %H:%M}" for at in turns[f"zendesk:{TICKET_IDS[case]}"]] for case in refs}
    assert told["reopened the next day"] == ["13 15:20", "14 15:00", "15 15:00"]
    assert told["open again after eight days"] == ["13 15:20", "21 15:20"]
    assert (len(told["one touch"]), told["only opened"]) == (1, [])
    assert turns["files:f1"] == [dt.datetime(2026, 1, 14, 9, 30)]


def test_every_event_is_there_once_and_a_ticket_without_events_gives_its_moments(
    built: duckdb.DuckDBPyConnection,
) -> None:
    delivered = built.execute(
        "select count(*) from gold.fct_ticket_events where not event_id like '%:%:%'"
    ).fetchall()
    assert delivered == [(len(LANDED["zendesk__ticket_events"]),)]
    moments = built.execute(
        "select event_id, event_kind, new_value, occurred_at from gold.fct_ticket_events"
        " where ticket_id = 'files:f1' order by occurred_at"
    ).fetchall()
    assert moments == [
        ("files:f1:opened", "create", None, dt.datetime(2026, 1, 13, 8, 30)),
        ("files:f1:replied", "comment", None, dt.datetime(2026, 1, 13, 9, 10)),
        ("files:f1:solved", "change", "solved", dt.datetime(2026, 1, 14, 9, 30)),
    ]


def test_the_clocks_of_a_ticket_and_its_missed_targets_are_told(
    built: duckdb.DuckDBPyConnection, tickets: dict[str, dict[str, Any]]
) -> None:
    told = built.execute(
        "select field_name, new_value, sla_target_minutes, author_role from gold.fct_ticket_events"
        " where ticket_id = 'zendesk:1' and event_kind = 'clock' order by event_id"
    ).fetchall()
    assert told == [
        ("reply_time", "activate", None, "system"),
        ("reply_time", "apply_sla", 15, "system"),
        ("reply_time", "apply_sla", 5, "system"),
        ("reply_time", "breach", None, "system"),
        ("reply_time", "fulfill", None, "system"),
    ]
    counts = {case: tickets[case]["sla_breach_count"] for case in ("one touch", "copied in", "handed on")}
    assert counts == {"one touch": 1, "copied in": 0, "handed on": None}


def test_every_answer_is_one_response_with_the_category_of_its_scale(
    built: duckdb.DuckDBPyConnection,
) -> None:
    rows = built.execute(
        "select response_id, customer_id, survey_kind, rating, category, ticket_id"
        " from gold.fct_survey_responses order by response_id"
    ).fetchall()
    one_touch = f"zendesk:{TICKET_IDS['one touch']}"
    reopened = f"zendesk:{TICKET_IDS['reopened the next day']}"
    assert rows == [
        ("survey:files:r1", "C2", "nps", 10, "promoter", None),
        ("survey:files:r2", "C2", "nps", 6, "detractor", None),
        ("survey:files:r3", "C2", "csat", 3, "neutral", None),
        ("survey:files:r4", "C2", "ces", 5, "satisfied", None),
        ("survey:files:r5", "C2", "csat", 9, None, None),
        ("survey:marketing:n1", "C1", "nps", 8, "passive", None),
        ("ticket:files:f1", "C2", "csat", 4.5, "satisfied", "files:f1"),
        ("ticket:zendesk:1", "C1", "csat", 5, "satisfied", one_touch),
        ("ticket:zendesk:2", "C1", "csat", 1, "dissatisfied", reopened),
        ("ticket:zendesk:3", "C1", "csat", 5, "satisfied", reopened),
        ("ticket:zendesk:5", "C1", "csat", 1, None, f"zendesk:{TICKET_IDS['merged']}"),
    ]


def test_what_cannot_be_counted_is_listed_and_stops_nothing(built: duckdb.DuckDBPyConnection) -> None:
    assert dict(built.execute("select * from warned").fetchall()) == {
        "assert_schedules_can_be_counted_in": 3,
        "assert_survey_ratings_lie_on_their_scale": 1,
        "assert_tickets_begin_before_they_end": 1,
    }
