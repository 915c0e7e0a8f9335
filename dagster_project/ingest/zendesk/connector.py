"""Zendesk: its incremental exports and the few lists beside them, read into landing.

Tickets and users are exported by a cursor, organizations, ticket events and ticket metric events by time; both say
themselves what changed and what was deleted. Deleted tickets come in the ticket export as well, with the status
`deleted`, and so the separate list of them adds nothing. Not here: how an answer becomes rows (`shapes.py`),
and how calls are paced and pages followed (`calls.py`).
"""

import datetime as dt
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from dlt.sources.helpers.rest_client.paginators import JSONResponseCursorPaginator, SinglePagePaginator

from dagster_project.ingest.api_client import ApiClient, HttpLimits
from dagster_project.ingest.batches import land_streams
from dagster_project.ingest.streams import Cursor, Landed, Page, Probe, Record, SourceError, Stream
from dagster_project.ingest.zendesk.calls import INCREMENTAL, CallPace, ExportPaginator, PacedAuth
from dagster_project.ingest.zendesk.shapes import holiday_rows, ticket_event_rows, ticket_rows

RATINGS_PATH = "/api/v2/satisfaction_ratings.json"
SCHEDULES_PATH = "/api/v2/business_hours/schedules.json"
HOLIDAYS_PATH = "/api/v2/business_hours/schedules/{}/holidays.json"
RATINGS_PER_PAGE = 100

UNSETTLED_SECONDS = 60
"""Zendesk refuses a start within the last minute, because what it would say of it may be incomplete."""

RATING_CHANGES_SECONDS = 30 * 86_400
"""A rating may change until its ticket is closed, 28 days after it was solved at the latest."""

NO_SUCH_FEATURE = (403, 404)
LOST_CURSOR = (400, 404)
ADVICE = {
    401: "check CUSTINT_ZENDESK_EMAIL and CUSTINT_ZENDESK_API_TOKEN, and that token access is on in Zendesk",
    403: "the user of CUSTINT_ZENDESK_EMAIL needs the role admin; incremental exports are for admins alone",
    429: "too many requests: lower CUSTINT_ZENDESK_CALLS_PER_MINUTE, or let nobody else export at the same time",
}


@dataclass(frozen=True)
class Export:
    """One incremental export: where it is, where its rows stand in the answer, and how they are landed."""

    object_name: str
    path: str
    rows_at: str
    params: dict[str, str] = field(default_factory=dict)
    landed: Callable[[list[Record], Record], list[Record]] = lambda rows, answer: rows


BY_CURSOR = (
    Export("zendesk__users", f"{INCREMENTAL}users/cursor.json", "users"),
    Export(
        "zendesk__tickets", f"{INCREMENTAL}tickets/cursor.json", "tickets", {"include": "metric_sets"}, ticket_rows
    ),
)  # fmt: skip
BY_TIME = (
    Export("zendesk__organizations", f"{INCREMENTAL}organizations.json", "organizations"),
    Export(
        "zendesk__ticket_events", f"{INCREMENTAL}ticket_events.json", "ticket_events", {"include": "comment_events"},
        lambda rows, answer: ticket_event_rows(rows),
    ),
    Export(
        "zendesk__ticket_metric_events", f"{INCREMENTAL}ticket_metric_events.json", "ticket_metric_events"
    ),
)  # fmt: skip


