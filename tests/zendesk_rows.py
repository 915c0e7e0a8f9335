"""Rows of a small Zendesk account, all told within the hour after 10:00 of one day. Not here: the account's server."""

from typing import Any

from zendesk_server import Row, ZendeskServer


def moment(number: int) -> str:
    return f"2026-09-01T10:{number:02d}:00Z"


def user(number: int, **fields: Any) -> Row:
    return {
        "id": number, "name": f"Person {number}", "email": f"p{number}@acme.example", "role": "end-user",
        "active": True, "created_at": moment(0), "updated_at": moment(number), **fields,
    }  # fmt: skip


def ticket(number: int, **fields: Any) -> Row:
    return {
        "id": number, "requester_id": 1, "subject": f"Question {number}", "status": "new", "priority": None,
        "via": {"channel": "web"}, "created_at": moment(0), "updated_at": moment(number), **fields,
    }  # fmt: skip


def organization(number: int, **fields: Any) -> Row:
    return {
        "id": number, "name": f"Company {number}", "domain_names": [f"c{number}.example"], "deleted_at": None,
        "created_at": moment(0), "updated_at": moment(number), **fields,
    }  # fmt: skip


def rating(number: int, created: str, changed: str, score: str) -> Row:
    return {
        "id": number, "ticket_id": number, "score": score, "comment": None, "created_at": created,
        "updated_at": changed,
    }  # fmt: skip


def fill(account: ZendeskServer, *names: str) -> None:
    """Seven of each of the larger objects, in pages of three; of all objects, or of those named."""
    rows: dict[str, list[Row]] = {}
    rows["users"] = [user(number) for number in range(1, 8)]
    rows["tickets"] = [ticket(number) for number in range(1, 8)]
    rows["metric_sets"] = [
        {"id": 100 + number, "ticket_id": number, "reopens": number} for number in range(1, 8)
    ]
    rows["organizations"] = [organization(number) for number in range(1, 8)]
    rows["ticket_events"] = [
        {
            "id": 1000 * number, "ticket_id": number, "updater_id": 1, "created_at": moment(number),
            "event_type": "Audit",
            "child_events": [
                {"id": 1000 * number + 1, "event_type": "Change", "status": "open", "previous_value": "new"}
            ],
        }
        for number in range(1, 8)
    ]  # fmt: skip
    rows["ticket_metric_events"] = [
        {"id": number, "ticket_id": number, "metric": "reply_time", "instance_id": 1, "type": "activate",
         "time": moment(number), "sla": {"target": 60, "business_hours": True}}
        for number in range(1, 8)
    ]  # fmt: skip
    rows["satisfaction_ratings"] = [
        rating(number, moment(number), moment(number), "offered") for number in range(1, 8)
    ]
    rows["schedules"] = [
        {"id": 5, "name": "Europe", "time_zone": "Europe/Berlin", "created_at": moment(0), "updated_at": moment(0),
         "intervals": [{"start_time": 1980, "end_time": 2460}]}
    ]  # fmt: skip
    rows["holidays"] = [
        {"id": 9, "schedule_id": 5, "name": "Unity", "start_date": "2026-10-03", "end_date": "2026-10-03"}
    ]
    account.rows |= {name: rows[name] for name in names or rows}
