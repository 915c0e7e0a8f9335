"""Hand-made landing rows of tickets, their events, schedules, ratings and surveys. Not here: what is expected of them.

All tickets are opened on Tuesday 2026-01-13 at 15:00 UTC, 10:00 in New York, unless they say otherwise.
"""

import hashlib
import json
from typing import Any

OPENED = "2026-01-13T15:00:00Z"
REQUESTER, FIRST_AGENT, SECOND_AGENT = 7, 91, 92
LEFT, LEFT_TOO, DEMOTED, CLOCKED, CLOCKED_TOO, ERASED, COPIED, COLLEAGUE, STAFF = range(71, 80)
Row = dict[str, Any]
Event = tuple[str, Row]  # when, and the fields of the event


def agent_says(public: bool = True, author: int = FIRST_AGENT) -> Row:
    return {"type": "comment", "author_id": author, "author_role": "agent", "public": public}


def requester_says() -> Row:
    return {"type": "comment", "author_id": REQUESTER, "author_role": "end-user", "public": True}


def changed(field: str, before: str | None, after: str, author: int = FIRST_AGENT) -> Row:
    fields = {"field_name": field, "previous_value": before, "value": after}
    return {"type": "change", "author_id": author, "author_role": "agent"} | fields


def live(event: Row, author: int = FIRST_AGENT, via: str | None = None) -> Row:
    """An event as a live account tells it: without the role of its author."""
    return event | {"author_id": author, "author_role": None, "via": via}


def tagged(*tags: str) -> Row:
    return {"tags": json.dumps(tags)}


SOLVED, REOPENED = changed("status", "open", "solved"), changed("status", "solved", "open")
ASSIGNED, HANDED_ON = changed("group_id", None, "1"), changed("group_id", "1", "2")
CLOSED, MERGE_TAG = changed("status", "open", "closed"), "closed_by_merge"
AT_1510, AT_1520, AT_1600 = (f"2026-01-13T{time}:00Z" for time in ("15:10", "15:20", "16:00"))

