"""A Zendesk account on 127.0.0.1: its documented answers, and no patience with requests that are not as documented.

Here: the account's rows (change them between two reads), its clock, its cursors and its refusals. Not here: what a
connector makes of it.
"""

import base64
import datetime as dt
import json
import re
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

EMAIL = "reader@acme.example"
API_TOKEN = "zdk-token-4711-kept-secret"  # noqa: S105 - of a server that lives for one test
NOW = dt.datetime(2026, 10, 1, 12, 0, 0)
UNSETTLED_SECONDS = 60

Row = dict[str, Any]
OBJECTS = (
    "organizations", "users", "tickets", "metric_sets", "ticket_events", "ticket_metric_events",
    "satisfaction_ratings", "schedules", "holidays",
)  # fmt: skip
INCREMENTAL = "/api/v2/incremental/"
BY_CURSOR = ("users", "tickets")
BY_TIME = ("organizations", "ticket_events", "ticket_metric_events")
INCLUDES = {"tickets": "metric_sets", "ticket_events": "comment_events"}
TIME_OF = {"ticket_events": "created_at", "ticket_metric_events": "time"}
HOLIDAYS_PATH = re.compile(r"/api/v2/business_hours/schedules/(\d+)/holidays\.json")


def unix_seconds(text: str) -> int:
    """Unix seconds of `2026-09-01T10:00:00Z`."""
    return int(dt.datetime.fromisoformat(text).timestamp())


