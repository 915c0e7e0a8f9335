"""One HTTP client for all sources that have an API: pages, patience, and errors in words.

On dlt's REST client (its paginators and authentication) with a session of our own: dlt's pipelines write their
cursor beside the data instead of with it, and their retries know no jitter. tenacity retries.

Not here: what a source offers and how its rows are read.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, quote_plus

import requests
from dlt.common import jsonpath
from dlt.common.configuration.specs import RuntimeConfiguration
from dlt.sources.helpers.requests.retry import wait_exponential_retry_after
from dlt.sources.helpers.rest_client.client import RESTClient
from dlt.sources.helpers.rest_client.paginators import BasePaginator
from dlt.sources.helpers.rest_client.typing import Hooks
from requests.auth import AuthBase
from tenacity import RetryCallState, Retrying, stop_after_attempt
from tenacity.wait import wait_random

from dagster_project.ingest.streams import SourceError
from dagster_project.settings import Settings

RETRY_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})
RETRY_ERRORS = (
    requests.exceptions.ConnectionError,
    requests.exceptions.Timeout,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ContentDecodingError,
    requests.exceptions.InvalidJSONError,  # a cut that nobody else noticed, or the error page of a gateway
)
GOES_ON = "the next run goes on from what is landed"
CHECK_NETWORK = f"check the address and the network, or raise CUSTINT_HTTP_TIMEOUT_SECONDS; {GOES_ON}"
SHOWN_CHARACTERS = 200
SEARCHED_CHARACTERS = 100_000


@dataclass(frozen=True)
class HttpLimits:
    """How patient a client is.

    Attributes:
        timeout_seconds: For connecting, and for each wait on the next bytes of an answer.
        attempt_count: Tries of one request, the first included.
        first_wait_seconds: Before the second try; doubles from then on, with jitter.
        longest_wait_seconds: No wait is longer, not even when the server asks for it with Retry-After.
        page_limit: Pages of one read, against a server that never says that it is the last.
    """

    timeout_seconds: float = 60
    attempt_count: int = 6
    first_wait_seconds: float = 1
    longest_wait_seconds: float = 300
    page_limit: int = 100_000

    @classmethod
    def of(cls, settings: Settings) -> "HttpLimits":
        """The limits that the settings name."""
        return cls(
            timeout_seconds=settings.http_timeout_seconds,
            attempt_count=settings.http_attempts,
            page_limit=settings.http_page_limit,
        )


class ApiClient:
    """Reads JSON from one API.

    Args:
        source: Its name as people know it, for errors: `Stripe`.
        base_url: Where its paths begin.
        limits: Timeouts and retries.
        auth: What signs a request.
        headers: Sent with every request.
        secrets: Values that must not appear in any message.
        advice: What to do by HTTP status: `{401: "check CUSTINT_STRIPE_API_KEY"}`.
        retry_also: Whether an answer beyond the usual statuses is worth another try, such as a quota behind a 403.
    """

    def __init__(
        self,
        source: str,
        base_url: str,
        limits: HttpLimits,
        auth: AuthBase | None = None,
        headers: dict[str, str] | None = None,
        secrets: tuple[str, ...] = (),
        advice: dict[int, str] | None = None,
        retry_also: Callable[[requests.Response], bool] = lambda response: False,
    ) -> None:
        self.source = source
        self.limits = limits
        self.call_count = 0
        self._base_url = base_url
        self._secrets = secrets
        self._signature = ""  # a secret that is made while reading: an access token, or a password in base 64
        self._advice = advice or {}
        self._retry_also = retry_also
        self._hooks: Hooks = {"response": [_raise_for_status]}
        self._client = RESTClient(
            base_url,
            headers=headers,
            auth=auth,
            session=self.session(),
            config=RuntimeConfiguration(),
        )

    def session(self) -> requests.Session:
        """A session that waits and tries again; also for the requests that an authentication makes itself."""
        session = requests.Session()
        session.hooks["response"].append(_raise_for_status)
        send = session.send

        def counted_send(request: requests.PreparedRequest, **options: Any) -> requests.Response:
            self.call_count += 1
            self._signature = str(request.headers.get("Authorization", "")).split(" ")[-1].rstrip("'")
            options["timeout"] = options.get("timeout") or self.limits.timeout_seconds
            return _with_json(send(request, **options))

        session.send = self._retrying().wraps(counted_send)  # type: ignore[method-assign]
        return session

    def get(self, path: str, params: dict[str, Any] | None = None) -> Any:
        """The JSON of one answer.

        Raises:
            SourceError: The request failed for good.
        """
        return self._answered(lambda: self._client.get(path, params=params, hooks=self._hooks), path).json()

    def pages(
        self, path: str, params: dict[str, Any] | None, paginator: BasePaginator, data_selector: str
    ) -> Iterator[tuple[list[Any], Any]]:
        """Pages of a list: its rows, and the whole answer that they came in.

        Raises:
            SourceError: A request failed for good, or the pages do not end.
        """
        places: Counter[str] = Counter()
        pages = self._client.paginate(
            path,
            params=params,
            paginator=paginator,
            data_selector=data_selector,
            hooks=self._hooks,
        )
        while (page := self._answered(lambda: next(pages, None), path)) is not None:
            answer = page.response.json()
            yield self._rows(answer, path, data_selector), answer
            place = f"{page.request.url} {json.dumps(page.request.params, sort_keys=True, default=str)}"
            if page.paginator.has_next_page and places[place] == 2:  # once may be a page that was sent twice
                detail = "the server says that there is more, from a place where it was before"
                raise self.problem(path, detail, GOES_ON)
            if page.paginator.has_next_page and places.total() + 1 >= self.limits.page_limit:
                advice = "raise CUSTINT_HTTP_PAGE_LIMIT if there really are so many"
                raise self.problem(path, f"more than {self.limits.page_limit} pages", advice)
            places[place] += 1

    def problem(
        self,
        what: str,
        detail: str,
        advice: str = "",
        *,
        stops_source: bool = False,
        was_reached: bool = True,
    ) -> SourceError:
        """An error of this source in one line, without secrets."""
        line = self._clean(f"{self.source} {what}: {detail}")
        line = f"{line}{'; ' + advice if advice else ''}."
        return SourceError(line, stops_source=stops_source, was_reached=was_reached)

    def _clean(self, text: str) -> str:
        """One line without secrets, in whatever way they are written."""
        for secret in filter(None, (*self._secrets, self._signature)):
            for written in {secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1]}:
                text = text.replace(written, "***")
        return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())

    def _answered(self, ask: Callable[[], Any], path: str) -> Any:
        try:
            return ask()
        except requests.RequestException as error:
            problem = self._problem_of(error, path)
        except (
            ValueError,
            LookupError,
            TypeError,
            AttributeError,
        ) as error:  # a paginator that found no way on
            reason = f"{type(error).__name__}: {error}"[:SEARCHED_CHARACTERS]
            shown = self._clean(reason)[:SHOWN_CHARACTERS]
            problem = self.problem(path, f"the answer is not as documented ({shown})", GOES_ON)
        raise problem  # here, so that it does not drag along the request and what signed it

    def _problem_of(self, error: requests.RequestException, path: str) -> SourceError:
        if isinstance(error, requests.HTTPError) and error.response is not None:
            return self._refusal(error.response, path)
        tries = f"after {self.limits.attempt_count} tries" if isinstance(error, RETRY_ERRORS) else "at once"
        if isinstance(error, requests.exceptions.InvalidJSONError):
            detail = f"the answer is not JSON {tries}: {self._shown(error.response)}"
            return self.problem(path, detail, f"check that the address is the API's; {GOES_ON}")
        detail = f"no whole answer from {self._base_url} {tries} ({_innermost(error)})"
        is_source_down = not isinstance(error, requests.exceptions.ChunkedEncodingError)
        return self.problem(
            path, detail, CHECK_NETWORK, stops_source=is_source_down, was_reached=not is_source_down
        )

    def _refusal(self, response: requests.Response, path: str) -> SourceError:
        status = response.status_code
        detail = f"HTTP {status} {response.reason}: {self._shown(response)}"
        is_for_all = status in (401, 429) or self._retry_also(response)
        problem = self.problem(path, detail, self._advice_on(status), stops_source=is_for_all)
        problem.status = status
        return problem

    def _advice_on(self, status: int) -> str:
        return self._advice.get(status, GOES_ON if status in RETRY_STATUS or status >= 500 else "")

    def _shown(self, response: requests.Response | None) -> str:
        """The beginning of an answer; secrets are masked before it is cut, or half of one would stay."""
        if response is None:
            return ""
        return self._clean(response.content[:SEARCHED_CHARACTERS].decode("utf-8", "replace"))[
            :SHOWN_CHARACTERS
        ]

    def _rows(self, answer: Any, path: str, data_selector: str) -> list[Any]:
        """The rows of an answer; one without a list where it should be is no empty page, but one that says nothing."""
        found = jsonpath.find_values(data_selector, answer)
        wrong = ""
        if len(found) != 1 or not isinstance(found[0], list):
            wrong = f"has no list '{data_selector}'"
        elif not all(isinstance(row, dict) for row in found[0]):
            wrong = f"has other things than rows in '{data_selector}'"
        if wrong:
            raise self.problem(path, f"the answer is not as documented: it {wrong}", GOES_ON)
        return list(found[0])

    def _retrying(self) -> Retrying:
        limits = self.limits
        return Retrying(
            retry=self._is_worth_another_try,
            wait=_Wait(multiplier=limits.first_wait_seconds, max=limits.longest_wait_seconds)
            + wait_random(0, limits.first_wait_seconds),
            stop=stop_after_attempt(limits.attempt_count),
            reraise=True,
        )

    def _is_worth_another_try(self, state: RetryCallState) -> bool:
        assert state.outcome is not None  # noqa: S101 - tenacity calls this after a try
        error = state.outcome.exception()
        if isinstance(error, requests.HTTPError) and error.response is not None:
            return error.response.status_code in RETRY_STATUS or self._retry_also(error.response)
        return isinstance(error, RETRY_ERRORS)


class _Wait(wait_exponential_retry_after):
    """As long as the server asks for, else longer each time; a date that no calendar has asks for nothing."""

    def _parse_retry_after(self, retry_after: str) -> float | None:
        try:
            return super()._parse_retry_after(retry_after)
        except (ValueError, OverflowError):
            return None


def _raise_for_status(response: requests.Response, *args: Any, **options: Any) -> None:
    """A hook of the session, so that an error status is tried again like a broken connection."""
    if response.status_code >= 400:
        _ = response.content  # read here, so that a cut in it is tried again as well
        raise requests.HTTPError(response=response)


def _with_json(response: requests.Response) -> requests.Response:
    """The answer with its JSON read, once for all who ask; redirects have none.

    Raises:
        InvalidJSONError: The answer is something else.
    """
    if response.status_code < 300:
        try:
            content = response.json()
        except (ValueError, RecursionError):
            raise requests.exceptions.InvalidJSONError(response=response) from None
        response.json = lambda **options: content  # type: ignore[method-assign]
    return response


def _innermost(error: BaseException) -> str:
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__  # type: ignore[assignment]
    return f"{type(error).__name__}: {error}"
