"""Arrow rows of one table into landing files, and what landing knows of the table's rows.

The same files as in `batches.py` (cursor in the footer, committed by the rename), written without Python records, and
with one column more: `_row_hash`, the server's hash of key and cursor. The newest landed row of a key says whether the
key is alive: it has a hash, unless the row stands for a deletion. The last file of a read carries the number of live
keys and the XOR of their hashes, so that the next read need not look at the older files.

Not here: SQL for the server.
"""

import datetime as dt
import json
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
from pyarrow import compute, parquet

from dagster_project.contracts import LandingContract, landing_objects
from dagster_project.databases import connect
from dagster_project.ingest.batches import BATCH_BYTES, CURSOR, FIELDS, batch_name
from dagster_project.ingest.first_read import finish_first_read, loaded_at_of_read
from dagster_project.ingest.landing import object_folder, write_empty_file, write_rows
from dagster_project.ingest.postgres.columns import ROW_HASH
from dagster_project.ingest.postgres.rows import landing_schema
from dagster_project.ingest.sql_text import quoted_list
from dagster_project.ingest.streams import Cursor

CONNECTOR = "postgres"
KEYS = b"custint.live_keys"
NEWEST_FIRST = "file_index desc, _source_line desc"


@dataclass(frozen=True)
class LiveKeys:
    """How many keys are alive, and the XOR of their row hashes: equal for equal sets, and next to never otherwise."""

    count: int
    fingerprint: int

    @classmethod
    def of(cls, hashes: pa.ChunkedArray) -> "LiveKeys":
        """The keys with these row hashes; null for a key that is not alive."""
        known = hashes.drop_null().to_numpy()
        return cls(len(known), int(np.bitwise_xor.reduce(known, initial=0)))


