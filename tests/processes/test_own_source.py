"""The source that the documentation writes, taken from there and run against a server."""

import datetime as dt
import json
import re
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

import dagster as dg
import polars as pl
import pytest

from dagster_project import ingest
from dagster_project.__main__ import main
from dagster_project.defs import landing_assets, live_sources
from dagster_project.settings import PROJECT_DIR, SettingsError, load_settings, settings

TOKEN = "marketing-token"
READ_AT = dt.datetime(2026, 10, 1, 2, 0)
FILES = dict(
    re.findall(
        r"^`ingest/(\S+\.py)`[^\n]*\n\n```python\n(.*?)```",
        (PROJECT_DIR / "docs" / "write_your_own_source.md").read_text(),
        flags=re.DOTALL | re.MULTILINE,
    )
)
"""The files of the source by their place under `ingest/`, as the page writes them."""


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


@pytest.fixture
def own_source(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The folder that the page writes, as if it lay in `ingest/`, and its settings in the environment."""
    for path, code in FILES.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(code)
    monkeypatch.setattr(ingest, "__path__", [*ingest.__path__, str(tmp_path)])
    variables = {"SOURCES": "marketing", "DATA_DIR": str(tmp_path / "data"), "MARKETING_TOKEN": TOKEN}
    variables["MARKETING_URL"] = f"http://127.0.0.1:{server.server_port}"
    for name, value in variables.items():
        monkeypatch.setenv(f"CUSTINT_{name}", value)
    yield
    monkeypatch.delattr(ingest, "marketing", raising=False)
    for name in [name for name in sys.modules if name.startswith("dagster_project.ingest.marketing")]:
        del sys.modules[name]


def test_the_example_is_short():
    assert list(FILES) == ["marketing/__init__.py", "marketing/connector.py"]
    assert sum(len(code.splitlines()) for code in FILES.values()) < 50


def test_the_source_of_the_readme_lands_what_is_new_and_nothing_twice(server: Server, own_source: None):
    settings = load_settings()
    (marketing,) = settings.live_sources.values()
    source = marketing.connector(settings)
    files = str(settings.landing_dir / "marketing" / "touchpoints" / "*-marketing.parquet")
    assert [landed.landed_row_count for landed in source.land(READ_AT)] == [5]
    assert [landed.landed_row_count for landed in source.land(READ_AT)] == [0]
    server.rows += [touchpoint(number) for number in range(5, 8)]
    (landed,) = source.land(READ_AT + dt.timedelta(days=1))
    assert (landed.landed_row_count, landed.repeated_row_count) == (3, 1)
    assert sorted(pl.read_parquet(files)["touchpoint_id"]) == [f"t{number}" for number in range(8)]


def test_its_settings_are_checked_and_listed_like_any_other(
    own_source: None, monkeypatch: pytest.MonkeyPatch
):
    assert str(load_settings().by_variable()["CUSTINT_MARKETING_TOKEN"]) == "**********"
    monkeypatch.delenv("CUSTINT_MARKETING_TOKEN")
    monkeypatch.setenv("CUSTINT_MARKETING_URL", "here")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert str(caught.value).splitlines() == [
        "CUSTINT_MARKETING_URL is 'here'; allowed is an address like https://api.example.com.",
        "CUSTINT_MARKETING_TOKEN is empty, and the source marketing needs it: a text without spaces.",
    ]
    monkeypatch.setenv("CUSTINT_SOURCES", "oracle")
    with pytest.raises(SettingsError, match=r"allowed is a comma list of sample, files, .*, marketing"):
        load_settings()


def test_sources_check_asks_it(own_source: None, capsys: pytest.CaptureFixture[str]):
    settings.cache_clear()
    try:
        assert main(["sources-check"]) == 0
    finally:
        settings.cache_clear()
    line = capsys.readouterr().out.splitlines()[-1]
    assert line.split() == ["marketing", "marketing__touchpoints", *["yes"] * 3, "2026-09-01T04:00:00Z"]


def test_its_step_and_its_check_are_in_the_graph(own_source: None, monkeypatch: pytest.MonkeyPatch):
    values = load_settings()
    for module in (live_sources, landing_assets):
        monkeypatch.setattr(module, "settings", lambda: values)
    (step,) = live_sources.live_source_assets().assets or ()
    with dg.DagsterInstance.ephemeral() as instance:
        done = dg.materialize([step], instance=instance)
    (materialization,) = done.asset_materializations_for_node("marketing_landing")
    assert materialization.asset_key.path == ["landing", "marketing__touchpoints"]
    assert materialization.metadata["kept_rows"].value == 5
    assert [check.passed for check in done.get_asset_check_evaluations()] == [True]