# Events of a ticket, after its creation, by what the ticket is an example of.
STORIES: dict[str, list[Event]] = {
    "one touch": [(AT_1510, agent_says()), (AT_1510, SOLVED)],
    "internal note first": [
        ("2026-01-13T15:05:00Z", agent_says(public=False)), (AT_1520, agent_says()), (AT_1600, SOLVED)
    ],
    "reopened the next day": [
        (AT_1510, agent_says()), (AT_1520, SOLVED), ("2026-01-14T15:00:00Z", requester_says()),
        ("2026-01-14T15:00:00Z", REOPENED), ("2026-01-14T16:00:00Z", agent_says()),
        ("2026-01-15T15:00:00Z", SOLVED), ("2026-01-19T15:00:00Z", changed("status", "solved", "closed")),
    ],
    "open again after eight days": [(AT_1510, agent_says()), (AT_1520, SOLVED), ("2026-01-21T15:20:01Z", REOPENED)],
    "question back": [(AT_1510, agent_says()), (AT_1520, requester_says()), (AT_1600, SOLVED)],
    "handed on": [
        (AT_1510, ASSIGNED), (AT_1510, agent_says()), (AT_1520, HANDED_ON),
        (AT_1600, agent_says(author=SECOND_AGENT)), (AT_1600, SOLVED),
    ],
    "solved in silence": [(AT_1600, SOLVED)],
    "answered before it was opened": [("2026-01-13T14:00:00Z", agent_says()), (AT_1600, SOLVED)],
    "solution newer than events": [(AT_1510, agent_says()), (AT_1510, changed("status", "new", "open"))],
    "only opened": [],
    # Agents who left are end-users today
    "left before the first read": [(AT_1510, live(agent_says(), LEFT)), (AT_1510, live(SOLVED, LEFT))],
    "left, and the ticket went on": [(AT_1510, live(agent_says(), LEFT_TOO)), (AT_1600, SOLVED)],
    "left after it": [(AT_1510, live(agent_says(), DEMOTED)), (AT_1510, live(SOLVED, DEMOTED))],
    "came back to ask": [("2026-03-01T15:10:00Z", live(agent_says(), DEMOTED)), ("2026-03-01T15:20:00Z", SOLVED)],
    "the clock of the ticket": [(AT_1510, live(agent_says(), CLOCKED)), (AT_1600, SOLVED)],
    "the clock of the account": [(AT_1510, live(agent_says(), CLOCKED_TOO)), (AT_1600, SOLVED)],
    "erased, and once assigned": [
        (AT_1510, live(changed("assignee_id", None, str(ERASED)), FIRST_AGENT)), (AT_1510, live(agent_says(), ERASED)),
        (AT_1600, live(changed("assignee_id", str(ERASED), "91"))), (AT_1600, SOLVED),
    ],
    "copied in": [(AT_1510, live(requester_says(), COPIED)), (AT_1520, agent_says()), (AT_1600, SOLVED)],
    "a colleague": [
        (AT_1510, live(requester_says(), COLLEAGUE)),
        (AT_1510, live(changed("status", "new", "pending"), COLLEAGUE, "Rule")),
        (AT_1520, agent_says()), (AT_1600, SOLVED),
    ],
    "asked by an agent": [(AT_1510, live(agent_says(), STAFF)), (AT_1520, agent_says()), (AT_1520, SOLVED)],
    # Merges
    "merged": [(AT_1600, agent_says()), (AT_1600, CLOSED)],
    "merged after a reply": [(AT_1510, agent_says()), (AT_1600, agent_says()), (AT_1600, live(CLOSED, via="Merge"))],
    "merged, as the tags tell": [
        (AT_1600, agent_says()), (AT_1600, CLOSED), (AT_1600, changed("tags", '["vip"]', '["vip", "closed_by_merge"]')),
    ],
    "taken up in": [(AT_1510, agent_says() | {"via": "Merge"}), (AT_1520, agent_says()), (AT_1600, SOLVED)],
    "follow-up of a merged one": [(AT_1510, agent_says()), (AT_1520, SOLVED), (AT_1600, CLOSED)],
    "opened with the tag": [
        (OPENED, changed("tags", None, '["closed_by_merge"]', REQUESTER)), (AT_1510, agent_says()), (AT_1520, SOLVED),
    ],
    # Solutions without an event
    "closed without a word": [(AT_1510, agent_says()), (AT_1510, changed("status", "new", "open"))],
    "open again since": [(AT_1510, agent_says()), (AT_1520, SOLVED), (AT_1600, REOPENED)],
}  # fmt: skip
METRICS = {"reply_time_in_minutes": {"calendar": 35}, "reopens": 2, "escalated": True, "solved_at": AT_1600}
# Fields of a ticket without delivered events, or other fields of one that has them.
TICKETS: dict[str, Row] = {
    "no events": {"metric_set": json.dumps(METRICS)},
    "no events and not solved": {},
    "solution newer than events": {"metric_set": json.dumps({"solved_at": AT_1600}), "status": "solved"},
    "the clock of the ticket": {"metric_set": json.dumps({"reply_time_in_minutes": {"calendar": 10}})},
    "copied in": {"collaborator_ids": f"[{COPIED}]"},
    "asked by an agent": {"requester_id": STAFF},
    "merged": tagged("vip", MERGE_TAG) | {"status": "closed"},
    "merged after a reply": {"status": "closed"},
    "merged, as the tags tell": {"status": "closed"},
    "merged without events": tagged(MERGE_TAG) | {"status": "closed", "metric_set": json.dumps(METRICS)},
    "tag without a merge": tagged(MERGE_TAG),
    "follow-up of a merged one": tagged(MERGE_TAG) | {
        "status": "closed", "via": '{"channel":"web","source":{"rel":"follow_up"}}'
    },
    "opened with the tag": tagged(MERGE_TAG) | {"status": "closed"},
    "closed without a word": {"status": "closed", "updated_at": AT_1600},
    "closed without events": {"status": "closed", "updated_at": AT_1600},
    "open again since": {"status": "solved", "updated_at": AT_1520},
    "nobody's": {"requester_id": STAFF, "organization_id": None},
    "deleted": {"status": "deleted"},
    "always": {"schedule_id": 2, "metric_set": json.dumps(METRICS)},
    "unknown schedule": {"schedule_id": 99, "metric_set": json.dumps(METRICS)},
    "unusable schedule": {"schedule_id": 3, "metric_set": json.dumps(METRICS)},
    "older than its schedule": {
        "schedule_id": 2, "created_at": "2019-01-15T10:00:00Z",
        "metric_set": json.dumps(METRICS | {"solved_at": "2019-01-15T12:00:00Z"}),
    },
}  # fmt: skip
CASES = list(dict.fromkeys([*STORIES, *TICKETS]))
TICKET_IDS = {case: number for number, case in enumerate(CASES, start=1)}


