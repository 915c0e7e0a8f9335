"""One connection to PostgreSQL: transactions that read, Arrow out of them, and errors in words.

No message repeats what the driver says about connecting: for a mistyped URL that can be a piece of the password.

Not here: which tables are read, and how.
"""

import contextlib
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import unquote, urlsplit

import pyarrow as pa
from adbc_driver_postgresql import dbapi

from dagster_project.ingest.streams import SourceError

CONNECT_SECONDS = 30
SHOWN_CHARACTERS = 200
URL_SETTING = "CUSTINT_POSTGRES_URL"
DRIVER_ERRORS = (dbapi.Error, pa.ArrowException, OSError, OverflowError)
CONNECTION_LOST = (
    "server closed the connection",
    "terminating connection",
    "no connection to the server",
    "timed out",
)
MAY_PASS = ("Connection refused", "timeout", "too many", "starting up", "shutting down")
"""Signs in `WHY_NOT_CONNECTED` of what a server says that is being restarted or is busy."""

SQLSTATE = re.compile(r"SQLSTATE: (\w{5})")
WHY_NOT_CONNECTED = {
    "password authentication failed": "the password or the user is wrong",
    "no password supplied": "the server wants a password and the URL has none",
    "role": "the user does not exist or may not log in",
    "no pg_hba.conf entry": "the server lets nobody in from this address, or only with sslmode=require",
    "permission denied for database": "the user may not connect to this database",
    "database": "the database does not exist",
    "Connection refused": "nothing listens there",
    "could not translate host name": "the host name is unknown",
    "timeout": "no answer in time",
    "too many": "it has no free connection",
    "starting up": "it is starting up; try again in a minute",
    "shutting down": "it is shutting down",
    "SSL": "the two do not agree on SSL; see sslmode",
    "certificate": "its certificate cannot be verified; see sslmode and sslrootcert",
}
ADVICE = {
    "42501": "permission denied; grant usage on its schema and select on it to the user",
    "42P01": "it does not exist (any more)",
    "42703": "a column is gone that was there when the read began; the next run sees the new columns",
    "57014": "the server stopped a query that took too long; raise CUSTINT_POSTGRES_TIMEOUT_SECONDS, "
    "or index the cursor column",
    "0A000": "the server is too old, PostgreSQL 14 or newer is needed",
    "42883": "the server is older than PostgreSQL 14, or the key's type has no hash",
}


class PostgresSession:
    """Opens transactions on one server.

    Args:
        url: `postgresql://user:password@host:port/database`, with libpq's parameters if needed.
        timeout_seconds: How long one query may take; connecting may take that long too, at most 30 seconds.
    """

    def __init__(self, url: str, timeout_seconds: float) -> None:
        self._url = url
        self._timeout_seconds = timeout_seconds

    @contextlib.contextmanager
    def connected(self) -> Iterator[dbapi.Connection]:
        """A connection, closed at the end.

        Raises:
            SourceError: There is none to be had; it stops the source.
        """
        try:
            connection = dbapi.connect(self._url_with_timeout())
        except DRIVER_ERRORS as error:
            raise self._not_connected(str(error)) from None
        try:
            yield connection
        finally:
            with contextlib.suppress(*DRIVER_ERRORS):
                connection.close()

    @contextlib.contextmanager
    def transaction(self, connection: dbapi.Connection, what: str) -> Iterator["Transaction"]:
        """One snapshot of the database that nothing changes: all queries in it see the same rows.

        Args:
            connection: A connection of this session, in no transaction.
            what: What is read, for errors: `product users (app.users)`.

        Raises:
            SourceError: A query failed.
        """
        transaction = Transaction(connection, what, self._scrubbed)
        try:
            transaction.execute("set transaction isolation level repeatable read, read only")
            transaction.execute(
                f"set local statement_timeout = {max(1, round(self._timeout_seconds * 1000))}"
            )
            transaction.execute("set local time zone 'UTC'")
            yield transaction
        finally:
            with contextlib.suppress(*DRIVER_ERRORS):
                connection.rollback()

    def _url_with_timeout(self) -> str:
        if not self._url.startswith(("postgresql://", "postgres://")):
            raise SourceError(f"PostgreSQL: {URL_SETTING} must begin with postgresql://", stops_source=True)
        if "connect_timeout=" in self._url:
            return self._url
        seconds = max(2, round(min(self._timeout_seconds, CONNECT_SECONDS)))
        return f"{self._url}{'&' if '?' in self._url else '?'}connect_timeout={seconds}"

    def _not_connected(self, message: str) -> SourceError:
        sign = next((sign for sign in WHY_NOT_CONNECTED if sign in message), "")
        why = WHY_NOT_CONNECTED.get(sign, "the URL is not one, or the server does not speak PostgreSQL")
        return SourceError(
            f"PostgreSQL{self._place()}: cannot connect: {why}; check {URL_SETTING}",
            stops_source=True,
            may_pass=sign in MAY_PASS,
        )

    def _place(self) -> str:
        """Host and port; empty when the URL is such that they might be a piece of the password."""
        with contextlib.suppress(ValueError):
            parts = urlsplit(self._url)
            if self._url.count("@") == parts.netloc.count("@") == 1 and parts.hostname:
                return f" at {parts.hostname}:{parts.port or 5432}"
        return ""

    def _scrubbed(self, text: str) -> str:
        with contextlib.suppress(ValueError):
            password = urlsplit(self._url).password or ""
            for secret in {self._url, password, unquote(password)} - {""}:
                text = text.replace(secret, "***")
        return text