class TableLanding:
    """The landing files of one table during one read.

    Args:
        landing_dir: Root of the landing zone.
        contract: Of the landing object.
        read_at: When the run began, UTC without zone.
        batch_rows: Rows of a file; bounds the memory and what a kill costs.
        has_row_hash: Whether rows carry `_row_hash`.
    """

    def __init__(
        self,
        landing_dir: Path,
        contract: LandingContract,
        read_at: dt.datetime,
        batch_rows: int,
        has_row_hash: bool,
    ) -> None:
        self._landing_dir = landing_dir
        self._contract = contract
        self._read_at = read_at
        self._batch_rows = batch_rows
        self._has_row_hash = has_row_hash
        self._folder = object_folder(landing_dir, contract.name)
        self._loaded_at = loaded_at_of_read(self._folder, CONNECTOR, read_at)
        self._key, self._version = contract.key[0], contract.version
        self.schema = landing_schema(contract, has_row_hash)
        moments = [field.name for field in self.schema if pa.types.is_timestamp(field.type)]
        self._varied = {self._key, ROW_HASH, "_source_line", *moments}  # a dictionary would not pay
        self._files = sorted(map(str, self._folder.glob(f"*Z-*-{CONNECTOR}.parquet")))
        self._is_first_read = not self._files
        footer = dict(parquet.read_metadata(self._files[-1]).metadata or {}) if self._files else {}
        self._footer_before = footer
        self._has_written = False
        self._pending: list[pa.Table] = []
        self._pending_row_count = self._pending_byte_count = 0
        self.cursor: Cursor = json.loads(footer.get(CURSOR, b"{}"))
        self.known_fields = frozenset(json.loads(footer.get(FIELDS, b"[]"))) if self._files else None
        self.extra_fields: frozenset[str] = frozenset()
        self.live_keys = LiveKeys(0, 0) if self._is_first_read else _live_keys(footer)
        self.landed_row_count = 0
        self.rejected_row_count = 0

    def take(
        self, rows: pa.Table, cursor: Cursor, from_moment: str, is_known_to_be_new: bool = False
    ) -> None:
        """Keep rows for the next file; write it first when it is full.

        Args:
            rows: As `landing_rows` gave them.
            cursor: Where a later read goes on after these rows.
            from_moment: No row's cursor is before it, ISO 8601; empty when there is no such bound.
            is_known_to_be_new: The rows differ from the newest landed ones; else repeats are dropped.
        """
        if self._is_first_read:
            self._count_live(rows, before=None)
        else:
            rows = rows if is_known_to_be_new else self._without_repeats(rows, from_moment)
            rows = self._above_landed_versions(rows)
        is_full = self._pending_row_count + rows.num_rows > self._batch_rows
        if is_full or self._pending_byte_count >= BATCH_BYTES:
            self.flush()
        self.rejected_row_count += rows.num_rows - rows["_reject_reason"].null_count
        self._keep(rows)
        self.cursor = cursor

    def flush(self) -> None:
        """Write the rows that are kept; the read goes on, or was cut off, and the live keys are not known."""
        if self._pending:
            self._write(None)

    def finish(self) -> None:
        """Write what is left, with the live keys; no file when nothing is new."""
        is_new = self.cursor != json.loads(self._footer_before.get(CURSOR, b"{}"))
        if self._pending or is_new or self.live_keys != _live_keys(self._footer_before):
            self._write(self.live_keys)
        finish_first_read(self._folder, CONNECTOR)

    def compare(self, keys: pa.Table) -> list[str]:
        """Set landing beside all keys of the table, and keep a row for each that is gone.

        Args:
            keys: Columns `key` (text) and `_row_hash`, one row per key of the table.

        Returns:
            Keys whose row was never landed, or not as it is now.
        """
        self.flush()
        if not self._files:
            return list(keys["key"].to_pylist())
        database = self._database
        database.register("present", keys)
        database.execute(f"""
            create or replace temp table newest as
            select "{self._key}" as key, arg_max_null({ROW_HASH}, (file_index, _source_line)) as landed_hash
            from ({self._landed(f'"{self._key}", {ROW_HASH}, _source_line')})
            group by all
        """)
        missing = database.execute(f"""
            select key from present
            left join newest using (key)
            where landed_hash is distinct from {ROW_HASH}
        """).to_arrow_table()
        database.execute("delete from newest where landed_hash is null or key in (select key from present)")
        gone = database.execute(f"""
            select * exclude (file_index) replace (
                true as is_deleted,
                null as {ROW_HASH},
                null as _reject_reason,
                greatest("{self._version}", timestamp '{self._read_at.isoformat()}') as "{self._version}"
            )
            from ({self._landed("*")})
            where "{self._key}" in (select key from newest)
            qualify row_number() over (partition by "{self._key}" order by {NEWEST_FIRST}) = 1
            order by "{self._key}"
        """).to_arrow_table()
        self._keep(gone.select(self.schema.names).cast(self.schema))
        return list(missing["key"].to_pylist())

    @cached_property
    def _database(self) -> duckdb.DuckDBPyConnection:
        """Only to compare: it holds nothing that outlives the read."""
        return connect()

    def _keep(self, rows: pa.Table) -> None:
        if rows.num_rows:
            self._pending.append(rows)
            self._pending_row_count += rows.num_rows
            self._pending_byte_count += rows.nbytes
            self.landed_row_count += rows.num_rows

    def _without_repeats(self, rows: pa.Table, from_moment: str) -> pa.Table:
        """The rows that do not say what is landed already: same key, same hash or version, same content."""
        same = ROW_HASH if self._has_row_hash else self._key
        left_out = {self._version} if self._has_row_hash else set()  # may have been raised; the hash knows it
        content = " and ".join(
            f'landed."{name}" is not distinct from fetched."{name}"'
            for name in self.schema.names
            if name not in left_out
        )
        where = f'"{same}" in (select "{same}" from fetched)'
        if (
            from_moment and not rows[self._version].null_count
        ):  # a landed version is never below the row's own
            where += f" and \"{self._version}\" >= timestamp '{from_moment}'"
        if rows[self._key].null_count:
            where += f' or "{self._key}" is null'
        database = self._database
        database.register("fetched", rows.append_column("_row", pa.array(np.arange(rows.num_rows))))
        return database.execute(f"""
            with landed as (
                select * from ({self._landed("*")}) where {where}
                qualify "{self._key}" is null
                    or row_number() over (partition by "{self._key}", "{same}" order by {NEWEST_FIRST}) = 1
            )
            select * exclude (_row) from fetched
            where not exists (select 1 from landed where {content})
            order by _row
        """).to_arrow_table()

    def _above_landed_versions(self, rows: pa.Table) -> pa.Table:
        """The rows, none below the newest landed version of its key: what the table says today is the newest.

        A row may come with an older stamp than the landed one: it was restored from a backup, or a slow transaction
        committed it late.
        """
        if not rows.num_rows or not self._has_row_hash:
            return rows
        database = self._database
        database.register("fetched", rows.append_column("_row", pa.array(np.arange(rows.num_rows))))
        raised = database.execute(f"""
            with newest as (
                select
                    "{self._key}" as key,
                    max("{self._version}") as version_before,
                    arg_max_null({ROW_HASH}, (file_index, _source_line)) as hash_before
                from ({self._landed(f'"{self._key}", "{self._version}", {ROW_HASH}, _source_line')})
                where "{self._key}" in (select "{self._key}" from fetched)
                group by all
            )
            select
                fetched.* replace (
                    if("{self._version}" is null, null, greatest("{self._version}", version_before))
                    as "{self._version}"
                ),
                hash_before
            from fetched
            left join newest on newest.key = fetched."{self._key}"
            order by _row
        """).to_arrow_table()
        self._count_live(raised, before=raised["hash_before"])
        return raised.select(self.schema.names)

    def _count_live(self, rows: pa.Table, before: pa.ChunkedArray | None) -> None:
        """Count keys that begin to live, and replace the hashes of those that did before."""
        if self.live_keys is not None and self._has_row_hash:
            was = LiveKeys(0, 0) if before is None else LiveKeys.of(before)
            now = LiveKeys.of(rows[ROW_HASH])
            self.live_keys = LiveKeys(
                self.live_keys.count + now.count - was.count,
                self.live_keys.fingerprint ^ now.fingerprint ^ was.fingerprint,
            )

    def _landed(self, columns: str) -> str:
        """Rows of the connector's files, with the place of the file among them."""
        files = quoted_list(self._files)
        return f"select {columns}, file_index from read_parquet({files}, union_by_name = true)"

    def _write(self, live_keys: LiveKeys | None) -> None:
        """The kept rows as one file; the rename commits them, the cursor and the live keys together."""
        if not self._has_written:
            system, object_name = self._contract.name.split("__", 1)
            write_empty_file(self._landing_dir, system, object_name, landing_objects()[self._contract.name])
            self._has_written = True
        target = self._folder / f"{batch_name(self._folder, CONNECTOR, self._loaded_at)}.parquet"
        footer = {
            CURSOR: json.dumps(self.cursor).encode(),
            FIELDS: json.dumps(sorted(self.extra_fields | (self.known_fields or frozenset()))).encode(),
        }
        if live_keys is not None and self._has_row_hash:
            footer[KEYS] = json.dumps(asdict(live_keys)).encode()
        rows = pa.concat_tables([self.schema.empty_table(), *self._pending])
        rows = rows.append_column("_reject_column", _before_colon(rows["_reject_reason"]))
        write_rows(target, rows.schema, [rows], self._loaded_at, footer, self._varied)
        self._files.append(str(target))
        self._pending, self._pending_row_count, self._pending_byte_count = [], 0, 0


def _before_colon(reasons: pa.ChunkedArray) -> pa.ChunkedArray:
    return compute.replace_substring_regex(reasons, r"(?s):.*", "")


def _live_keys(footer: dict[bytes, bytes]) -> LiveKeys | None:
    return LiveKeys(**json.loads(footer[KEYS])) if KEYS in footer else None
