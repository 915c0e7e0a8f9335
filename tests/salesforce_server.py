"""A Salesforce organisation as far as a reader sees it: sign-in, describe, and SOQL in pages. Not here: any assertion.

It holds rows in memory, answers in the documented shapes, and refuses what Salesforce refuses: a wrong client, an
ended session, an unknown field, a time literal in quotes, an unescaped `+`, a query that is too long for a URL.
"""

import json
import re
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

CLIENT_ID = "3MVG9-test-consumer-key"
CLIENT_SECRET = "EB7C-test-consumer-secret"
LONGEST_PAGE = 2000
SHORTEST_PAGE = 200
LONGEST_URI = 16_384

Row = dict[str, Any]

TEXT, TIME, DATE, FLAG, WHOLE, NUMBER = "string", "datetime", "date", "boolean", "int", "currency"
SYSTEM_FIELDS = {"Id": "id", "IsDeleted": FLAG, "CreatedDate": TIME, "SystemModstamp": TIME}
FIELDS: dict[str, dict[str, str]] = {
    "User": {"Name": TEXT, "Email": "email", "IsActive": FLAG, "UserPreferencesHideInvoicesRedirect": FLAG},
    "Account": {
        "Name": TEXT, "Website": "url", "Phone": "phone", "Industry": "picklist", "NumberOfEmployees": WHOLE,
        "ParentId": "reference", "BillingStreet": "textarea", "BillingCity": TEXT, "BillingPostalCode": TEXT,
        "BillingCountry": TEXT, "BillingAddress": "address", "OwnerId": "reference",
    },
    "Contact": {
        "AccountId": "reference", "FirstName": TEXT, "LastName": TEXT, "Email": "email", "Phone": "phone",
        "Title": TEXT, "Birthdate": DATE, "MailingStreet": "textarea", "MailingCity": TEXT,
        "MailingPostalCode": TEXT, "MailingCountry": TEXT, "MailingAddress": "address",
    },
    "Lead": {
        "FirstName": TEXT, "LastName": TEXT, "Company": TEXT, "Email": "email", "Phone": "phone", "Title": TEXT,
        "Status": "picklist", "LeadSource": "picklist", "IsConverted": FLAG, "ConvertedAccountId": "reference",
        "ConvertedContactId": "reference", "ConvertedOpportunityId": "reference", "ConvertedDate": DATE,
    },
    "Opportunity": {
        "AccountId": "reference", "Name": TEXT, "StageName": "picklist", "Type": "picklist", "Amount": NUMBER,
        "IsWon": FLAG, "IsClosed": FLAG, "CloseDate": DATE, "OwnerId": "reference",
    },
    "Campaign": {
        "Name": TEXT, "Type": "picklist", "Status": "picklist", "BudgetedCost": NUMBER, "ActualCost": NUMBER,
        "StartDate": DATE, "EndDate": DATE,
    },
    "CampaignMember": {
        "CampaignId": "reference", "ContactId": "reference", "LeadId": "reference", "Status": "picklist",
    },
}  # fmt: skip

QUERY = re.compile(
    r"select (?P<fields>count\(\)|[\w, ]+?) from (?P<sobject>\w+)(?: where (?P<where>.+?))?"
    r"(?: order by (?P<order>[\w, ]+?))?(?: limit (?P<limit>\d+))?",
    re.IGNORECASE,
)
ID_LIST = re.compile(r"Id in \(('\w+'(?:,'\w+')*)\)", re.IGNORECASE)
CONDITION = re.compile(r"(\w+) ?(>=|<=|=|>|<) ?(\S+)")
TIME_LITERAL = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,3})?(?:Z|[+-]00:?00)"
)  # no other zone is needed
COMPARISONS: dict[str, Callable[[str, str], bool]] = {
    ">=": lambda left, right: left >= right,
    "<=": lambda left, right: left <= right,
    "=": lambda left, right: left == right,
    ">": lambda left, right: left > right,
    "<": lambda left, right: left < right,
}


def _all_fields(sobject: str) -> dict[str, str]:
    """Fields of an object; users cannot be deleted and do not say so."""
    missing = {"IsDeleted"} if sobject == "User" else set()
    return {name: kind for name, kind in (SYSTEM_FIELDS | FIELDS[sobject]).items() if name not in missing}


