"""What landing holds of a Salesforce object, set beside the ids that the organisation has.

A row that is deleted for good leaves no trace in the API: a campaign member never reaches the recycle bin, and what is
in it is purged some day. Only the ids tell. Not here: how they are asked for (`connector.py`).
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from dagster_project.contracts import landing_contract
from dagster_project.databases import connect
from dagster_project.ingest.landing import EMPTY_FILE, EXTRA, object_folder
from dagster_project.ingest.sql_text import quoted_list
from dagster_project.ingest.streams import Record

CONNECTOR = "salesforce"
MISSING_SINCE = "MissingSince"  # when a deletion was found of which Salesforce does not tell
ROWS_PER_PIECE = 2000
IDS = pa.schema([("Id", pa.string()), ("IsDeleted", pa.bool_()), ("SystemModstamp", pa.string())])


class LandedRows:
    """The newest version of every id of one object: of those that are landed, and of those that were just read.

    Args:
        landing_dir: Root of the landing zone.
        object_name: `salesforce__contacts`.
        just_read: Rows with `Id`, `IsDeleted` and `SystemModstamp`, which may not be landed yet.
    """

    def __init__(self, landing_dir: Path, object_name: str, just_read: list[Record]) -> None:
        self._fields = [field for field in landing_contract(object_name).fields if field.name != EXTRA]
        folder = object_folder(landing_dir, object_name)
        files = [str(path) for path in sorted(folder.glob(f"*Z-*-{CONNECTOR}.parquet"))]
        self._landed = (
            f"read_parquet({quoted_list([*files, str(folder / EMPTY_FILE)])}, union_by_name = true)"
        )
        self._database = connect()
        self._register("just_read", just_read)
        self._database.execute(f"""
            create table newest as
            select Id, coalesce(IsDeleted, false) as is_deleted, SystemModstamp as stamp
            from (
                select Id, IsDeleted, SystemModstamp, _loaded_at, _source_file, _source_line from {self._landed}
                union all by name
                select * from just_read
            )
            where Id is not null
            qualify row_number() over (
                partition by Id
                order by SystemModstamp desc, _loaded_at desc nulls first, _source_file desc, _source_line desc
            ) = 1
        """)

    def __enter__(self) -> "LandedRows":
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    @property
    def living_count(self) -> int:
        """Ids whose newest version was not deleted."""
        return int(self._scalar("select count(*) from newest where not is_deleted"))

    def compare(self, present: list[Record]) -> None:
        """Set all ids of the organisation beside those here; `gone` and `missed` say what differs.

        Args:
            present: `Id` and `IsDeleted` of every row, the recycle bin included.
        """
        self._register("present", present)
        self._database.execute("""
            create table gone as
            select Id, stamp from newest where not is_deleted and Id not in (select Id from present);
            create table missed as
            select present.Id, newest.stamp from present left join newest on present.Id = newest.Id
            where not coalesce(present.IsDeleted, false) and coalesce(newest.is_deleted, true)
        """)

    def gone(self, found_at: str) -> Iterator[list[Record]]:
        """The last landed row of each id that is not there any more, as a deletion.

        Args:
            found_at: As Salesforce writes times; the version of the deletion, which is later than all before it.
        """
        names = ", ".join(f'landed."{name}"' for name in (*(field.name for field in self._fields), EXTRA))
        found = self._database.execute(f"""
            select {names} from {self._landed} as landed
            inner join gone on landed.Id = gone.Id and landed.SystemModstamp is not distinct from gone.stamp
            qualify row_number() over (
                partition by landed.Id order by _loaded_at desc, _source_file desc, _source_line desc
            ) = 1
            order by landed.Id
        """)
        while rows := found.fetchmany(ROWS_PER_PIECE):
            yield [self._deletion(row, found_at) for row in rows]

    def missed(self) -> dict[str, str]:
        """Ids that are there and not alive here, with the version that is landed of them; empty without one."""
        found = self._database.execute("select Id, coalesce(stamp, '') from missed order by Id").fetchall()
        return dict(found)

    def _deletion(self, row: tuple[Any, ...], found_at: str) -> Record:
        record: Record = json.loads(row[-1] or "{}")
        for field, value in zip(self._fields, row, strict=False):
            record[field.name] = json.loads(value) if field.is_json and value is not None else value
        stamp = max(found_at, str(record["SystemModstamp"] or ""))
        return record | {"IsDeleted": True, "SystemModstamp": stamp, MISSING_SINCE: found_at}

    def _register(self, name: str, rows: list[Record]) -> None:
        columns = {field.name: [row.get(field.name) for row in rows] for field in IDS}
        self._database.register(name, pa.table(columns, schema=IDS))

    def _scalar(self, sql: str) -> Any:
        rows: list[tuple[Any, ...]] = self._database.execute(sql).fetchall()
        return rows[0][0]
