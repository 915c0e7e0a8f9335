"""What landing holds of one object, to tell new rows from repeats during a read.

Keys, versions and a hash of each content are read from the files once, and each batch adds its own: a first read of
many batches reads nothing twice. Not here: files and cursors (`batches.py`).
"""

from pathlib import Path
from typing import Self

import duckdb
import pyarrow as pa

from dagster_project.contracts import LandingContract
from dagster_project.databases import connect
from dagster_project.ingest.landing import object_folder
from dagster_project.ingest.sql_text import quoted_text


class LandedRows:
    """The landed rows of one object during one read.

    A row is a repeat when landing or the batch holds the same key with the same content in the same version. Where
    the source has no versions of its own, it is one also when the key's version just before it, landed or in the
    batch, says the same: a new version is written only when something has changed.

    Args:
        landing_dir: Root of the landing zone.
        contract: Of the landing object.
        has_own_version: Whether the source says when a row changed.
    """

    def __init__(self, landing_dir: Path, contract: LandingContract, has_own_version: bool) -> None:
        self._folder = object_folder(landing_dir, contract.name)
        self._has_own_version = has_own_version
        columns = [*(field.name for field in contract.fields), "_reject_reason"]
        types = {field.name: field.landing_type for field in contract.fields} | {"_reject_reason": "VARCHAR"}
        compared = [name for name in columns if has_own_version or name != contract.version]
        values = ", ".join(f'cast("{name}" as {types[name]})' for name in compared)
        self._content = f"hash({values})"
        self._key = ", ".join(f'"{name}"' for name in contract.key)
        self._version = f'"{contract.version}"'
        self._same_key = " and ".join(
            f'landed."{name}" is not distinct from fetched."{name}"' for name in contract.key
        )
        self._database: duckdb.DuckDBPyConnection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._database:
            self._database.close()

    def add(self, file: Path) -> None:
        """Count a file in that was written after the others were read."""
        if self._database:
            self._database.execute(f"insert into landed {self._rows_of(file)}")

    def _rows_of(self, files: Path) -> str:
        return (
            f"select {self._key}, {self._version}, {self._content} as _content, _source_file, _source_line"
            f" from read_parquet({quoted_text(files)}, union_by_name = true)"
        )

    def new_rows(self, fetched: pa.Table) -> pa.Table:
        """The rows that landing does not hold yet, each once and in their order."""
        if not self._database:
            self._database = connect()
            self._database.execute(f"create table landed as {self._rows_of(self._folder / '*.parquet')}")
        self._database.register(
            "fetched", fetched.append_column("_row", pa.array(range(fetched.num_rows), type=pa.int64()))
        )
        return self._database.execute(self._new_rows_sql()).to_arrow_table()

    def _new_rows_sql(self) -> str:
        key, version = self._key, self._version
        fresh = f"""
            with said_now as (
                select *, {self._content} as _content from fetched
                qualify row_number() over (partition by {key}, {version}, _content order by _row desc) = 1
            ),

            fresh as (
                select * from said_now as fetched
                where not exists (
                    select 1 from landed
                    where
                        {self._same_key}
                        and landed.{version} is not distinct from fetched.{version}
                        and landed._content = fetched._content
                )
            )
        """
        if self._has_own_version:
            return f"{fresh} select * exclude (_row, _content) from fresh order by _row"
        return f"""
            {fresh},

            timeline as (
                select *, null as _row from landed where exists (select 1 from fetched where {self._same_key})
                union all by name
                select {key}, {version}, _content, _row from fresh
            ),

            changes as (
                select _row from timeline
                qualify
                    _row is not null
                    and _content is distinct from lag(_content) over (
                        partition by {key} order by {version}, _row nulls first, _source_file, _source_line
                    )
            )

            select * exclude (_row, _content) from fresh where _row in (select _row from changes) order by _row
        """