def _stamped(fields: Row, created: str) -> Row:
    return {"created_at": created, "updated_at": created} | fields


def ticket_rows() -> list[Row]:
    base = {"requester_id": REQUESTER, "organization_id": 1, "status": "open"}
    return [
        _stamped(base | {"id": number} | TICKETS.get(case, {}), OPENED) for case, number in TICKET_IDS.items()
    ]


def event_rows() -> list[Row]:
    """The events of all stories, the newest first: their order in a file means nothing."""
    rows = []
    for case, events in STORIES.items():
        created = (
            OPENED,
            {"type": "create", "author_id": REQUESTER, "author_role": "end-user", "public": True},
        )
        for number, (at, fields) in enumerate([created, *events]):
            ticket = TICKET_IDS[case]
            rows.append({"id": ticket * 100 + number, "ticket_id": ticket, "created_at": at} | fields)
    return rows[::-1]


ALWAYS = '[{"start_time": 0, "end_time": 10080}]'
WORKDAYS = [{"start_time": day * 1440 + 540, "end_time": day * 1440 + 1020} for day in range(1, 6)]
SCHEDULES: list[Row] = [
    {"id": 2, "time_zone": "Etc/UTC", "intervals": ALWAYS} | _stamped({}, "2021-01-01"),
    {"id": 1, "time_zone": "America/New_York", "intervals": json.dumps(WORKDAYS)} | _stamped({}, "2020-01-01"),
    {"id": 3, "time_zone": "Mars/Base", "intervals": json.dumps(WORKDAYS)} | _stamped({}, "2019-01-01"),
    {"id": 4, "time_zone": "Etc/UTC", "intervals": "nine to five"} | _stamped({}, "2019-01-01"),
    {"id": 5, "time_zone": "Etc/UTC", "intervals": "[]"} | _stamped({}, "2019-01-01"),
]  # fmt: skip
HOLIDAYS: list[Row] = [
    {
        "id": 1,
        "schedule_id": 1,
        "start_date": "2026-01-14",
        "end_date": "2026-01-14",
        "updated_at": "2025-01-01",
    }
]


def rating(number: int, case: str, score: str, at: str) -> Row:
    return _stamped({"id": number, "ticket_id": TICKET_IDS[case], "score": score}, at)


