"""The HTTP client against a real server behind a proxy that spoils its answers."""

import datetime as dt
import json
import logging
import socket
import subprocess
import sys
import threading
import time
import traceback
from base64 import b64encode
from collections.abc import Iterator
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, quote_plus, urlsplit

import pytest
import requests
from dlt.common import logger as dlt_logger
from dlt.sources.helpers.rest_client.auth import BearerTokenAuth, HttpBasicAuth
from dlt.sources.helpers.rest_client.paginators import JSONResponseCursorPaginator
from fault_proxy import Fault, FaultProxy

from dagster_project.ingest.api_client import ApiClient, HttpLimits
from dagster_project.ingest.streams import SourceError

ROWS = [{"id": number} for number in range(8)]
ROWS_PER_PAGE = 3
TINY = HttpLimits(timeout_seconds=5, attempt_count=3, first_wait_seconds=0.001)
SECRET = 'sk_live/4eC39Hq+LyjWD"arjtT1=='  # noqa: S105


class Rows(BaseHTTPRequestHandler):
    """Gives `ROWS` in pages."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        after = int(parse_qs(urlsplit(self.path).query).get("after", ["0"])[0])
        following = after + ROWS_PER_PAGE
        answer = {"data": ROWS[after:following], "next": following if following < len(ROWS) else None}
        content = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[FaultProxy]:
    upstream = ThreadingHTTPServer(("127.0.0.1", 0), Rows)
    upstream.daemon_threads = True
    threading.Thread(target=upstream.serve_forever, args=(0.02,), daemon=True).start()
    with FaultProxy(f"http://127.0.0.1:{upstream.server_port}") as proxy:
        yield proxy
    upstream.shutdown()
    upstream.server_close()


@pytest.fixture
def api(server: FaultProxy) -> FaultProxy:
    server.spoil()
    return server


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that would have been waited, instead of waiting."""
    seen: list[float] = []
    monkeypatch.setattr(time, "sleep", seen.append)
    return seen


def client(api: FaultProxy, limits: HttpLimits = TINY, **options: Any) -> ApiClient:
    return ApiClient("Shop", api.url, limits, **options)


def read(reader: ApiClient) -> list[Any]:
    paginator = JSONResponseCursorPaginator("next", "after")
    return [row for rows, _ in reader.pages("/rows", {"size": 3}, paginator, "data") for row in rows]


def failure(reader: ApiClient) -> SourceError:
    with pytest.raises(SourceError) as caught:
        read(reader)
    return caught.value


def test_all_pages_are_read_in_order_with_their_parameters(api: FaultProxy):
    reader = client(api)
    assert read(reader) == ROWS
    assert api.requests == ["/rows?size=3", "/rows?size=3&after=3", "/rows?size=3&after=6"]
    assert reader.call_count == 3


def test_one_answer_is_read_whole(api: FaultProxy):
    assert client(api).get("/rows", {"after": 6}) == {"data": ROWS[6:], "next": None}


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_a_passing_refusal_is_tried_again_and_loses_nothing(api: FaultProxy, status: int):
    api.spoil(Fault(first=2, times=2, status=status))
    reader = client(api)
    assert read(reader) == ROWS
    assert reader.call_count == 5


@pytest.mark.parametrize("status", [400, 401, 403, 404, 501])
def test_a_lasting_refusal_is_not_tried_again(api: FaultProxy, status: int):
    api.spoil(Fault(status=status, body="no"))
    reader = client(api, advice={status: "turn the key"})
    error = failure(reader)
    assert str(error).startswith(f"Shop /rows: HTTP {status} ")
    assert str(error).endswith(": no; turn the key.")
    assert error.stops_source == (status == 401)
    assert error.was_reached and error.status == status and reader.call_count == 1


def test_waits_double_with_jitter_up_to_the_longest(api: FaultProxy, waits: list[float]):
    api.spoil(Fault(status=503))
    failure(client(api, HttpLimits(attempt_count=7, first_wait_seconds=1, longest_wait_seconds=10)))
    for wait, least in zip(waits, [1, 2, 4, 8, 10, 10], strict=True):
        assert least <= wait <= least + 1
    assert len({round(wait % 1, 6) for wait in waits}) == 6


