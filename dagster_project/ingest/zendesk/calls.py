"""How Zendesk wants to be called: not too often, and page after page to the end of a stream.

Not here: what is asked for (`connector.py`), and patience with errors (`api_client.py`).
"""

from collections import deque
from collections.abc import Callable
from typing import Any

from dlt.sources.helpers.rest_client.paginators import JSONResponseCursorPaginator
from requests import PreparedRequest, Response
from requests.auth import HTTPBasicAuth

INCREMENTAL = "/api/v2/incremental/"
"""Where the paths of the exports begin that only so many calls a minute may go to."""


class CallPace:
    """At most so many calls in any minute.

    Args:
        calls_per_minute: How many.
        clock: Seconds that only go forward.
        sleep: Waits that many seconds.
    """

    def __init__(
        self, calls_per_minute: int, clock: Callable[[], float], sleep: Callable[[float], None]
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._calls: deque[float] = deque(maxlen=calls_per_minute)

    def wait(self) -> None:
        """Return when one more call may be made."""
        if len(self._calls) == self._calls.maxlen:
            rest = self._calls[0] + 60 - self._clock()
            if rest > 0:
                self._sleep(rest)
        self._calls.append(self._clock())


class PacedAuth(HTTPBasicAuth):
    """Signs requests, and keeps those to incremental exports waiting for their turn: every request passes here."""

    def __init__(self, username: str, password: str, pace: CallPace) -> None:
        super().__init__(username, password)
        self._pace = pace

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Wait, then sign."""
        if INCREMENTAL in (request.url or ""):
            self._pace.wait()
        signed: PreparedRequest = super().__call__(request)  # type: ignore[no-untyped-call]
        return signed


class ExportPaginator(JSONResponseCursorPaginator):
    """Goes on until `end_of_stream`; by the place in the answer, never by its links, which may lead elsewhere.

    Args:
        cursor_path: Where the answer says from which place to go on.
        cursor_param: The parameter that takes it.
        latest: Unix seconds after which no start is taken, where the place is a time.
    """

    def __init__(self, cursor_path: str, cursor_param: str, latest: int | None = None) -> None:
        super().__init__(cursor_path, cursor_param)
        self._latest = latest

    def update_state(self, response: Response, data: list[Any] | None = None) -> None:
        """Find the next place; where an answer does not say that it is the last, one that leads nowhere is."""
        asked = self._next_reference
        super().update_state(response, data)
        place = self._next_reference
        is_last = response.json().get("end_of_stream")
        if is_last is None:
            is_too_late = self._latest is not None and int(place or 0) > self._latest
            is_last = not data or place == asked or is_too_late
        if not is_last and place is None:
            raise ValueError("it is not the end, but there is nothing that leads on")
        self._has_next_page = not is_last

    def update_request(self, request: Any) -> None:
        """Ask from the next place; a cursor stands alone."""
        super().update_request(request)
        if self.cursor_param != "start_time":
            request.params.pop("start_time", None)
