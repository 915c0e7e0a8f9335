"""The source that the README writes, taken from there and run against a server."""

import datetime as dt
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

import polars as pl
import pytest

from dagster_project.ingest.api_client import HttpLimits
from dagster_project.settings import PROJECT_DIR

TOKEN = "marketing-token"
READ_AT = dt.datetime(2026, 10, 1, 2, 0)


def touchpoint(number: int) -> dict[str, Any]:
    moment = f"2026-09-{number // 10 + 1:02d}T0{number % 10}:00:00Z"
    return {"touchpoint_id": f"t{number}", "email": "a@example.com", "channel": "web", "occurred_at": moment}


class Server(ThreadingHTTPServer):
    """Touchpoints from a moment on, two a page."""

    rows: list[dict[str, Any]]


class Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *arguments: Any) -> None:
        pass

    def do_GET(self) -> None:
        asked = {name: values[0] for name, values in parse_qs(urlparse(self.path).query).items()}
        assert self.headers["Authorization"] == f"Bearer {TOKEN}"
        if asked.get("order") == "newest":
            rows, following = self.server.rows[-1:], None
        else:
            wanted = [row for row in self.server.rows if row["occurred_at"] >= asked["since"]]
            begin = int(asked.get("after", 0))
            rows, following = wanted[begin : begin + 2], begin + 2 if begin + 2 < len(wanted) else None
        body = json.dumps({"items": rows, "next": following}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server(("127.0.0.1", 0), Handler)
    running.rows = [touchpoint(number) for number in range(5)]
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield running
    running.shutdown()
    running.server_close()


def code_of_the_readme() -> str:
    (block,) = re.findall(r"```python\n(.*?)```", (PROJECT_DIR / "README.md").read_text(), flags=re.DOTALL)
    return str(block)


def test_the_example_is_short():
    assert len(code_of_the_readme().splitlines()) < 40


def test_the_source_of_the_readme_lands_what_is_new_and_nothing_twice(server: Server, tmp_path: Path):
    names: dict[str, Any] = {}
    exec(code_of_the_readme(), names)  # the README is what is tested
    source = names["Marketing"](f"http://127.0.0.1:{server.server_port}", TOKEN, tmp_path, HttpLimits())
    files = str(tmp_path / "marketing" / "touchpoints" / "*-marketing.parquet")
    assert [landed.landed_row_count for landed in source.land(READ_AT)] == [5]
    assert [landed.landed_row_count for landed in source.land(READ_AT)] == [0]
    server.rows += [touchpoint(number) for number in range(5, 8)]
    (landed,) = source.land(READ_AT + dt.timedelta(days=1))
    assert (landed.landed_row_count, landed.repeated_row_count) == (3, 1)
    assert sorted(pl.read_parquet(files)["touchpoint_id"]) == [f"t{number}" for number in range(8)]
    assert [probe.newest for probe in source.probe()] == ["2026-09-01T07:00:00Z"]