class Transaction:
    """Queries of one transaction; `query_count` counts them."""

    def __init__(self, connection: dbapi.Connection, what: str, scrub: Any) -> None:
        self._connection = connection
        self._what = what
        self._scrub = scrub
        self.query_count = 0

    def execute(self, statement: str) -> None:
        """A statement without an answer, in this transaction (the driver's `executescript` would begin another one)."""
        with self._errors_in_words(), self._connection.cursor() as cursor:
            cursor.execute(statement)

    def table(self, query: str) -> pa.Table:
        """The whole answer."""
        self.query_count += 1
        with self._errors_in_words(), self._connection.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetch_arrow_table()

    def rows(self, query: str) -> list[dict[str, Any]]:
        """The whole answer, for a small one."""
        return list(self.table(query).to_pylist())

    def batches(self, query: str) -> Iterator[pa.RecordBatch]:
        """The answer piece by piece; the next one is fetched while the caller works on this one."""
        self.query_count += 1
        with (
            self._errors_in_words(),
            self._connection.cursor() as cursor,
            ThreadPoolExecutor(max_workers=1) as thread,
        ):
            cursor.execute(query)
            pieces = cursor.fetch_record_batch()
            coming = thread.submit(next, pieces, None)
            while (piece := coming.result()) is not None:
                coming = thread.submit(next, pieces, None)
                yield piece

    @contextlib.contextmanager
    def _errors_in_words(self) -> Iterator[None]:
        try:
            yield
        except DRIVER_ERRORS as error:
            raise self._problem(error) from None

    def _problem(self, error: BaseException) -> SourceError:
        message = str(error)
        found = SQLSTATE.search(message)
        state = getattr(error, "sqlstate", None) or (found.group(1) if found else "")
        if "statement timeout" in message:  # in the middle of an answer the driver does not say the state
            state = "57014"
        if state.startswith(("08", "57P")) or any(sign in message for sign in CONNECTION_LOST):
            return SourceError(
                f"PostgreSQL: {self._what}: the server ended the connection; the next run goes on from the last batch",
                stops_source=True,
                may_pass=True,
            )
        if state in ADVICE:
            return SourceError(f"PostgreSQL: {self._what}: {ADVICE[state]}")
        reason = message.split("ERROR:", 1)[-1].strip().splitlines()
        shown = self._scrub(reason[0] if reason else type(error).__name__)[:SHOWN_CHARACTERS]
        return SourceError(f"PostgreSQL: {self._what}: {shown}")