@pytest.mark.parametrize(
    ("asked", "least", "most"),
    [
        ("7", 7, 7),
        ("in 99 seconds", 97, 99),
        ("100000", 300, 300),
        ("soon", 0, 0.001),
        ("0", 0, 0.001),
        ("Fri, 31 Dec 99999 23:59:59 GMT", 0, 0.001),
        ("Fri, 31 Dec 1999 23:59:59 GMT", 0, 0.001),
    ],
)
def test_the_server_says_how_long_to_wait(
    api: FaultProxy, waits: list[float], asked: str, least: float, most: float
):
    if asked == "in 99 seconds":
        asked = format_datetime(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=99), usegmt=True)
    api.spoil(Fault(times=1, status=429, headers={"Retry-After": asked}))
    assert read(client(api)) == ROWS
    assert len(waits) == 1
    assert least <= waits[0] <= most + 2 * TINY.first_wait_seconds


def test_a_quota_behind_another_status_is_tried_again_and_then_stops_the_source(api: FaultProxy):
    api.spoil(Fault(times=2, status=403, body="QUOTA"))
    reader = client(api, retry_also=lambda response: "QUOTA" in response.text)
    assert read(reader) == ROWS
    api.spoil(Fault(status=403, body="QUOTA"))
    assert failure(reader).stops_source


def test_a_silent_server_is_given_up(api: FaultProxy):
    api.spoil(Fault(wait_seconds=0.3))
    reader = client(api, HttpLimits(timeout_seconds=0.05, attempt_count=2, first_wait_seconds=0.001))
    error = failure(reader)
    assert f"no whole answer from {api.url} after 2 tries" in str(error) and "timed out" in str(error).lower()
    assert error.stops_source and not error.was_reached and reader.call_count == 2


def test_a_server_that_is_not_there_is_named(api: FaultProxy):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, but nobody listens
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
        error = failure(ApiClient("Shop", address, TINY))
    assert address in str(error) and "refused" in str(error)
    assert error.stops_source and not error.was_reached


def test_an_answer_that_breaks_off_is_asked_for_again(api: FaultProxy):
    api.spoil(Fault(first=2, times=1, cut=True))
    assert read(client(api)) == ROWS


def test_an_answer_that_always_breaks_off_stops_its_object_alone(api: FaultProxy):
    api.spoil(Fault("after=3", cut=True))
    error = failure(client(api))
    assert "no whole answer" in str(error) and not error.stops_source


def test_a_refusal_that_breaks_off_is_asked_for_again(api: FaultProxy):
    api.spoil(Fault(times=1, status=404, body="not found", cut=True))
    assert read(client(api)) == ROWS


@pytest.mark.parametrize(
    "body", ['{"data": [', "<html>down for maintenance</html>", "", "1" * 5000, "[" * 200_000]
)
def test_an_answer_that_is_not_json_is_asked_for_again(api: FaultProxy, body: str):
    api.spoil(Fault(first=2, times=1, status=200, body=body))
    assert read(client(api)) == ROWS
    api.spoil(Fault(status=200, body=body))
    error = failure(client(api))
    assert str(error).startswith(f"Shop /rows: the answer is not JSON after 3 tries: {body[:20]}".rstrip())
    assert not error.stops_source and len(str(error)) < 400


@pytest.mark.parametrize(
    "body",
    ["{}", "[]", "null", '{"error": "try later"}', '{"data": null}', '{"data": {"id": 1}}', '{"data": [1]}'],
)
def test_an_answer_without_rows_where_they_should_be_is_no_empty_page(api: FaultProxy, body: str):
    api.spoil(Fault("after=3", status=200, body=body))
    assert "the answer is not as documented" in str(failure(client(api)))


def test_an_empty_page_ends_nothing_as_long_as_there_is_more(api: FaultProxy):
    api.spoil(Fault("after=3", status=200, body='{"data": [], "next": 6}'))
    assert read(client(api)) == ROWS[:3] + ROWS[6:]


def test_a_server_that_goes_round_in_circles_is_stopped(api: FaultProxy):
    api.spoil(Fault("after=6", change=lambda answer: {**answer, "next": 3}))
    reader = client(api)
    assert "from a place where it was before" in str(failure(reader))
    assert reader.call_count <= 8


def test_a_page_that_is_sent_twice_stops_nobody(api: FaultProxy):
    api.spoil(Fault(first=2, times=1, repeat=True))
    assert read(client(api)) == ROWS[:3] + ROWS


def test_a_server_that_never_ends_meets_the_page_limit(api: FaultProxy):
    numbers = iter(range(100, 1000))
    api.spoil(Fault(change=lambda answer: {**answer, "next": next(numbers)}))
    reader = client(api, HttpLimits(page_limit=5))
    assert "more than 5 pages; raise CUSTINT_HTTP_PAGE_LIMIT" in str(failure(reader))
    assert reader.call_count == 5


