"""A small HTTP server that answers as Stripe's API reference says, for what localstripe does not have.

Events above all. It refuses what Stripe refuses: a wrong key, an unknown parameter, more than 20 event types, more
than 100 rows a page, a place in a list that does not exist. Not here: what is asserted.
"""

import copy
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

KEY = "rk_live_51documented"
EMBEDDED_ROWS = 10
EVENT_SECONDS = 30 * 86_400
LISTS = {
    "customers": "customer",
    "products": "product",
    "prices": "price",
    "subscriptions": "subscription",
    "invoices": "invoice",
    "charges": "charge",
    "refunds": "refund",
    "credit_notes": "credit_note",
    "disputes": "dispute",
}
PART_LISTS = {"subscription_items": ("subscription", "items"), "invoice_payments": ("invoice", "payments")}
EVENT_PREFIXES = {"subscription": "customer.subscription", "dispute": "charge.dispute"}
LIST_PARAMS = {"limit", "starting_after", "created[gte]", "expand[]"}


class RefusedError(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Account:
    """The objects and events of one account, and the requests that it got."""

    def __init__(self, now: int) -> None:
        self.now = now
        self.objects: dict[str, dict[str, dict[str, Any]]] = {kind: {} for kind in LISTS.values()}
        self.deleted: set[str] = set()
        self.events: list[dict[str, Any]] = []
        self.requests: list[tuple[str, dict[str, list[str]]]] = []
        self.refusals: dict[str, int] = {}  # status by the beginning of a path

    def create(self, kind: str, key: str, **fields: Any) -> None:
        """A new object, now."""
        self.objects[kind][key] = {"id": key, "object": kind, "created": self.now, **fields}
        self._tell(kind, key, "created")

    def update(self, kind: str, key: str, **fields: Any) -> None:
        """A change, now."""
        self.objects[kind][key].update(fields)
        self._tell(kind, key, "updated")

    def delete(self, kind: str, key: str) -> None:
        """The end of an object, now."""
        self._tell(kind, key, "deleted")
        del self.objects[kind][key]
        self.deleted.add(key)

    def paths(self) -> list[str]:
        """What was asked since the last call."""
        paths = [path for path, _ in self.requests]
        self.requests.clear()
        return paths

    def _tell(self, kind: str, key: str, what: str) -> None:
        self.events.append(
            {
                "id": f"evt_{len(self.events):06d}",
                "object": "event",
                "api_version": "2019-12-03",
                "created": self.now,
                "type": f"{EVENT_PREFIXES.get(kind, kind)}.{what}",
                "data": {"object": copy.deepcopy(self.objects[kind][key])},
            }
        )

    def answer(self, path: str, params: dict[str, list[str]]) -> dict[str, Any]:
        """The JSON of a GET."""
        for beginning, status in self.refusals.items():
            if path.startswith(beginning):
                raise RefusedError(status, f"The provided key '{KEY}' may not do this")
        parts = path.removeprefix("/v1/").split("/")
        if parts == ["events"] or parts[0] in PART_LISTS:
            return self._further_list(path, params, parts[0])
        kind = LISTS.get(parts[0])
        if kind is None:
            raise RefusedError(404, "Unrecognized request URL")
        if len(parts) == 1:
            allowed = LIST_PARAMS | ({"status"} if kind == "subscription" else set())
            rows = [row for row in self.objects[kind].values() if row["created"] >= _since(params)]
            if kind == "subscription" and params.get("status") != ["all"]:
                rows = [row for row in rows if row["status"] != "canceled"]
            return self._page(path, params, rows[::-1], allowed)
        found = self.objects[kind].get(parts[1])
        if found is None:
            if kind == "customer" and parts[1] in self.deleted:
                return {"id": parts[1], "object": "customer", "deleted": True}
            raise RefusedError(404, f"No such {kind}: '{parts[1]}'")
        if parts[2:] == ["lines"]:
            return self._page(path, params, found["lines"], LIST_PARAMS)
        return _shown(found)

    def _further_list(self, path: str, params: dict[str, list[str]], name: str) -> dict[str, Any]:
        if name in PART_LISTS:
            kind, field = PART_LISTS[name]
            parts = self.objects[kind][params[kind][0]][field]
            return self._page(path, params, parts, LIST_PARAMS | {kind})
        types = params.get("types[]", [])
        if not 1 <= len(types) <= 20 or any("*" in name for name in types):
            raise RefusedError(400, f"Invalid array: types {types}")
        first = max(_since(params), self.now - EVENT_SECONDS)
        rows = [event for event in self.events if event["type"] in types and event["created"] >= first]
        return self._page(path, params, rows[::-1], LIST_PARAMS | {"types[]"})

    def _page(
        self, path: str, params: dict[str, list[str]], rows: list[dict[str, Any]], allowed: set[str]
    ) -> dict[str, Any]:
        if unknown := params.keys() - allowed:
            raise RefusedError(400, f"Received unknown parameters: {sorted(unknown)}")
        limit = int(params.get("limit", ["10"])[0])
        if not 1 <= limit <= 100:
            raise RefusedError(400, f"Invalid integer: limit {limit}")
        start = 0
        if after := params.get("starting_after"):
            places = [place for place, row in enumerate(rows) if row["id"] == after[0]]
            if not places:
                raise RefusedError(400, f"No such object: '{after[0]}'")
            start = places[0] + 1
        page = [_shown(row) for row in rows[start : start + limit]]
        return {"object": "list", "url": path, "has_more": start + limit < len(rows), "data": page}


def _since(params: dict[str, list[str]]) -> int:
    return int(params.get("created[gte]", ["0"])[0])


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    """An object with the first rows of its own lists, where it has some."""
    names = {"invoice": ("lines", "payments"), "subscription": ("items",)}.get(row["object"], ())
    return row | {
        name: {"object": "list", "has_more": len(rows) > EMBEDDED_ROWS, "data": rows[:EMBEDDED_ROWS]}
        for name in names
        if isinstance(rows := row.get(name), list)
    }


@contextmanager
def serving(account: Account) -> Iterator[str]:
    """Serve an account; its address, until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:  # noqa: N802 - the name that the library calls
            url = urlsplit(self.path)
            params = parse_qs(url.query)
            account.requests.append((url.path, params))
            try:
                if self.headers["Authorization"] != f"Bearer {KEY}":
                    raise RefusedError(401, "Invalid API Key provided")
                if self.headers["Stripe-Version"] != "2025-02-24.acacia":
                    raise RefusedError(400, "Invalid Stripe API version")
                status, answer = 200, account.answer(url.path, params)
            except RefusedError as refused:
                status, answer = refused.status, {"error": {"message": str(refused)}}
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
