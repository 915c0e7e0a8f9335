"""A server between a connector and its API that spoils answers as it is told. Not here: any assertion.

It forwards everything to the API, writes its own address where an answer holds the API's, and remembers what was
asked. A `Fault` says which requests it spoils and how.
"""

import contextlib
import http.client
import json
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "content-encoding", "host"}

Change = Callable[[Any], Any]
"""The JSON of an answer, changed."""


@dataclass
class Fault:
    """One way to spoil answers.

    Attributes:
        path: A regular expression that the path with its query must contain.
        first: The first matching request that is spoiled, from 1.
        times: How many are, from then on; None for all.
        status: Answer with this instead of asking the API.
        headers: Headers of that answer.
        body: Body of that answer; also for status 200.
        wait_seconds: Wait before answering.
        cut: Send the announced length, but only half of the body.
        repeat: Give the answer of the matching request before, whatever is asked now.
        change: What to do with the JSON of the API's answer.
    """

    path: str = ""
    first: int = 1
    times: int | None = None
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    wait_seconds: float = 0
    cut: bool = False
    repeat: bool = False
    change: Change | None = None
    match_count: int = 0
    spoiled_count: int = 0
    previous: tuple[int, dict[str, str], bytes] | None = None

    def hits(self, path: str) -> bool:
        """Whether this request is spoiled; counts it."""
        if not re.search(self.path, path):
            return False
        self.match_count += 1
        last = float("inf") if self.times is None else self.first + self.times - 1
        is_hit = self.first <= self.match_count <= last
        self.spoiled_count += is_hit
        return is_hit


class FaultProxy:
    """Forwards to an API, with faults; a context manager.

    Args:
        upstream: Address of the API, without a slash at its end.

    Attributes:
        faults: What to spoil; set it anew for each test.
        requests: Paths with their queries, in order.
    """

    def __init__(self, upstream: str) -> None:
        self.upstream = upstream.rstrip("/")
        self.faults: list[Fault] = []
        self.requests: list[str] = []
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "FaultProxy":
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def spoil(self, *faults: Fault) -> None:
        """These faults from now on, instead of those before; forgets what was asked."""
        self.faults = list(faults)
        self.requests = []

    def answer(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes, bool]:
        """Status, headers and body of an answer, and whether it is cut off."""
        with self._lock:
            self.requests.append(path)
            matching = [fault for fault in self.faults if re.search(fault.path, path)]
            hits = [fault for fault in self.faults if fault.hits(path)]
        for fault in hits:
            if fault.wait_seconds:
                time.sleep(fault.wait_seconds)
        said = next(((f.status, f.headers, f.body.encode()) for f in hits if f.status), None)
        said = said or next((f.previous for f in hits if f.repeat and f.previous), None)
        said = said or self._forwarded(method, path, headers, body)
        status, answer_headers, content = said
        for fault in hits:
            if fault.change and status == 200:
                content = json.dumps(fault.change(json.loads(content))).encode()
        for fault in matching:
            fault.previous = (status, answer_headers, content)
        return status, answer_headers, content, any(fault.cut for fault in hits)

    def _forwarded(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(urlsplit(self.upstream).netloc, timeout=30)
        try:
            kept = {name: value for name, value in headers.items() if name.lower() not in HOP_BY_HOP}
            connection.request(method, path, body or None, kept | {"Accept-Encoding": "identity"})
            response = connection.getresponse()
            content = response.read().replace(self.upstream.encode(), self.url.encode())
            kept = {name: value for name, value in response.getheaders() if name.lower() not in HOP_BY_HOP}
            own = {name: value.replace(self.upstream, self.url) for name, value in kept.items()}
            return response.status, own, content
        finally:
            connection.close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # else head and body of an answer are 40 ms apart

            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, headers, content, is_cut = proxy.answer(
                    self.command, self.path, dict(self.headers.items()), body
                )
                with contextlib.suppress(BrokenPipeError):  # the client had enough of waiting
                    self._send(status, headers, content, is_cut)

            def _send(self, status: int, headers: dict[str, str], content: bytes, is_cut: bool) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content[: len(content) // 2] if is_cut else content)
                self.close_connection = self.close_connection or is_cut

            def do_POST(self) -> None:
                self.do_GET()

            def log_message(self, *args: Any) -> None:
                pass

        return Handler


def each_row(rows_at: str, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Change:
    """Changes every row of the list `rows_at` of an answer."""

    def changed(answer: Any) -> Any:
        return {**answer, rows_at: [change(row) for row in answer[rows_at]]}

    return changed


def with_field(rows_at: str, name: str, value: Any) -> Change:
    """Every row gets a field, or another value in it."""
    return each_row(rows_at, lambda row: {**row, name: value})


def without_field(rows_at: str, name: str) -> Change:
    """Every row loses a field."""
    return each_row(rows_at, lambda row: {key: value for key, value in row.items() if key != name})
