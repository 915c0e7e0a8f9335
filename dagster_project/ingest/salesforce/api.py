"""Salesforce's REST API: sign-in, the end of a session in mid-read, queries in pages, and refusals in words.

Not here: which objects are read, which fields and from where on (`connector.py`).
"""

from collections.abc import Iterator
from typing import Any

import requests
from dlt.sources.helpers.rest_client.auth import OAuth2ClientCredentials
from dlt.sources.helpers.rest_client.paginators import JSONLinkPaginator

from dagster_project.ingest.api_client import ApiClient, HttpLimits
from dagster_project.ingest.streams import Record, SourceError

ROWS_PER_PAGE = 2000
LOCATOR_GONE = "INVALID_QUERY_LOCATOR"
QUOTA_USED_UP = "REQUEST_LIMIT_EXCEEDED"
CHECK_CREDENTIALS = "check CUSTINT_SALESFORCE_CLIENT_ID and CUSTINT_SALESFORCE_CLIENT_SECRET"
CHECK_APP = (
    f"{CHECK_CREDENTIALS}, and that the connected app has the client-credentials flow with a run-as user"
)
CHECK_ADDRESS = (
    "check CUSTINT_SALESFORCE_INSTANCE_URL: the organisation's own https://<name>.my.salesforce.com"
)
CHECK_RIGHTS = (
    "give the run-as user read access to the object, "
    "or set CUSTINT_SALESFORCE_API_VERSION to a version that has it"
)
ADVICE = {
    QUOTA_USED_UP: "the organisation's API requests of the last 24 hours are used up; the window moves on with "
    "the clock, so run again in some hours, or raise the limit (Setup > Company Information)",
    "API_DISABLED_FOR_ORG": "enable the API for the organisation and for the run-as user's profile",
    "INVALID_SESSION_ID": CHECK_CREDENTIALS,
    "INSUFFICIENT_ACCESS": CHECK_RIGHTS,
    "INVALID_TYPE": CHECK_RIGHTS,
    "NOT_FOUND": CHECK_RIGHTS,
    "UNSUPPORTED_API_VERSION": "set CUSTINT_SALESFORCE_API_VERSION to a version of the last three years",
}
FOR_ALL_OBJECTS = {QUOTA_USED_UP, "API_DISABLED_FOR_ORG", "INVALID_SESSION_ID", "UNSUPPORTED_API_VERSION"}


class SalesforceError(SourceError):
    """A refusal with Salesforce's own word for it in `code`, such as `INVALID_FIELD`."""

    def __init__(self, message: str, code: str, status: int, *, stops_source: bool) -> None:
        super().__init__(message, stops_source=stops_source)
        self.code = code
        self.status = status


class SalesforceApi:
    """One organisation, signed in at the first request.

    Args:
        instance_url: The organisation's own address.
        client_id: Consumer key of the connected app.
        client_secret: Its consumer secret.
        api_version: Such as `v62.0`.
        limits: Timeouts and retries.
    """

    def __init__(
        self, instance_url: str, client_id: str, client_secret: str, api_version: str, limits: HttpLimits
    ) -> None:
        self._version = api_version
        self._limits = limits
        self._secrets = (client_secret, client_id)
        self._entrance = ApiClient("Salesforce", instance_url, limits, secrets=self._secrets)
        self._sign_in = _SignIn(self._entrance, instance_url, client_id, client_secret)
        self._signed_in: _Client | None = None

    @property
    def call_count(self) -> int:
        """Requests made so far, sign-ins and repeated tries included."""
        return self._entrance.call_count + (self._signed_in.call_count if self._signed_in else 0)

    def fields(self, sobject: str) -> list[Record]:
        """What the describe call says of an object's fields, those the user may not see left out.

        Raises:
            SourceError: The object is not there for this user, or the request failed for good.
        """
        client = self._client_for(sobject)
        path = f"/services/data/{self._version}/sobjects/{sobject}/describe"
        answer = client.get(path)
        fields = answer.get("fields") if isinstance(answer, dict) else None
        if not isinstance(fields, list) or not all(_is_field(field) for field in fields):
            raise client.problem(path, "the answer does not list the object's fields")
        return fields

    def query(self, sobject: str, soql: str) -> Iterator[list[Record]]:
        """Pages of a query over living and deleted rows.

        Raises:
            SourceError: A request failed for good; a `SalesforceError` when Salesforce said why.
        """
        client = self._client_for(sobject)
        path = f"/services/data/{self._version}/queryAll"
        for rows, answer in client.pages(path, {"q": soql}, JSONLinkPaginator("nextRecordsUrl"), "records"):
            yield [{name: row[name] for name in row if name != "attributes"} for row in rows]
            if answer.get("done") is False and not answer.get("nextRecordsUrl"):
                raise client.problem(f"{sobject}", "there are more rows, but the answer does not say where")

    def count(self, sobject: str) -> int:
        """Living rows of an object, those in the recycle bin left out.

        Raises:
            SourceError: The request failed for good, or the answer holds no number.
        """
        client = self._client_for(sobject)
        path = f"/services/data/{self._version}/query"
        answer = client.get(path, {"q": f"select count() from {sobject}"})
        count = answer.get("totalSize") if isinstance(answer, dict) else None
        if not isinstance(count, int):
            raise client.problem(path, "the answer does not count the object's rows")
        return count

    def _client_for(self, sobject: str) -> "_Client":
        if self._signed_in is None:
            self._sign_in.obtain_token()
            self._signed_in = _Client(
                "Salesforce",
                self._sign_in.instance_url,
                self._limits,
                auth=self._sign_in,
                headers={"Sforce-Query-Options": f"batchSize={ROWS_PER_PAGE}"},
                secrets=self._secrets,
                retry_also=self._is_worth_another_try,
            )
        self._signed_in.sobject = sobject
        return self._signed_in

    def _is_worth_another_try(self, response: requests.Response) -> bool:
        is_over_quota = response.status_code == 403 and _code_and_message(response)[0] == QUOTA_USED_UP
        return is_over_quota or self._sign_in.has_renewed_for(response)