class Zendesk:
    """Reads one Zendesk account.

    Args:
        base_url: Address of the account: `https://acme.zendesk.com`.
        email: Of the user who reads.
        api_token: Of that user; a secret.
        landing_dir: Root of the landing zone.
        limits: Timeouts and retries.
        batch_rows: Rows after which a batch is committed.
        calls_per_minute: Of incremental exports; 10 is what Zendesk allows without its add-on for more.
        clock: Seconds that only go forward; paces the calls.
        sleep: Waits that many seconds.
    """

    name = "zendesk"
    objects = (
        "zendesk__organizations",
        "zendesk__users",
        "zendesk__tickets",
        "zendesk__ticket_events",
        "zendesk__ticket_metric_events",
        "zendesk__satisfaction_ratings",
        "zendesk__schedules",
        "zendesk__holidays",
    )

    def __init__(
        self,
        base_url: str,
        email: str,
        api_token: str,
        landing_dir: Path,
        limits: HttpLimits,
        batch_rows: int,
        calls_per_minute: int = 10,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.landing_dir = landing_dir
        self.batch_rows = batch_rows
        self._client = ApiClient(
            "Zendesk",
            base_url.rstrip("/"),
            limits,
            auth=PacedAuth(f"{email}/token", api_token, CallPace(calls_per_minute, clock, sleep)),
            secrets=(api_token,),
            advice=ADVICE,
        )

    def land(self, read_at: dt.datetime) -> Iterator[Landed]:
        """Read what is new into landing, object after object.

        Args:
            read_at: When the run began, UTC without zone.

        Yields:
            One result per object. When the account cannot be read at all, the objects after that say why.
        """
        yield from land_streams(
            self.landing_dir,
            self.name,
            self._streams(read_at),
            read_at,
            self.batch_rows,
            lambda: self._client.call_count,
        )

    def probe(self) -> list[Probe]:
        """One cheap call per object; an export gives its oldest row first, and so only small lists know their newest.

        Raises:
            SourceError: The account cannot be reached, or refuses the credentials.
        """
        exports = {export.object_name: export for export in BY_CURSOR + BY_TIME}
        return [
            self._probe_export(exports[name]) if name in exports else self._probe_list(name)
            for name in self.objects
        ]

    def _streams(self, read_at: dt.datetime) -> list[Stream]:
        streams = [
            Stream((export.object_name,), partial(self._exported_by_cursor, export, read_at))
            for export in BY_CURSOR
        ]
        streams += [
            Stream((export.object_name,), partial(self._exported_by_time, export, read_at))
            for export in BY_TIME
        ]
        streams += [
            Stream(("zendesk__satisfaction_ratings",), partial(self._ratings, read_at)),
            Stream(("zendesk__schedules",), self._schedules),
            Stream(("zendesk__holidays",), partial(self._holidays, read_at), has_own_version=False),
        ]
        return sorted(streams, key=lambda stream: self.objects.index(stream.objects[0]))

    def _exported_by_cursor(self, export: Export, read_at: dt.datetime, cursor: Cursor) -> Iterator[Page]:
        """Pages after `after_cursor`; `newest` is the newest change seen, in case that Zendesk forgets the cursor."""
        return _or_without("after_cursor", cursor, partial(self._cursor_pages, export, read_at))

    def _cursor_pages(self, export: Export, read_at: dt.datetime, cursor: Cursor) -> Iterator[Page]:
        start = min(_seconds(cursor.get("newest")), _seconds(read_at) - UNSETTLED_SECONDS)
        place = {"cursor": cursor["after_cursor"]} if "after_cursor" in cursor else {"start_time": start}
        paginator = ExportPaginator("after_cursor", "cursor")
        pages = self._client.pages(export.path, export.params | place, paginator, export.rows_at)
        for rows, answer in pages:
            if answer.get("after_cursor") and (rows or paginator.has_next_page):  # else new for nothing
                cursor = _newest(cursor, rows, read_at) | {"after_cursor": answer["after_cursor"]}
            yield Page({export.object_name: export.landed(rows, answer)}, cursor)

    def _exported_by_time(self, export: Export, read_at: dt.datetime, cursor: Cursor) -> Iterator[Page]:
        """Pages from `end_time` on, the rows of that second again: more may have come to them."""
        latest = _seconds(read_at) - UNSETTLED_SECONDS
        end = min(int(cursor.get("end_time", 0)), latest)
        params = export.params | {"start_time": end}
        paginator = ExportPaginator("end_time", "start_time", latest)
        for rows, answer in self._client.pages(export.path, params, paginator, export.rows_at):
            place = answer.get("end_time")
            end = max(end, min(place, latest)) if isinstance(place, int) else end
            yield Page({export.object_name: export.landed(rows, answer)}, {"end_time": end} if end else {})

    def _ratings(self, read_at: dt.datetime, cursor: Cursor) -> Iterator[Page]:
        """Ratings in the order in which they were asked for; the young ones again, because they may have changed."""
        return _or_without("after_cursor", cursor, partial(self._rating_pages, read_at))

    def _rating_pages(self, read_at: dt.datetime, cursor: Cursor) -> Iterator[Page]:
        newest = min(_seconds(cursor.get("newest")), _seconds(read_at) - UNSETTLED_SECONDS)
        start = cursor.get("start_time", max(0, newest - RATING_CHANGES_SECONDS))
        params = {"start_time": start, "page[size]": RATINGS_PER_PAGE}
        if "after_cursor" in cursor:
            params["page[after]"] = cursor["after_cursor"]
        paginator = JSONResponseCursorPaginator(
            "meta.after_cursor", "page[after]", has_more_path="meta.has_more"
        )
        for rows, answer in self._client.pages(RATINGS_PATH, params, paginator, "satisfaction_ratings"):
            after, has_more = answer["meta"].get("after_cursor"), answer["meta"]["has_more"]
            if has_more and not after:
                raise self._client.problem(RATINGS_PATH, "there is more, but no cursor that leads to it")
            cursor = _newest(cursor, rows, read_at)
            more = {"start_time": start, "after_cursor": after} if has_more else {}
            yield Page({"zendesk__satisfaction_ratings": rows}, cursor | more)

    def _schedules(self, cursor: Cursor) -> Iterator[Page]:
        yield Page({"zendesk__schedules": self._feature(SCHEDULES_PATH, "schedules")}, cursor)

    def _holidays(self, read_at: dt.datetime, cursor: Cursor) -> Iterator[Page]:
        for schedule in self._feature(SCHEDULES_PATH, "schedules"):
            holidays = self._feature(HOLIDAYS_PATH.format(schedule.get("id")), "holidays")
            rows = holiday_rows(holidays, schedule.get("id"), read_at)
            yield Page({"zendesk__holidays": rows}, cursor)

    def _feature(self, path: str, rows_at: str) -> list[Record]:
        """A short list, whole; empty in an account without business hours."""
        try:
            return [
                row
                for rows, _ in self._client.pages(path, None, SinglePagePaginator(), rows_at)
                for row in rows
            ]
        except SourceError as error:
            if error.status in NO_SUCH_FEATURE:
                return []
            raise

    def _probe_export(self, export: Export) -> Probe:
        return self._probed(export.object_name, export.path, {"start_time": 0, "per_page": 1}, export.rows_at)

    def _probe_list(self, object_name: str) -> Probe:
        if object_name == "zendesk__satisfaction_ratings":
            return self._probed(object_name, RATINGS_PATH, {"page[size]": 1}, "satisfaction_ratings")
        schedules = self._probed(object_name, SCHEDULES_PATH, {}, "schedules", is_whole=True)
        if object_name == "zendesk__schedules":
            return schedules
        return replace(schedules, newest="", note=schedules.note or "beside the schedules")

    def _probed(
        self, object_name: str, path: str, params: dict[str, Any], rows_at: str, is_whole: bool = False
    ) -> Probe:
        try:
            answer = self._client.get(path, params)
        except SourceError as error:
            if error.stops_source:
                raise
            is_feature = is_whole and error.status in NO_SUCH_FEATURE
            note = "no business hours in this account, or not for this user" if is_feature else str(error)
            return Probe(object_name, is_visible=False, note=note)
        rows = answer.get(rows_at) if isinstance(answer, dict) else None
        if not isinstance(rows, list):
            return Probe(object_name, is_visible=False, note=f"the answer has no list '{rows_at}'")
        newest = max((str(row.get("updated_at") or "") for row in rows), default="") if is_whole else ""
        return Probe(object_name, is_visible=True, newest=newest, note="" if rows else "no rows yet")


def _or_without(place: str, cursor: Cursor, pages: Callable[[Cursor], Iterator[Page]]) -> Iterator[Page]:
    """Pages from a cursor; from what it says beside its place when the server does not know the place any more."""
    has_pages = False
    try:
        for page in pages(cursor):
            has_pages = True
            yield page
    except SourceError as error:
        if has_pages or place not in cursor or error.status not in LOST_CURSOR:
            raise
    else:
        return
    yield from pages({name: value for name, value in cursor.items() if name != place})


def _newest(cursor: Cursor, rows: list[Record], read_at: dt.datetime) -> Cursor:
    """The newest `updated_at` seen; none from the future, behind which nothing would be found."""
    seen = [cursor.get("newest"), *(row.get("updated_at") for row in rows)]
    times = {_seconds(text): text for text in seen if isinstance(text, str)}
    newest = max((moment for moment in times if 0 < moment <= _seconds(read_at)), default=0)
    return {"newest": times[newest]} if newest else {}


def _seconds(moment: Any) -> int:
    """Unix seconds of a UTC time, or of a text that says one; 0 when it says none."""
    try:
        parsed = moment if isinstance(moment, dt.datetime) else dt.datetime.fromisoformat(str(moment))
    except ValueError:
        return 0
    return int((parsed if parsed.tzinfo else parsed.replace(tzinfo=dt.UTC)).timestamp())
