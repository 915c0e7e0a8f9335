"""The connector `postgres`: named tables of a product's database, read by a cursor column, deletions included.

Each table is read in one transaction that sees one snapshot: first the rows whose cursor is not older than the last
one less the lag, in its order, then the proof that landing holds what the table holds. For the proof the server counts
the table's rows and takes the XOR of a 64-bit hash of each row's key and cursor. Landing knows the same two numbers
of its live rows. A bare count would not do: one row deleted and one committed late leave it as it was. With the hashes,
equal numbers are equal sets but for one chance in 2^64, and an update with a stamp from before the lag is seen as well.
When the numbers differ, all keys are fetched and compared: what is gone is landed as deleted, what was never landed is
fetched by its key.

Not here: the connection and its errors (`session.py`), what is selected (`columns.py`), and the files
(`landing.py`).
"""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
from adbc_driver_postgresql import dbapi
from pyarrow import compute

from dagster_project.contracts import landing_contract
from dagster_project.ingest.batches import cursor_text
from dagster_project.ingest.postgres import TABLE
from dagster_project.ingest.postgres.columns import (
    ROW_HASH,
    TableRead,
    TableShape,
    row_hash,
    table_columns,
    table_shape,
)
from dagster_project.ingest.postgres.landing import CONNECTOR, LiveKeys, TableLanding
from dagster_project.ingest.postgres.rows import landing_rows
from dagster_project.ingest.postgres.session import PostgresSession, Transaction
from dagster_project.ingest.sql_text import quoted_name, quoted_text
from dagster_project.ingest.streams import Cursor, Landed, Probe, SourceError

APPEND_ONLY = ("product__events",)
KEYS_PER_QUERY = 5000


def parse_table(text: str) -> TableRead:
    """One item of the setting of tables, such as `users=app.users:updated_at:id`.

    Args:
        text: `<object>=<schema>.<table or view>[:<cursor column>[:<key column>]]`; names as the catalogue has them.
            Without them, cursor and key are the version and key fields of the object's contract.

    Raises:
        ValueError: It is not written like that, or there is no such object.
    """
    found = TABLE.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is not <object>=<schema>.<table>[:<cursor column>[:<key column>]]")
    contract = landing_contract(f"product__{found['object']}")
    return TableRead(
        object_name=contract.name,
        schema_name=found["schema"],
        table_name=found["table"],
        cursor_column=found["cursor"] or contract.version,
        key_column=found["key"] or contract.key[0],
    )


class Postgres:
    """Reads tables of one database.

    Args:
        url: `postgresql://user:password@host:port/database`.
        tables: One text per table, see `parse_table`; an object once.
        landing_dir: Root of the landing zone.
        batch_rows: Rows of a landing file.
        lag_seconds: How far before the last cursor a read begins, for rows that are committed late.
        timeout_seconds: How long one query may take.

    Raises:
        ValueError: A table's text is wrong, or an object has two tables.
    """

    name = CONNECTOR

    def __init__(
        self,
        url: str,
        tables: tuple[str, ...],
        landing_dir: Path,
        batch_rows: int,
        lag_seconds: int,
        timeout_seconds: float,
    ) -> None:
        self._tables = tuple(parse_table(text) for text in tables)
        self.objects: tuple[str, ...] = tuple(table.object_name for table in self._tables)
        if len(set(self.objects)) < len(self.objects):
            raise ValueError("an object has two tables; make one view of them")
        self._session = PostgresSession(url, timeout_seconds)
        self._landing_dir = landing_dir
        self._batch_rows = batch_rows
        self._lag = dt.timedelta(seconds=lag_seconds)

    def land(self, read_at: dt.datetime) -> Iterator[Landed]:
        """Read what changed in each table, a transaction each; see `Connector`."""
        waiting = list(self._tables)
        try:
            with self._session.connected() as connection:
                while waiting:
                    read = _Read(self._landing_dir, waiting[0], read_at, self._batch_rows, self._lag)
                    failure = self._failure_of(connection, read)
                    waiting.pop(0)
                    yield read.result(failure)
                    if failure and failure.stops_source:
                        raise failure
        except SourceError as error:
            for table in waiting:
                yield Landed(table.object_name, failure=str(error), may_pass=error.may_pass)

    def probe(self) -> list[Probe]:
        """The newest cursor of each table; see `Connector`."""
        with self._session.connected() as connection:
            return [self._probe(connection, table) for table in self._tables]

    def _failure_of(self, connection: dbapi.Connection, read: "_Read") -> SourceError | None:
        """Read one table; why it failed, if it did."""
        try:
            with self._session.transaction(connection, read.title) as transaction:
                read.run(transaction)
        except SourceError as error:
            return error
        return None

    def _probe(self, connection: dbapi.Connection, table: TableRead) -> Probe:
        contract = landing_contract(table.object_name)
        try:
            with self._session.transaction(connection, _title(table)) as transaction:
                columns = table_columns(transaction, table)
                shape = table_shape(table, contract, columns, has_row_hash=False)
                if shape.problems:
                    return Probe(table.object_name, is_visible=False, note="; ".join(shape.problems))
                cursor = quoted_name(table.cursor_column)
                newest = transaction.rows(
                    f"select {cursor}::text as newest from {table.sql_name} "
                    f"where isfinite({cursor}) order by {cursor} desc limit 1"
                )
        except SourceError as error:
            if error.stops_source:
                raise
            return Probe(table.object_name, is_visible=False, note=str(error))
        return Probe(table.object_name, is_visible=True, newest=newest[0]["newest"] if newest else "")