class _Client(ApiClient):
    """Says what Salesforce's error codes mean, and of which object."""

    sobject = ""

    def problem(
        self,
        what: str,
        detail: str,
        advice: str = "",
        *,
        stops_source: bool = False,
        was_reached: bool = True,
    ) -> SourceError:
        """An error of the object that is being read; the path of one of its pages says nothing."""
        subject = self.sobject if what.startswith("/services/data/") else what
        return super().problem(subject, detail, advice, stops_source=stops_source, was_reached=was_reached)

    def _refusal(self, response: requests.Response, path: str) -> SourceError:
        code, message = _code_and_message(response)
        if not code:
            return super()._refusal(response, path)
        usage = response.headers.get("Sforce-Limit-Info", "") if code == QUOTA_USED_UP else ""
        detail = ": ".join(filter(None, (code, " ".join(filter(None, (message, usage))))))
        is_for_all = code in FOR_ALL_OBJECTS or response.status_code in (401, 429)
        is_unsigned = response.status_code == 401
        advice = ADVICE.get(code, CHECK_CREDENTIALS if is_unsigned else self._advice_on(response.status_code))
        problem = self.problem(self.sobject, detail, advice)
        return SalesforceError(str(problem), code, response.status_code, stops_source=is_for_all)


class _SignIn(OAuth2ClientCredentials):
    """OAuth 2.0 client credentials; a request whose session has ended gets one new token.

    Args:
        entrance: Client of the address where tokens are made.
        instance_url: That address.
        client_id: Consumer key.
        client_secret: Consumer secret.
    """

    def __init__(self, entrance: ApiClient, instance_url: str, client_id: str, client_secret: str) -> None:
        super().__init__(
            access_token_url=f"{instance_url.rstrip('/')}/services/oauth2/token",
            client_id=client_id,
            client_secret=client_secret,
            session=entrance.session(),
        )
        self.instance_url = instance_url
        self._entrance = entrance
        self._renewed_for: tuple[requests.PreparedRequest, requests.Response] | None = None

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Sign a request."""
        request.hooks["response"].append(self._renew)
        return super().__call__(request)

    def obtain_token(self) -> None:
        """Sign in.

        Raises:
            SourceError: The client is refused, or the address does not answer as Salesforce does.
        """
        try:
            return super().obtain_token()
        except requests.HTTPError as error:
            problem = self._refused(error.response)
        except requests.exceptions.InvalidJSONError:
            problem = self._problem("the answer is not JSON", CHECK_ADDRESS)
        except requests.RequestException as error:
            detail = f"no answer from {self.instance_url} ({type(error).__name__})"
            problem = self._problem(detail, CHECK_ADDRESS, was_reached=False)
        raise problem  # here, so that it does not drag along the request and the secret in it

    def parse_access_token(self, response_json: Any) -> str:
        """The token of an answer; remembers where it is valid."""
        token = response_json.get("access_token") if isinstance(response_json, dict) else None
        if not token:
            raise self._problem("the answer holds no access token", CHECK_ADDRESS)
        self.instance_url = str(response_json.get("instance_url") or self.instance_url)
        return str(token)

    def has_renewed_for(self, response: requests.Response) -> bool:
        """Whether the request behind a refusal was signed again, so that it may be sent once more."""
        return self._renewed_for is not None and self._renewed_for[1] is response

    def _renew(self, response: requests.Response, *args: Any, **options: Any) -> None:
        """A hook: sessions end while a long read goes on."""
        request = response.request
        is_second = self._renewed_for is not None and self._renewed_for[0] is request
        if response.status_code == 401 and not is_second:
            self.obtain_token()
            request.headers["Authorization"] = f"Bearer {self.access_token}"
            self._renewed_for = (request, response)

    def _refused(self, response: requests.Response) -> SourceError:
        code, message = _code_and_message(response)
        detail = f"HTTP {response.status_code} {code or response.reason} {message}".strip()
        return self._problem(detail, CHECK_APP if response.status_code < 500 else "try again later")

    def _problem(self, detail: str, advice: str, *, was_reached: bool = True) -> SourceError:
        return self._entrance.problem("sign-in", detail, advice, stops_source=True, was_reached=was_reached)


def _is_field(field: Any) -> bool:
    return isinstance(field, dict) and isinstance(field.get("name"), str)


def _code_and_message(response: requests.Response) -> tuple[str, str]:
    """What an error answer says; empty when it is not in Salesforce's shape."""
    try:
        answer = response.json()
    except ValueError:
        return "", ""
    entry = answer[0] if isinstance(answer, list) and answer else answer
    if not isinstance(entry, dict):
        return "", ""
    code, message = (
        entry.get("errorCode") or entry.get("error"),
        entry.get("message") or entry.get("error_description"),
    )
    return str(code or ""), str(message or "")[:1000]
