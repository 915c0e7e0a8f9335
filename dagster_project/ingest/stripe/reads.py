"""How one object of Stripe is read: everything page by page, or only what its events say has changed.

Stripe keeps no time of change on its objects, only a list of events that leads back 30 days. An event says which
object changed and when; the object itself is fetched as it is now, because the copy inside the event is in the words
of another API version. Where events cannot help, everything is listed, and what is missing then was deleted.

Not here: the words of a row (`shapes.py`), and what is asked of landing (`landed.py`).
"""

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from dlt.common.typing import TDataItem
from dlt.sources.helpers.rest_client.paginators import BaseReferencePaginator
from requests import Response
from requests.models import Request

from dagster_project.ingest.api_client import ApiClient
from dagster_project.ingest.streams import Cursor, Page, Record, SourceError
from dagster_project.ingest.stripe.landed import NewestRows
from dagster_project.ingest.stripe.shapes import landing_row, line_row, removed_line_row

PAGE_ROWS = 100
OVERLAP_SECONDS = 600
"""Events that far before the cursor are read again: some appear late, and two clocks are never the same."""
DAY_SECONDS = 86_400
EVENT_DAYS = 29
"""Stripe keeps events for 30 days; a cursor older than this may have lost some."""
IDLE_DAYS = 7
"""A cursor that found nothing new moves on after this many days, so that it does not become too old."""
LINES = "stripe__invoice_lines"


@dataclass(frozen=True)
class StripeObject:
    """One object of Stripe and where it is found.

    Attributes:
        object_name: Its landing object.
        paths: Its list; a later one where a server does not offer the first.
        permission: What a restricted key must be allowed to read, as Stripe's settings name it.
        kind: `object` of its own objects inside events; other events name it in a field of that name.
        event_types: All that may change it; Stripe takes 20 at most.
        params: Asked with every page of the list.
        expand: What is to be written out instead of named by its id; Stripe takes four levels from a list.
        is_new_without_event: Some accounts get no event for a new one: new ones are looked for in the list.
    """

    object_name: str
    paths: tuple[str, ...]
    permission: str
    kind: str
    event_types: tuple[str, ...]
    params: dict[str, str] = field(default_factory=dict)
    expand: tuple[str, ...] = ()
    is_new_without_event: bool = False


@dataclass(frozen=True)
class Change:
    """When an object changed last, and its last words when that was its end."""

    second: int
    last_words: Record | None = None


