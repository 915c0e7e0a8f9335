"""Zendesk's answers become rows of its landing objects.

Here: what a row of landing takes from an answer whose shape is another one: metric sets stand beside their tickets,
and the history of a ticket comes as updates with child events. Not here: how the answers are asked for
(`connector.py`).
"""

import datetime as dt
from typing import Any

from dagster_project.ingest.landing_rows import json_text
from dagster_project.ingest.streams import Record, SourceError

CREATE, CHANGE = "Create", "Change"
COMMENTS = ("Comment", "VoiceComment", "FacebookComment")

TOLD_OF_UPDATES = frozenset(
    {"id", "ticket_id", "created_at", "timestamp", "updater_id", "event_type", "child_events", "system", "metadata"}
)  # fmt: skip
"""Fields of an update that its rows have under other names, and what they leave out: the device of who did it."""

TOLD_OF_COMMENTS = frozenset(
    {"id", "type", "event_type", "author_id", "public", "created_at", "audit_id", "comment_present",
     "comment_public", "html_body", "plain_body", "metadata"}
)  # fmt: skip
"""Fields of a comment that its row has under other names; its text stays once, as `body`."""

ABOUT_CHANGES = frozenset(
    {"id", "event_type", "via", "via_reference_id", "previous_value", "created_at", "audit_id", "added_tags",
     "removed_tags", "comment_present", "comment_public"}
)  # fmt: skip
"""Fields of a change that are not the ticket's field that changed."""


def ticket_rows(rows: list[Record], answer: Record) -> list[Record]:
    """Tickets with their metric sets, which come in a list of their own, as `metric_set`.

    Args:
        rows: The tickets of a page.
        answer: The whole page.

    Returns:
        The tickets in their order; one without a metric set (a deleted one) stays without.
    """
    metric_sets = answer.get("metric_sets")
    found = [each for each in metric_sets if isinstance(each, dict)] if isinstance(metric_sets, list) else []
    by_ticket = {str(each.get("ticket_id")): each for each in found}
    return [
        row | {"metric_set": by_ticket[ticket]} if (ticket := str(row.get("id"))) in by_ticket else row
        for row in rows
    ]


def holiday_rows(holidays: list[Record], schedule_id: Any, read_at: dt.datetime) -> list[Record]:
    """Holidays with the schedule that they belong to, and the time of reading: Zendesk does not say when they changed.

    Args:
        holidays: As the schedule lists them.
        schedule_id: The schedule.
        read_at: UTC without zone.
    """
    stamp = {"updated_at": f"{read_at:%Y-%m-%dT%H:%M:%SZ}"}
    return [stamp | holiday | {"schedule_id": schedule_id} for holiday in holidays]


def ticket_event_rows(updates: list[Record]) -> list[Record]:
    """One row per thing that an update did to a ticket.

    The update that opens a ticket gives one row `create`, under the update's own id, which is public when the first
    message is; what was set with it is told as changes from nothing, one row each. Any other update gives a row per
    comment and per change. Notifications and the like are left out.

    Args:
        updates: Ticket events as the export gives them, each with its `child_events`.

    Raises:
        SourceError: An update does not tell what was done.
    """
    return [row for update in updates for row in _rows_of_update(update)]


def _rows_of_update(update: Record) -> list[Record]:
    children = update.get("child_events")
    if not isinstance(children, list) or not all(isinstance(child, dict) for child in children):
        raise _undocumented(update, "has no list 'child_events'")
    kinds = [_kind(child, update) for child in children]
    comments = [child for child, kind in zip(children, kinds, strict=True) if kind in COMMENTS]
    changes = [child for child, kind in zip(children, kinds, strict=True) if kind in (CREATE, CHANGE)]
    shared = _shared_fields(update)
    if CREATE in kinds:
        rows = [_opening_row(update, comments[0] if comments else {}, shared)]
    else:
        rows = [_comment_row(child, shared) for child in comments]
    return rows + [row for child in changes if (row := _change_row(child, shared))]


def _kind(child: Record, update: Record) -> str:
    kind = child.get("event_type") or child.get("type")
    if not isinstance(kind, str):
        raise _undocumented(update, "has a child event without 'event_type'")
    return kind


def _undocumented(update: Record, problem: str) -> SourceError:
    return SourceError(
        f"Zendesk ticket events: the answer is not as documented: event {update.get('id')} {problem}."
    )


def _shared_fields(update: Record) -> Record:
    """What all rows of an update have; a field that it lacks stays missing, so that the contract notices."""
    shared = {name: value for name, value in update.items() if name not in TOLD_OF_UPDATES}
    shared |= {name: update[name] for name in ("ticket_id", "created_at") if name in update}
    shared |= {"audit_id": update["id"]} if "id" in update else {}
    shared |= {"field_name": None, "previous_value": None, "value": None, "public": None}
    shared |= {"via": _via(update)}
    return shared | _author(update.get("updater_id"))


def _author(user_id: Any) -> Record:
    """Who did it: automations have no user, and of the others only the users know the role."""
    is_system = isinstance(user_id, int) and user_id <= 0
    return {"author_id": None if is_system else user_id, "author_role": "system" if is_system else None}


def _via(event: Record) -> str | None:
    """How it came about: a word, or the most telling one of an object."""
    via = event.get("via")
    if isinstance(via, dict):
        source = via.get("source")
        via = (source.get("rel") if isinstance(source, dict) else None) or via.get("channel")
    return _text(via)


def _id_of(event: Record) -> Record:
    return {"id": event["id"]} if "id" in event else {}


def _comment_row(comment: Record, shared: Record) -> Record:
    kept = {name: value for name, value in comment.items() if name not in TOLD_OF_COMMENTS}
    author = {} if comment.get("author_id") is None else _author(comment["author_id"])
    is_public = comment.get("public", comment.get("comment_public"))
    told = {"type": "comment", "public": is_public, "via": _via(comment) or shared["via"]}
    return kept | shared | author | told | _id_of(comment)


def _opening_row(update: Record, first_message: Record, shared: Record) -> Record:
    message = {name: value for name, value in first_message.items() if name != "id"}
    return _comment_row(message, shared) | {"type": "create"} | _id_of(update)


def _change_row(change: Record, shared: Record) -> Record | None:
    """The field that changed is named by `field_name`, or is itself a field of the child event."""
    if "field_name" in change:
        field, value = change["field_name"], change.get("value")
    else:
        found = [name for name in change if name not in ABOUT_CHANGES]
        if not found:
            return None
        field, value = found[0], change[found[0]]
        if field == "custom_ticket_fields" and isinstance(value, dict) and len(value) == 1:
            ((field, value),) = value.items()
    return shared | _id_of(change) | {
        "type": "change",
        "field_name": str(field),
        "previous_value": _text(change.get("previous_value")),
        "value": _text(value),
        "via": _via(change) or shared["via"],
    }  # fmt: skip


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json_text(value)