class RefusedError(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(description)
        self.status = status
        self.body = {"error": error, "description": description}


class ZendeskServer:
    """The account, as a context manager.

    Attributes:
        rows: Rows by object (`tickets`, `users`, `ticket_events` ...; `metric_sets` have a `ticket_id`, `holidays` a
            `schedule_id` that their list does not show).
        requests: Path and parameters of every request, in order.
        complaints: What was wrong with requests; stays empty for a connector that does as documented.
        now: Time of the account, UTC without zone; what happened in its last minute is not shown.
        page_rows: Rows of a page, when fewer are not asked for.
        refused: Status by path, for objects that this user may not read.
        stops_after: Answers by path after which there is only 503, until the entry is taken away.
        lost_cursors: Cursors that the account does not know any more.
        has_business_hours: The feature is part of the plan.
    """

    def __init__(self, page_rows: int = 100) -> None:
        self.rows: dict[str, list[Row]] = {name: [] for name in OBJECTS}
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.complaints: list[str] = []
        self.now = NOW
        self.page_rows = page_rows
        self.refused: dict[str, int] = {}
        self.stops_after: dict[str, int] = {}
        self.lost_cursors: set[str] = set()
        self.has_business_hours = True
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "ZendeskServer":
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def paths(self) -> list[str]:
        """The paths that were asked for, in order."""
        return [path for path, _ in self.requests]

    def answer(self, path: str, params: dict[str, str], authorization: str) -> tuple[int, Row]:
        """Status and JSON of one request."""
        with self._lock:
            self.requests.append((path, params))
            try:
                self._check_user(path, authorization)
                return 200, self._read(path, params)
            except RefusedError as refused:
                if refused.status == 400:
                    self.complaints.append(f"{path} {params}: {refused}")
                return refused.status, refused.body

    def _check_user(self, path: str, authorization: str) -> None:
        expected = base64.b64encode(f"{EMAIL}/token:{API_TOKEN}".encode()).decode()
        if authorization != f"Basic {expected}":
            raise RefusedError(401, "Couldn't authenticate you", "wrong e-mail or token")
        if path in self.stops_after:
            self.stops_after[path] -= 1
            if self.stops_after[path] < 0:
                raise RefusedError(503, "ServiceUnavailable", "try again later")
        if path in self.refused:
            raise RefusedError(self.refused[path], "Forbidden", "You do not have access to this page")

    def _read(self, path: str, params: dict[str, str]) -> Row:
        name = path.removeprefix(INCREMENTAL).removesuffix(".json").removesuffix("/cursor")
        if path == f"{INCREMENTAL}{name}/cursor.json" and name in BY_CURSOR:
            return self._by_cursor(name, params)
        if path == f"{INCREMENTAL}{name}.json" and name in BY_TIME:
            return self._by_time(name, params)
        if path == "/api/v2/satisfaction_ratings.json":
            return self._ratings(params)
        return self._business_hours(path, params)

    def _business_hours(self, path: str, params: dict[str, str]) -> Row:
        _allow(params)
        is_list = path == "/api/v2/business_hours/schedules.json"
        found = HOLIDAYS_PATH.fullmatch(path)
        if not (is_list or found) or not self.has_business_hours:
            raise RefusedError(404, "RecordNotFound", "Not found")
        if is_list:
            return {"schedules": self.rows["schedules"], "url": f"{self.url}{path}"}
        shown = [row for row in self.rows["holidays"] if found and str(row["schedule_id"]) == found[1]]
        return {"holidays": [{name: row[name] for name in row if name != "schedule_id"} for row in shown]}

    def _settled(self, name: str) -> list[tuple[int, Row]]:
        """The rows of an export with their times, in its order, without those of the last minute."""
        latest = self._latest()
        field = TIME_OF.get(name, "updated_at")
        timed = [(unix_seconds(row.get("generated_at") or row[field]), row) for row in self.rows[name]]
        return sorted(
            ((time, row) for time, row in timed if time <= latest), key=lambda each: (each[0], each[1]["id"])
        )

    def _latest(self) -> int:
        return int(self.now.replace(tzinfo=dt.UTC).timestamp()) - UNSETTLED_SECONDS

    def _start(self, params: dict[str, str]) -> int:
        if not params.get("start_time", "").isdigit():
            raise RefusedError(400, "InvalidValue", "start_time is required, in seconds")
        start = int(params["start_time"])
        if start > self._latest():
            raise RefusedError(
                400, "InvalidValue", "Too recent start_time. Use a start_time older than 60 seconds"
            )
        return start

    def _size(self, params: dict[str, str], name: str, most: int) -> int:
        asked = params.get(name, str(most))
        if not asked.isdigit() or not 1 <= int(asked) <= most:
            raise RefusedError(400, "InvalidValue", f"{name} must be 1 to {most}")
        return min(int(asked), self.page_rows)

    def _shown(self, name: str, params: dict[str, str], found: list[Row]) -> Row:
        """Rows under their name, with what is loaded beside them or kept back when it was not asked for."""
        if params.get("include", INCLUDES.get(name)) != INCLUDES.get(name):
            raise RefusedError(400, "InvalidInclude", f"{name} cannot include {params['include']}")
        rows = [{key: row[key] for key in row if key != "generated_at"} for row in found]
        if name == "ticket_events" and "include" not in params:
            rows = [
                row | {"child_events": [_without_words(child) for child in row["child_events"]]}
                for row in rows
            ]
        if name != "tickets" or "include" not in params:
            return {name: rows}
        ids = {row["id"] for row in rows}
        return {
            name: rows,
            "metric_sets": [row for row in self.rows["metric_sets"] if row["ticket_id"] in ids],
        }

    def _by_cursor(self, name: str, params: dict[str, str]) -> Row:
        _allow(params, "start_time", "cursor", "include", "per_page")
        if "cursor" in params and "start_time" in params:
            raise RefusedError(400, "InvalidValue", "a cursor stands alone")
        size = self._size(params, "per_page", 1000)
        after = self._place(params["cursor"]) if "cursor" in params else (self._start(params), -1)
        found = [(time, row) for time, row in self._settled(name) if (time, row["id"]) > after]
        page = found[:size]
        cursor = _cursor(page[-1][0], page[-1][1]["id"]) if page else params.get("cursor")
        return {
            **self._shown(name, params, [row for _, row in page]),
            "after_url": cursor and f"{self.url}{INCREMENTAL}{name}/cursor.json?cursor={cursor}",
            "after_cursor": cursor,
            "before_url": None,
            "before_cursor": None,
            "end_of_stream": len(found) <= size,
        }

    def _place(self, cursor: str) -> tuple[int, int]:
        if cursor in self.lost_cursors:
            raise RefusedError(400, "InvalidCursor", "the cursor is not known any more")
        try:
            time, row_id = base64.b64decode(cursor, validate=True).decode().split("||")
            return int(time), int(row_id)
        except ValueError as error:
            raise RefusedError(400, "InvalidCursor", "the cursor is not one of ours") from error

    def _by_time(self, name: str, params: dict[str, str]) -> Row:
        _allow(params, "start_time", "include", "per_page")
        start = self._start(params)
        size = self._size(params, "per_page", 1000)
        found = [(time, row) for time, row in self._settled(name) if time >= start]
        end = found[:size][-1][0] if found else None
        page = [
            (time, row) for time, row in found if end is not None and time <= end
        ]  # a second is never split
        return {
            **self._shown(name, params, [row for _, row in page]),
            "count": len(page),
            "end_time": end,
            "next_page": end and f"{self.url}{INCREMENTAL}{name}.json?start_time={end}",
            "end_of_stream": len(page) == len(found),
        }

    def _ratings(self, params: dict[str, str]) -> Row:
        _allow(params, "start_time", "page[size]", "page[after]", "score")
        if "page[size]" not in params:
            raise RefusedError(400, "InvalidValue", "offset pages are not for so many ratings")
        size = self._size(params, "page[size]", 100)
        start = int(params.get("start_time", "0"))
        after = self._place(params["page[after]"])[1] if "page[after]" in params else -1
        shown = sorted(self.rows["satisfaction_ratings"], key=lambda row: row["id"])
        found = [row for row in shown if row["id"] > after and unix_seconds(row["created_at"]) >= start]
        page = found[:size]
        has_more = len(found) > size
        cursor = _cursor(0, page[-1]["id"]) if page else None
        return {
            "satisfaction_ratings": page,
            "meta": {"has_more": has_more, "after_cursor": cursor, "before_cursor": None},
            "links": {
                "next": f"{self.url}/api/v2/satisfaction_ratings.json?page[after]={cursor}"
                if has_more
                else None
            },
        }


def _cursor(time: int, row_id: int) -> str:
    return base64.b64encode(f"{time}||{row_id}".encode()).decode()


def _without_words(child: Row) -> Row:
    if child["event_type"] != "Comment":
        return child
    return {
        "id": child["id"], "event_type": "Comment", "comment_present": True, "comment_public": child["public"]
    }  # fmt: skip


def _allow(params: dict[str, str], *names: str) -> None:
    if unknown := set(params) - set(names):
        raise RefusedError(400, "InvalidParameter", f"unknown: {', '.join(sorted(unknown))}")


def _handler(account: ZendeskServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one write, or each answer waits for the other side's acknowledgement

        def do_GET(self) -> None:
            address = urlsplit(self.path)
            params = dict(parse_qsl(address.query, keep_blank_values=True))
            status, body = account.answer(address.path, params, self.headers.get("Authorization", ""))
            text = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        log_message: Callable[..., None] = lambda *_: None

    return Handler