class ObjectRead:
    """Reads one object once.

    Args:
        stripe_object: What to read.
        client: Whom to ask.
        landed: What landing holds of it.
        landed_lines: What landing holds of the lines of invoices.
        read_at: When the run began, UTC without zone.
        full_read_days: A full read older than this is repeated.
        say: Called with one line when the server's events cannot be used.
    """

    def __init__(
        self,
        stripe_object: StripeObject,
        client: ApiClient,
        landed: NewestRows,
        landed_lines: NewestRows,
        read_at: dt.datetime,
        full_read_days: int,
        say: Callable[[str], None],
    ) -> None:
        self.stripe_object = stripe_object
        self.client = client
        self.landed = landed
        self.landed_lines = landed_lines
        self.now = int(read_at.replace(tzinfo=dt.UTC).timestamp())
        self.full_read_days = full_read_days
        self.say = say
        self._path = stripe_object.paths[0]
        self._version = self.now
        self._expand = stripe_object.expand
        self._drafts: set[str] = set()
        self._changes: dict[str, Change] = {}
        self._newest_event = 0

    def pages(self, cursor: Cursor) -> Iterator[Page]:
        """Pages after a cursor; the read of a `Stream`.

        Raises:
            SourceError: The object could not be read.
        """
        self._version = max(self.now, self.landed.newest_version() + 1)
        if self.stripe_object.object_name == "stripe__invoices":
            self._drafts = self.landed.living_keys(status="draft")
        if cursor.get("mode") != "events":
            yield from self._first_read(cursor)
            return
        idle_days = (self.now - cursor["since"]) / DAY_SECONDS
        if idle_days > EVENT_DAYS or self.now - cursor["full"] >= self.full_read_days * DAY_SECONDS:
            yield from self._full_read(cursor, _events_cursor(self.now, self.now))
            return
        if not self._read_events(cursor["since"] - OVERLAP_SECONDS):
            moved = _events_cursor(self.now, self.now) if idle_days >= IDLE_DAYS else cursor
            yield from self._full_read(cursor, moved)
            return
        newest = self._newest_event
        since = (
            newest if newest > cursor["since"] else self.now if idle_days >= IDLE_DAYS else cursor["since"]
        )
        if len(self._changes) > len(self.landed.living_keys()) // PAGE_ROWS + 1:
            full = self.now if since != cursor["since"] else cursor["full"]
            yield from self._full_read(cursor, _events_cursor(since, full))
            return
        yield from self._fetched(sorted(self._changes), cursor)
        if since != cursor["since"]:
            yield Page({}, _events_cursor(since, cursor["full"]))

    def _first_read(self, cursor: Cursor) -> Iterator[Page]:
        """Everything; whoever is stopped goes on after the last row that was landed."""
        since = cursor.get("since", self.now)
        for sources, is_last in self._listed(cursor.get("after")):
            after = {"mode": "full", "after": sources[-1].get("id") if sources else None, "since": since}
            yield Page(self._rows(sources), _events_cursor(since, since) if is_last else after)

    def _full_read(self, cursor: Cursor, moved: Cursor) -> Iterator[Page]:
        """Everything again, and the end of what is gone; only a whole list shows that, so a stopped one begins anew."""
        missing = self.landed.living_keys() | self._changes.keys()
        for sources, _ in self._listed(None):
            missing.difference_update(str(source.get("id")) for source in sources)
            yield Page(self._rows(sources), cursor)
        yield from self._fetched(sorted(missing), cursor)
        if moved != cursor:
            yield Page({}, moved)

    def _fetched(self, ids: list[str], cursor: Cursor) -> Iterator[Page]:
        """Objects as they are now, one call each; what is gone is landed with its last known words."""
        for start in range(0, len(ids), PAGE_ROWS):
            answers = {key: self._now(key) for key in ids[start : start + PAGE_ROWS]}
            rows = self._rows([answer for answer in answers.values() if answer])
            gone = [key for key, answer in answers.items() if answer is None]
            rows[self.stripe_object.object_name] += self._gone_rows(gone)
            yield Page(rows, cursor)

    def _now(self, key: str) -> Record | None:
        """An object as it is now; None when it is no more."""
        try:
            expand = {"expand[]": list(self._expand)} if self._expand else None
            answer = self.client.get(f"{self._path}/{key}", expand)
        except SourceError as error:
            if error.status == 404:
                return None
            raise
        if not isinstance(answer, dict):
            raise self.client.problem(f"{self._path}/{key}", "the answer is not an object")
        return None if answer.get("deleted") is True else answer

    def _gone_rows(self, ids: list[str]) -> list[Record]:
        name = self.stripe_object.object_name
        known = {row["id"]: row for row in self.landed.rows("id", ids)} if ids else {}
        rows: list[Record] = []
        for key in ids:
            last_words = self._changes[key].last_words if key in self._changes else None
            version = self._version_of(key)
            row = known.get(key) or (landing_row(name, last_words, version) if last_words else None)
            if row:  # else it came and went between two reads, and nobody knows what it was
                rows.append({**row, "deleted": True, "event_created": version})
        return rows

    def _rows(self, sources: list[Record]) -> dict[str, list[Record]]:
        """Landing rows of a page, by landing object."""
        name = self.stripe_object.object_name
        if name == "stripe__subscriptions":
            sources = [self._with_all_items(source) for source in sources]
        elif name == "stripe__invoices":
            sources = [self._with_all_payments(source) for source in sources]
        versions = [self._version_of(source.get("id")) for source in sources]
        versioned = list(zip(sources, versions, strict=True))
        rows = {name: [landing_row(name, source, version) for source, version in versioned]}
        if name == "stripe__invoices":
            rows[LINES] = [row for invoice, version in versioned for row in self._line_rows(invoice, version)]
            rows[LINES] += self._removed_lines(
                {str(bill.get("id")): at for bill, at in versioned}, rows[LINES]
            )
        return rows

    def _version_of(self, key: Any) -> int:
        """The time of its last change where that is known, else of this read."""
        return self._changes[key].second if key in self._changes else self._version

    def _with_all_items(self, subscription: Record) -> Record:
        """A subscription with all of its items; it carries only the first of them itself."""
        listed = subscription.get("items")
        if not isinstance(listed, dict) or not listed.get("has_more"):
            return subscription
        asked = {"subscription": subscription.get("id"), "expand[]": ["data.discounts"]}
        items = [item for rows, _ in self._list_pages("/v1/subscription_items", asked) for item in rows]
        return {**subscription, "items": {**listed, "data": items, "has_more": False}}

    def _with_all_payments(self, invoice: Record) -> Record:
        """An invoice in newer words with all of its payments; it carries only the first of them itself."""
        listed = invoice.get("payments")
        if not isinstance(listed, dict) or not listed.get("has_more"):
            return invoice
        asked = {"invoice": invoice.get("id")}
        payments = [
            payment for rows, _ in self._list_pages("/v1/invoice_payments", asked) for payment in rows
        ]
        return {**invoice, "payments": {**listed, "data": payments, "has_more": False}}

    def _line_rows(self, invoice: Record, version: int) -> Iterator[Record]:
        """All lines of an invoice; it carries only the first of them itself."""
        path = f"{self._path}/{invoice.get('id')}/lines"
        listed = invoice.get("lines")
        lines = listed.get("data") if isinstance(listed, dict) else None
        if not isinstance(listed, dict) or not isinstance(lines, list):
            raise self.client.problem(
                self._path, f"invoice {invoice.get('id')} comes without its list of lines"
            )
        pages = [lines] if not listed.get("has_more") else (rows for rows, _ in self._list_pages(path, {}))
        for rows in pages:
            yield from (line_row(line, invoice, version) for line in rows)

    def _removed_lines(self, versions: dict[str, int], rows: list[Record]) -> list[Record]:
        """Landed lines that are on their invoice no longer; only a draft can lose one."""
        drafts = sorted(self._drafts & versions.keys())
        if not drafts:
            return []
        present = {row.get("id") for row in rows}
        landed = self.landed_lines.rows("invoice", drafts)
        return [
            removed_line_row(row, max(versions[row["invoice"]], (row["event_created"] or 0) + 1))
            for row in landed
            if row["id"] not in present
        ]

    def _read_events(self, since: int) -> bool:
        """Learn what changed from a second on; false when this server's events cannot be used."""
        params = {"types[]": list(self.stripe_object.event_types), "created[gte]": since}
        changes: dict[str, Change] = {}
        try:
            for events, _ in self._list_pages("/v1/events", params):
                for event in events:
                    self._note(event, changes)
        except SourceError as error:
            if error.status not in (400, 403, 404):
                raise
            self.say(f"{error} Without events everything is read again each time.")
            return False
        if self.stripe_object.is_new_without_event:
            for rows, _ in self._list_pages(self._path, {"created[gte]": since}):
                for row in rows:
                    changes.setdefault(str(row.get("id")), Change(int(row.get("created") or since)))
        landed = self.landed.versions(list(changes)) if changes else {}
        self._newest_event = max((change.second for change in changes.values()), default=0)
        self._changes = {  # always after what is landed: two changes may share a second, and clocks differ
            key: replace(change, second=max(change.second, landed.get(key, 0) + 1))
            for key, change in changes.items()
        }
        return True

    def _note(self, event: Record, changes: dict[str, Change]) -> None:
        about = (event.get("data") or {}).get("object") or {}
        is_own = about.get("object") == self.stripe_object.kind
        key = about.get("id") if is_own else about.get(self.stripe_object.kind)
        key = key.get("id") if isinstance(key, dict) else key
        second = int(event.get("created") or 0)
        if not isinstance(key, str):
            return  # an event of another object that belongs to none of these yet
        is_end = is_own and str(event.get("type")).endswith(".deleted")
        last_words = about if is_end else changes[key].last_words if key in changes else None
        changes[key] = Change(max(second, changes[key].second if key in changes else 0), last_words)

    def _listed(self, after: str | None) -> Iterator[tuple[list[Record], bool]]:
        """All objects, newest first, a page at a time; whether it is the last page."""
        for path in self.stripe_object.paths:
            self._path = path
            try:
                yield from self._expanded_pages(path, after)
                return
            except SourceError as error:
                is_place_gone = after is not None and error.status in (400, 404)
                is_offered = error.status != 404 or path == self.stripe_object.paths[-1]
                if is_offered and not is_place_gone:
                    raise
            if is_place_gone:  # the row to go on after was deleted: from the beginning
                yield from self._listed(None)
                return

    def _expanded_pages(self, path: str, after: str | None) -> Iterator[tuple[list[Record], bool]]:
        """Pages with what is nested written out; an older server that knows no such field gives the ids alone."""
        params = self.stripe_object.params
        if self._expand:
            try:
                expand = [f"data.{place}" for place in self._expand]
                yield from self._list_pages(path, {**params, "expand[]": expand}, after)
                return
            except SourceError as error:
                if error.status != 400 or "expand" not in str(error):
                    raise
                self._expand = ()
        yield from self._list_pages(path, params, after)

    def _list_pages(
        self, path: str, params: dict[str, Any], after: str | None = None
    ) -> Iterator[tuple[list[Record], bool]]:
        asked = {**params, "limit": PAGE_ROWS, **({"starting_after": after} if after else {})}
        for rows, answer in self.client.pages(path, asked, _AfterLastId(), "data"):
            has_more = answer["has_more"]
            yield rows, not has_more
            if has_more and not (rows and rows[-1].get("id")):
                raise self.client.problem(path, "the server says that there is more, but not after what")


class _AfterLastId(BaseReferencePaginator):
    """The next page begins after the last id of this one, as long as the server says that there is more."""

    def update_state(self, response: Response, data: list[TDataItem] | None = None) -> None:
        """Find the last id; a list without `has_more` is none."""
        has_more = response.json()["has_more"]
        if not isinstance(has_more, bool):
            raise ValueError(f"has_more is {has_more!r}")
        self._next_reference = data[-1].get("id") if has_more and data else None

    def update_request(self, request: Request) -> None:
        """Ask for what comes after it."""
        if self._next_reference:
            request.params["starting_after"] = self._next_reference


def _events_cursor(since: int, full: int) -> Cursor:
    """Events are read from `since` on; `full` is when everything was read last. Both unix seconds."""
    return {"mode": "events", "since": since, "full": full}
