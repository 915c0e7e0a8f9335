"""The history of a Zendesk ticket against rows written by hand, as the sample company writes them."""

from typing import Any

import pytest
from zendesk_rows import moment
from zendesk_server import Row, unix_seconds

from dagster_project.ingest.streams import SourceError
from dagster_project.ingest.zendesk.shapes import ticket_event_rows


def test_the_history_of_a_ticket_becomes_the_rows_that_the_sample_company_writes():
    customer, agent, system = 70, 80, -1
    opened, assigned, noted, replied, returned, solved = (moment(number) for number in (1, 2, 3, 4, 5, 6))

    def update(number: int, at: str, updater: int, *children: Row) -> Row:
        return {
            "id": number, "ticket_id": 5, "timestamp": unix_seconds(at), "created_at": at, "updater_id": updater,
            "via": "Web form", "event_type": "Audit", "metadata": {}, "system": {"ip_address": "203.0.113.9"},
            "child_events": list(children),
        }  # fmt: skip

    def change(number: int, before: Any, **field: Any) -> Row:
        return {"id": number, "via": "Web form", "event_type": "Change", "previous_value": before, **field}

    def comment(number: int, author: int, is_public: bool) -> Row:
        return {
            "id": number, "type": "Comment", "event_type": "Comment", "author_id": author, "body": "words",
            "html_body": "<p>words</p>", "public": is_public, "attachments": [], "audit_id": number - 1,
        }  # fmt: skip

    updates = [
        update(
            10, opened, customer, comment(11, customer, True), {"id": 12, "event_type": "Create", "status": "new"},
            {"id": 13, "event_type": "Create", "priority": "high"}, {"id": 14, "event_type": "Notification"},
        ),
        update(20, assigned, system, change(21, "new", status="open"), change(22, None, assignee_id=agent)),
        update(30, noted, agent, comment(31, agent, False)),
        update(40, replied, agent, comment(41, agent, True), change(42, "open", status="pending")),
        update(50, returned, agent, comment(51, customer, True)),  # the agent enters what the customer said
        update(60, solved, agent, change(61, "pending", status="solved"), change(62, ["a"], tags=["a", "b"]),
               change(63, "question", type="incident"), change(64, None, custom_ticket_fields={"360": "gold"})),
    ]  # fmt: skip
    rows = ticket_event_rows(updates)
    names = (
        "id", "author_id", "author_role", "type", "field_name", "previous_value", "value", "public", "created_at"
    )  # fmt: skip
    assert [tuple(row[name] for name in names) for row in rows] == [
        (10, customer, None, "create", None, None, None, True, opened),
        (12, customer, None, "change", "status", None, "new", None, opened),
        (13, customer, None, "change", "priority", None, "high", None, opened),
        (21, None, "system", "change", "status", "new", "open", None, assigned),
        (22, None, "system", "change", "assignee_id", None, "80", None, assigned),
        (31, agent, None, "comment", None, None, None, False, noted),
        (41, agent, None, "comment", None, None, None, True, replied),
        (42, agent, None, "change", "status", "open", "pending", None, replied),
        (51, customer, None, "comment", None, None, None, True, returned),
        (61, agent, None, "change", "status", "pending", "solved", None, solved),
        (62, agent, None, "change", "tags", '["a"]', '["a","b"]', None, solved),
        (63, agent, None, "change", "type", "question", "incident", None, solved),
        (64, agent, None, "change", "360", None, "gold", None, solved),
    ]
    assert {row["ticket_id"] for row in rows} == {5}
    told = str(rows)
    assert "words" in told
    assert "<p>" not in told
    assert "203.0.113.9" not in told


@pytest.mark.parametrize(
    ("via", "of_child", "expected"),
    [
        ("Web form", None, "Web form"),
        ("Mail", "Rule", "Rule"),
        ({"channel": "web", "source": {"rel": "merge"}}, None, "merge"),
        ({"channel": "email", "source": {"rel": None}}, None, "email"),
        (None, None, None),
    ],
)
def test_every_row_says_how_it_came_about(via: Any, of_child: Any, expected: str | None):
    own = {"via": of_child} if of_child else {}
    update = {
        "id": 1, "ticket_id": 5, "created_at": moment(1), "updater_id": 80, "via": via,
        "child_events": [
            {"id": 2, "event_type": "Comment", "public": True, "author_id": 80} | own,
            {"id": 3, "event_type": "Change", "status": "closed", "previous_value": "open"} | own,
        ],
    }  # fmt: skip
    assert [row["via"] for row in ticket_event_rows([update])] == [expected, expected]


def test_comments_that_are_only_announced_keep_whether_they_are_public():
    update = {
        "id": 1, "ticket_id": 5, "created_at": moment(1), "updater_id": 80,
        "child_events": [
            {"id": 2, "event_type": "Comment", "comment_present": True, "comment_public": False},
            {"id": 3, "type": "Change", "field_name": "priority", "value": "low", "previous_value": "high"},
        ],
    }  # fmt: skip
    comment, change = ticket_event_rows([update])
    assert (comment["id"], comment["type"], comment["public"], comment["author_id"]) == (
        2,
        "comment",
        False,
        80,
    )
    assert (change["field_name"], change["previous_value"], change["value"]) == ("priority", "high", "low")


@pytest.mark.parametrize("children", [None, "many", ["one"], [{"id": 2, "status": "open"}]])
def test_child_events_that_are_not_as_documented_are_an_error(children: Any):
    with pytest.raises(SourceError, match="event 7 has"):
        ticket_event_rows([{"id": 7, "ticket_id": 5, "created_at": moment(1), "child_events": children}])