RATINGS = [
    rating(1, "one touch", "good", "2026-01-14T10:00:00Z"),
    rating(2, "reopened the next day", "bad", "2026-01-13T18:00:00Z"),
    rating(3, "reopened the next day", "good", "2026-01-16T18:00:00Z"),
    rating(4, "handed on", "offered", "2026-01-14T10:00:00Z"),
    rating(5, "merged", "bad", "2026-01-14T10:00:00Z"),
]
NPS_RESPONSES: list[Row] = [
    {"response_id": "n1", "email": "Ann@Acme.example", "score": 8, "responded_at": "2026-01-20T10:00:00Z"}
]
FILE_TICKETS: list[Row] = [
    {
        "ticket_ref": "f1", "customer_ref": "c1", "opened_at": "2026-01-13T08:30:00Z",
        "first_reply_at": "2026-01-13T09:10:00Z", "solved_at": "2026-01-14T09:30:00Z",
        "status": "Done", "csat_score": "4.5", "is_escalated": "no", "reopen_count": "0",
    },
    {"ticket_ref": "f2", "customer_ref": "c1", "opened_at": "2026-01-17T08:30:00Z", "status": "Pending"},
]  # fmt: skip
ANSWERS = {"r1": ("nps", 10), "r2": ("nps", 6), "r3": ("csat", 3), "r4": ("ces", 5), "r5": ("csat", 9)}
FILE_SURVEYS: list[Row] = [
    {
        "response_ref": ref, "customer_ref": "c1", "responded_at": "2026-01-20", "survey_kind": kind,
        "score": str(score),
    }
    for ref, (kind, score) in ANSWERS.items()
]  # fmt: skip
USERS: list[Row] = [
    {"id": LEFT, "role": "end-user"} | _stamped({}, "2025-01-01"),
    {"id": LEFT_TOO, "role": "end-user", "active": False} | _stamped({}, "2026-01-30"),
    {"id": DEMOTED, "role": "agent"} | _stamped({}, "2025-01-01"),
    {"id": DEMOTED, "role": "end-user"} | _stamped({"updated_at": "2026-02-20"}, "2025-01-01"),
    {"id": CLOCKED, "role": "end-user", "organization_id": 1} | _stamped({}, "2025-01-01"),
    {"id": CLOCKED_TOO, "role": "end-user", "organization_id": 1} | _stamped({}, "2025-01-01"),
    {"id": COPIED, "role": "end-user"} | _stamped({}, "2025-01-01"),
    {"id": COLLEAGUE, "role": "end-user", "organization_id": 1} | _stamped({}, "2025-01-01"),
    {"id": STAFF, "role": "admin"} | _stamped({}, "2025-01-01"),
]
SERVICE_LEVEL: list[tuple[str, Row]] = [
    ("activate", {}), ("apply_sla", {"sla": '{"target": 15, "business_hours": false}'}), ("breach", {"deleted": True}),
    ("apply_sla", {"sla": '{"target": 5, "business_hours": false}'}), ("breach", {"deleted": False}), ("fulfill", {}),
]  # fmt: skip
METRIC_EVENTS: list[Row] = [
    {
        "id": 10 + number,
        "ticket_id": TICKET_IDS["one touch"],
        "metric": "reply_time",
        "type": kind,
        "time": AT_1510,
    }
    | fields
    for number, (kind, fields) in enumerate(SERVICE_LEVEL)
] + [
    {"id": number, "ticket_id": TICKET_IDS[case], "metric": "reply_time", "type": "fulfill", "time": at}
    for number, (case, at) in enumerate([("the clock of the account", AT_1510), ("copied in", AT_1520)])
]
LANDED = {
    "zendesk__users": USERS,
    "zendesk__ticket_metric_events": METRIC_EVENTS,
    "zendesk__tickets": ticket_rows(),
    "zendesk__ticket_events": event_rows(),
    "zendesk__schedules": SCHEDULES,
    "zendesk__holidays": HOLIDAYS,
    "zendesk__satisfaction_ratings": RATINGS,
    "marketing__nps_responses": NPS_RESPONSES,
    "files__tickets": FILE_TICKETS,
    "files__survey_responses": FILE_SURVEYS,
}
IDENTITIES = [
    ("zendesk", "organizations", "1", "C1"),
    ("files", "customers", "c1", "C2"),
    ("marketing", "emails", f"email_{hashlib.sha256(b'ann@acme.example').hexdigest()[:24]}", "C1"),
]