class _Read:
    """One read of one table."""

    def __init__(
        self, landing_dir: Path, table: TableRead, read_at: dt.datetime, batch_rows: int, lag: dt.timedelta
    ) -> None:
        self.table = table
        self.title = _title(table)
        self._contract = landing_contract(table.object_name)
        self._tracks_rows = table.object_name not in APPEND_ONLY
        self._landing = TableLanding(landing_dir, self._contract, read_at, batch_rows, self._tracks_rows)
        self._lag = lag
        self._batch_rows = batch_rows
        self._cursor_before = self._landing.cursor
        self._shape = TableShape()
        self._refused = ""
        self._fetched_row_count = 0
        self._query_count = 0

    def run(self, transaction: Transaction) -> None:
        """Read the table's changes into landing; what was read before a failure is kept.

        Raises:
            SourceError: A query failed.
        """
        try:
            columns = table_columns(transaction, self.table)
            self._shape = table_shape(self.table, self._contract, columns, self._tracks_rows)
            if self._shape.problems:
                problems = "; ".join(self._shape.problems)
                self._refused = f"{self.title}: {problems}; nothing of it was read"
                return
            if self._tracks_rows and not self._shape.has_unique_key:
                self._check_key(transaction)
            if self._refused:
                return
            self._landing.extra_fields = frozenset(self._shape.extra_columns)
            self._read_changes(transaction)
            if self._tracks_rows:
                self._prove(transaction)
            self._landing.finish()
        except SourceError:
            self._landing.flush()
            raise
        finally:
            self._query_count = transaction.query_count

    def result(self, failure: SourceError | None) -> Landed:
        """What the read brought."""
        landing = self._landing
        known = landing.known_fields
        return Landed(
            object_name=self.table.object_name,
            fetched_row_count=self._fetched_row_count,
            landed_row_count=landing.landed_row_count,
            repeated_row_count=self._fetched_row_count - landing.landed_row_count,
            rejected_row_count=landing.rejected_row_count,
            cursor_before=cursor_text(self._cursor_before),
            cursor_after=cursor_text(landing.cursor),
            api_call_count=self._query_count,
            new_fields=() if known is None else tuple(sorted(landing.extra_fields - known)),
            refused=self._refused,
            failure=str(failure or ""),
            may_pass=failure is not None and failure.may_pass,
        )

    def _read_changes(self, transaction: Transaction) -> None:
        """The rows whose cursor is not before the last one less the lag, in its order."""
        start = self._start()
        query = self._shape.select(self.table, f"{self._since(start)} order by t.{self._cursor_name}")
        (clock,) = transaction.rows("select timezone('UTC', now()) as now")
        from_moment = start.isoformat() if start else ""
        for rows in transaction.batches(query):
            for offset in range(0, rows.num_rows, self._batch_rows):
                piece = self._landing_rows(rows.slice(offset, self._batch_rows))
                self._landing.take(piece, self._cursor_after(piece, clock["now"]), from_moment)

    def _landing_rows(self, rows: pa.RecordBatch) -> pa.Table:
        self._fetched_row_count += rows.num_rows
        return landing_rows(pa.Table.from_batches([rows]), self._landing.schema)

    def _start(self) -> dt.datetime | None:
        """The first moment to read, UTC; None for everything: at first, or when the setting names another table."""
        last = self._landing.cursor.get(self.table.cursor_column)
        if last is None or self._landing.cursor.get("table") != self.table.name:
            return None
        start = dt.datetime.fromisoformat(last) - self._lag
        return dt.datetime.combine(start, dt.time()) if self._shape.cursor_type == "date" else start

    def _since(self, start: dt.datetime | None) -> str:
        if start is None:
            return ""
        zone = "+00" if self._shape.cursor_type == "timestamptz" else ""
        return f"where t.{self._cursor_name} >= {self._shape.cursor_type} '{start.isoformat()}{zone}'"

    @property
    def _cursor_name(self) -> str:
        return quoted_name(self.table.cursor_column)

    def _cursor_after(self, rows: pa.Table, now: dt.datetime) -> Cursor:
        """The newest cursor so far, but none from the future: it would hide all that changes until then."""
        before = self._landing.cursor if self._landing.cursor.get("table") == self.table.name else {}
        newest = compute.max(rows[self._contract.version]).as_py()
        moments = [dt.datetime.fromisoformat(before[self.table.cursor_column])] if before else []
        moments += [min(newest, now)] if newest else []
        return (
            {"table": self.table.name, self.table.cursor_column: max(moments).isoformat()} if moments else {}
        )

    def _prove(self, transaction: Transaction) -> None:
        """Landing holds exactly the rows of the table, or is made to."""
        key, hashed = quoted_name(self.table.key_column), row_hash(self.table)
        present = f"from {self.table.sql_name} as t where t.{key} is not null"
        (table,) = transaction.rows(
            f"select count(*) as count, coalesce(bit_xor({hashed}), 0) as fingerprint {present}"
        )
        if LiveKeys(**table) == self._landing.live_keys:
            return
        landed_before = self._landing.landed_row_count
        missing = self._landing.compare(
            transaction.table(f"select t.{key}::text as key, {hashed} as {ROW_HASH} {present}")
        )
        self._fetched_row_count += self._landing.landed_row_count - landed_before
        for offset in range(0, len(missing), KEYS_PER_QUERY):
            names = ", ".join(quoted_text(name) for name in missing[offset : offset + KEYS_PER_QUERY])
            query = self._shape.select(self.table, f"where t.{key} in ({names})")
            for rows in transaction.batches(query):
                piece = self._landing_rows(rows)
                self._landing.take(piece, self._landing.cursor, "", is_known_to_be_new=True)
        self._landing.live_keys = LiveKeys(**table)

    def _check_key(self, transaction: Transaction) -> None:
        """Where the database does not keep the key unique, count: two rows of one key cannot both be landed."""
        key = f"t.{quoted_name(self.table.key_column)}"
        (found,) = transaction.rows(
            f"select count({key}) - count(distinct {key}) as repeats from {self.table.sql_name} as t"
        )
        if found["repeats"]:
            self._refused = (
                f"{self.title}: column {self.table.key_column} is not a key, {found['repeats']} rows repeat one; name "
                "another in CUSTINT_POSTGRES_TABLES, or make the view's rows unique; nothing of it was read"
            )


def _title(table: TableRead) -> str:
    return f"{table.object_name.replace('__', ' ')} ({table.name})"