class RefusalError(Exception):
    """An error answer: HTTP status, Salesforce's errorCode and message."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


@dataclass(frozen=True)
class SeenRequest:
    """One request that the server got; `soql` is empty for all but the first page of a query."""

    method: str
    path: str
    soql: str = ""
    query_options: str = ""


@dataclass
class _Query:
    """A running query: what was asked, and the rows as they were then."""

    fields: list[str]
    sobject: str
    rows: list[Row]
    pages_left: float


@dataclass
class SalesforceServer:
    """The organisation; use it as a context manager, or call `start` and `stop`.

    Attributes:
        rows: Rows by object (`Contact`); fields that a row does not have are null.
        fields: Describe types by object; a row's value of a field that is not here cannot be asked for.
        calculated: Formula fields, `Contact.Total__c`.
        hidden: Objects that the user cannot see; `forbidden`: that exist, but not for this user.
        quota_refusals: So many of the next data requests are refused as over the daily limit.
        refuses_counts: Counting takes longer than a query may.
        locator_pages: Pages after which a query locator is no longer valid.
        before_answer: Called before each data request is answered.
        ends_sessions_at_once: Tokens are handed out, and none is valid.
        instance_url: What the token answer says; the server's own address when empty.
        token_answers: Sign-ins so far.
        requests: All requests, in order.
    """

    rows: dict[str, list[Row]] = field(default_factory=lambda: {name: [] for name in FIELDS})
    fields: dict[str, dict[str, str]] = field(
        default_factory=lambda: {name: _all_fields(name) for name in FIELDS}
    )
    calculated: set[str] = field(default_factory=set)
    hidden: set[str] = field(default_factory=set)
    forbidden: set[str] = field(default_factory=set)
    quota_refusals: int = 0
    refuses_counts: bool = False
    locator_pages: float = float("inf")
    before_answer: Callable[[SeenRequest], None] = lambda request: None
    ends_sessions_at_once: bool = False
    instance_url: str = ""
    token_answers: int = 0
    requests: list[SeenRequest] = field(default_factory=list)
    url: str = ""

    def __post_init__(self) -> None:
        self.access_token = ""
        self._queries: dict[str, _Query] = {}
        self._lock = threading.Lock()
        self._server: ThreadingHTTPServer | None = None

    def __enter__(self) -> "SalesforceServer":
        return self.start()

    def __exit__(self, *error: object) -> None:
        self.stop()

    def start(self) -> "SalesforceServer":
        """Listen on a free port of 127.0.0.1; `url` says where."""
        server = self

        class Handler(_Handler):
            salesforce = server

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def stop(self) -> None:
        """Stop listening."""
        assert self._server is not None
        self._server.shutdown()
        self._server.server_close()

    def end_sessions(self) -> None:
        """From now on the access token that was handed out is not valid."""
        self.access_token = ""

    @property
    def queries(self) -> list[str]:
        """The SOQL of all queries so far."""
        return [request.soql for request in self.requests if request.soql]

    def answer(self, method: str, target: str, headers: Any, body: str) -> Any:
        """The JSON that answers a request.

        Raises:
            RefusalError: The answer is an error.
        """
        address = urlsplit(target)
        soql = parse_qs(address.query).get("q", [""])[0]
        seen = SeenRequest(method, address.path, soql, headers.get("Sforce-Query-Options", ""))
        with self._lock:
            self.requests.append(seen)
            if address.path == "/services/oauth2/token":
                return self._token(method, headers, body)
            self._check(method, target, headers)
            self.before_answer(seen)
            return self._data(address.path, soql, headers)

    def _token(self, method: str, headers: Any, body: str) -> Any:
        form = {name: values[0] for name, values in parse_qs(body).items()}
        is_form = headers.get("Content-Type") == "application/x-www-form-urlencoded"
        if method != "POST" or not is_form or form.get("grant_type") != "client_credentials":
            raise RefusalError(400, "unsupported_grant_type", "grant type not supported")
        if form.get("client_id") != CLIENT_ID:
            raise RefusalError(400, "invalid_client_id", "client identifier invalid")
        if form.get("client_secret") != CLIENT_SECRET:
            raise RefusalError(400, "invalid_client", "invalid client credentials")
        self.token_answers += 1
        self.access_token = f"00D!{secrets.token_hex(16)}"
        return {
            "access_token": self.access_token,
            "signature": "c2lnbmF0dXJl",
            "scope": "api",
            "instance_url": self.instance_url or self.url,
            "id": f"{self.url}/id/00Dxx0000001gERAA/005xx000001SwiUAA",
            "token_type": "Bearer",
            "issued_at": "1790000000000",
        }

    def _check(self, method: str, target: str, headers: Any) -> None:
        if self.ends_sessions_at_once:
            self.end_sessions()
        if not self.access_token or headers.get("Authorization") != f"Bearer {self.access_token}":
            raise RefusalError(401, "INVALID_SESSION_ID", "Session expired or invalid")
        if method != "GET":
            raise RefusalError(
                405, "METHOD_NOT_ALLOWED", f"HTTP Method '{method}' not allowed. Allowed are HEAD,GET"
            )
        if len(target) + sum(len(name) + len(value) for name, value in headers.items()) > LONGEST_URI:
            raise RefusalError(431, "REQUEST_HEADER_FIELDS_TOO_LARGE", "URI and headers are too long")
        if self.quota_refusals > 0:
            self.quota_refusals -= 1
            raise RefusalError(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")

    def _data(self, path: str, soql: str, headers: Any) -> Any:
        if found := re.fullmatch(r"/services/data/v\d\d\.0/sobjects/(\w+)/describe/?", path):
            return self._describe(found[1])
        if re.fullmatch(r"/services/data/v\d\d\.0/(query|queryAll)/?", path):
            return self._first_page(path, soql, headers)
        if found := re.fullmatch(r"/services/data/v\d\d\.0/query(?:All)?/(\w+)-(\d+)", path):
            return self._page(path.rsplit("/", 1)[0], found[1], int(found[2]), headers)
        raise RefusalError(404, "NOT_FOUND", "The requested resource does not exist")

    def _describe(self, sobject: str) -> Any:
        if sobject in self.hidden or sobject not in self.fields:
            raise RefusalError(404, "NOT_FOUND", "The requested resource does not exist")
        if sobject in self.forbidden:
            raise RefusalError(403, "INSUFFICIENT_ACCESS", f"You do not have access to {sobject}")
        fields = [
            {
                "name": name, "type": kind, "label": name, "nillable": name not in SYSTEM_FIELDS,
                "calculated": f"{sobject}.{name}" in self.calculated, "deprecatedAndHidden": False,
            }
            for name, kind in self.fields[sobject].items()
        ]  # fmt: skip
        return {"name": sobject, "queryable": True, "fields": fields}

    def _first_page(self, path: str, soql: str, headers: Any) -> Any:
        parts = QUERY.fullmatch(soql.strip())
        if parts is None:
            raise RefusalError(400, "MALFORMED_QUERY", f"unexpected token in: {soql}")
        sobject = parts["sobject"]
        if sobject in self.hidden or sobject not in self.fields:
            raise RefusalError(400, "INVALID_TYPE", f"sObject type '{sobject}' is not supported.")
        if sobject in self.forbidden:
            raise RefusalError(403, "INSUFFICIENT_ACCESS", f"You do not have access to {sobject}")
        is_count = parts["fields"].lower() == "count()"
        fields = self._known(sobject, "" if is_count else parts["fields"])
        order = self._known(sobject, parts["order"] or "", ("asc", "desc"))
        is_kept = self._condition(sobject, parts["where"] or "")
        with_deleted = "/queryAll" in path
        rows = [
            row for row in self.rows[sobject] if is_kept(row) and (with_deleted or not row.get("IsDeleted"))
        ]
        if is_count and self.refuses_counts:
            raise RefusalError(400, "QUERY_TIMEOUT", "Your query request was running for too long.")
        if is_count:
            return {"totalSize": len(rows), "done": True, "records": []}
        for name in reversed(order):
            column, _, direction = name.partition(" ")
            rows.sort(key=lambda row: str(row.get(column) or ""), reverse=direction.lower() == "desc")  # noqa: B023
        rows = [dict(row) for row in rows[: int(parts["limit"] or len(rows))]]
        locator = f"0r8{secrets.token_hex(8)}"
        self._queries[locator] = _Query(fields, sobject, rows, self.locator_pages)
        return self._page(f"{path.split('/query')[0]}/query", locator, 0, headers)

    def _page(self, folder: str, locator: str, start: int, headers: Any) -> Any:
        query = self._queries.get(locator)
        if query is None or query.pages_left < 1:
            raise RefusalError(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
        query.pages_left -= 1
        size = self._page_size(headers)
        chosen = query.rows[start : start + size]
        is_done = start + size >= len(query.rows)
        url = f"{folder.split('/query')[0]}/sobjects/{query.sobject}"
        records = [
            {
                "attributes": {"type": query.sobject, "url": f"{url}/{row.get('Id')}"},
                **{name: row.get(name) for name in query.fields},
            }
            for row in chosen
        ]
        answer = {"totalSize": len(query.rows), "done": is_done, "records": records}
        return answer if is_done else answer | {"nextRecordsUrl": f"{folder}/{locator}-{start + size}"}

    @staticmethod
    def _page_size(headers: Any) -> int:
        found = re.fullmatch(r"batchSize=(\d+)", headers.get("Sforce-Query-Options", ""))
        return min(max(int(found[1]), SHORTEST_PAGE), LONGEST_PAGE) if found else LONGEST_PAGE

    def _known(self, sobject: str, names: str, directions: tuple[str, ...] = ()) -> list[str]:
        listed = [name.strip() for name in names.split(",") if name.strip()]
        for entry in listed:
            name, _, direction = entry.partition(" ")
            if name not in self.fields[sobject] or (direction and direction.lower() not in directions):
                raise RefusalError(400, "INVALID_FIELD", f"No such column '{entry}' on entity '{sobject}'.")
        if len(set(listed)) < len(listed):
            raise RefusalError(400, "INVALID_FIELD", f"duplicate field selected: {names}")
        return listed

    def _condition(self, sobject: str, where: str) -> Callable[[Row], bool]:
        checks: list[Callable[[Row], bool]] = []
        for text in filter(None, re.split(r" and ", where, flags=re.IGNORECASE)):
            if listed := ID_LIST.fullmatch(text.strip()):
                wanted = set(listed[1].replace("'", "").split(","))
                checks.append(lambda row, wanted=wanted: row["Id"] in wanted)
                continue
            parts = CONDITION.fullmatch(text.strip())
            if parts is None:
                raise RefusalError(400, "MALFORMED_QUERY", f"unexpected token in: {text}")
            name, sign, literal = parts.groups()
            self._known(sobject, name)
            kind = self.fields[sobject][name]
            if kind != TIME or not TIME_LITERAL.fullmatch(literal):
                raise RefusalError(400, "INVALID_FIELD", f"field '{name}' is of type {kind}, not {literal}")
            second = literal[:19]  # times are compared by the second
            checks.append(
                lambda row, name=name, sign=sign, second=second: COMPARISONS[sign](row[name][:19], second)
            )
        return lambda row: all(check(row) for check in checks)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else every answer waits 40 ms between its head and its body
    salesforce: SalesforceServer

    def do_GET(self) -> None:
        self._respond()

    def do_POST(self) -> None:
        self._respond()

    def log_message(self, *message: object) -> None:
        pass

    def _respond(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        status, usage = 200, "api-usage=25/15000"
        try:
            answer = self.salesforce.answer(self.command, self.path, self.headers, body)
        except RefusalError as refusal:
            status, answer = refusal.status, [{"message": refusal.message, "errorCode": refusal.code}]
            if refusal.code == "REQUEST_LIMIT_EXCEEDED":
                usage = "api-usage=15000/15000"
            if self.path.startswith("/services/oauth2/"):
                answer = {"error": refusal.code, "error_description": refusal.message}
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json;charset=UTF-8")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Sforce-Limit-Info", usage)
        self.end_headers()
        self.wfile.write(content)