def test_as_many_pages_as_the_limit_allows_are_read(api: FaultProxy):
    assert read(client(api, HttpLimits(page_limit=3))) == ROWS


def test_the_requests_of_a_sign_in_are_patient_too(api: FaultProxy):
    api.spoil(Fault(times=1, status=500), Fault(first=2, times=1, cut=True))
    reader = client(api)
    assert reader.session().post(f"{api.url}/rows").json()["data"] == ROWS[:3]
    assert reader.call_count == 3


def test_what_a_server_says_is_one_line(api: FaultProxy):
    api.spoil(Fault(status=404, body="a\n\tb \u0000 c\x1b[31m"))
    assert ": a b c [31m." in str(failure(client(api)))


def _every_way(secret: str) -> list[str]:
    return [secret, quote_plus(secret), json.dumps(secret)[1:-1], b64encode(f"me:{secret}".encode()).decode()]


@pytest.mark.parametrize("before", [0, 170, 180, 190, 199])
@pytest.mark.parametrize("said", _every_way(SECRET))
def test_no_secret_is_in_an_error_however_it_is_written_and_wherever_it_is_cut(
    api: FaultProxy, said: str, before: int
):
    api.spoil(Fault(status=400, body="." * before + said + said))
    error = failure(client(api, auth=HttpBasicAuth("me", SECRET), secrets=(SECRET,)))
    assert said[:5] not in str(error)
    assert_is_nowhere(said, error)


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=401, body=SECRET),
        Fault(status=200, body=f"not JSON {SECRET}"),
        Fault(status=200, body=json.dumps({"data": SECRET})),
        Fault(cut=True),
        Fault(wait_seconds=0.1),
    ],
    ids=["refused", "no JSON", "no rows", "cut", "silent"],
)
def test_no_secret_is_in_the_chain_of_an_error_or_in_a_log(
    api: FaultProxy, fault: Fault, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(dlt_logger, "LOGGER", logging.getLogger("dlt as verbose as it gets"))
    api.spoil(fault)
    limits = HttpLimits(timeout_seconds=0.03, attempt_count=2, first_wait_seconds=0.001)
    reader = client(api, limits, auth=BearerTokenAuth(SECRET), secrets=(SECRET,))
    assert_is_nowhere(SECRET, failure(reader))
    assert "/rows" in caplog.text
    assert SECRET not in caplog.text and SECRET not in repr(vars(reader)["_client"].auth)


def test_a_token_made_while_reading_is_a_secret_too(api: FaultProxy):
    api.spoil(Fault(status=403, body="Bearer made-just-now is not enough"))
    assert "Bearer *** is not enough" in str(failure(client(api, auth=BearerTokenAuth("made-just-now"))))


def assert_is_nowhere(secret: str, error: BaseException) -> None:
    assert error.__cause__ is None and error.__context__ is None
    for text in (str(error), repr(error), "".join(traceback.format_exception(error))):
        assert secret not in text


def test_nothing_but_the_source_is_called(api: FaultProxy, monkeypatch: pytest.MonkeyPatch):
    called = set()
    connect = socket.socket.connect

    def watched(self: socket.socket, address: Any) -> None:
        called.add(address)
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", watched)
    assert read(client(api)) == ROWS
    proxy, behind = (("127.0.0.1", urlsplit(url).port) for url in (api.url, api.upstream))
    assert called == {proxy, behind}


@pytest.mark.proof
def test_loading_the_client_calls_nobody_and_starts_no_thread():
    program = """
import socket, sys, threading
sys.addaudithook(lambda event, args: event in ("socket.connect", "socket.getaddrinfo") and sys.exit(f"called {args}"))
import dagster_project.ingest.api_client as client
client.ApiClient("Shop", "http://127.0.0.1:1", client.HttpLimits())
assert threading.active_count() == 1
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_session_never_waits_for_ever(api: FaultProxy, monkeypatch: pytest.MonkeyPatch):
    timeouts = []
    send = requests.Session.send

    def watched(
        self: requests.Session, request: requests.PreparedRequest, **options: Any
    ) -> requests.Response:
        timeouts.append(options["timeout"])
        return send(self, request, **options)

    monkeypatch.setattr(requests.Session, "send", watched)
    reader = client(api)
    read(reader)
    reader.session().get(f"{api.url}/rows")
    assert timeouts == [5] * 4
