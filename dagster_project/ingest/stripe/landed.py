"""What landing holds already of one object of Stripe: its newest rows, read where an answer needs them.

Only files that this connector wrote count. Not here: what becomes of it (`reads.py`).
"""

import json
from pathlib import Path
from typing import Any

from dagster_project.contracts import landing_contract
from dagster_project.databases import connect
from dagster_project.ingest.landing import EMPTY_FILE, EXTRA, object_folder
from dagster_project.ingest.sql_text import quoted_list
from dagster_project.ingest.streams import Record

CONNECTOR = "stripe"


class NewestRows:
    """The newest landed row of each key of one landing object.

    Args:
        landing_dir: Root of the landing zone.
        object_name: `stripe__invoices`.
    """

    def __init__(self, landing_dir: Path, object_name: str) -> None:
        self._folder = object_folder(landing_dir, object_name)
        self._fields = [field for field in landing_contract(object_name).fields if field.name != EXTRA]
        self._names = [field.name for field in self._fields]

    def newest_version(self) -> int:
        """The newest `event_created` of all rows, unix seconds; 0 when there is none."""
        found = self._rows("select max(event_created) from landed")
        return int(found[0][0] or 0) if found else 0

    def versions(self, keys: list[str]) -> dict[str, int]:
        """The newest `event_created` of each of some ids that are landed, unix seconds."""
        found = self._rows("select id, max(event_created) from landed group by id", "id", keys)
        return {key: int(second or 0) for key, second in found}

    def living_keys(self, status: str = "") -> set[str]:
        """Ids whose newest row does not say that they were deleted, and has the status when one is asked for."""
        deleted = '"deleted"' if "deleted" in self._names else "json_extract_string(extra, '$.deleted')"
        where = f"where coalesce(try_cast({deleted} as boolean), false) = false and id is not null"
        if status:
            where += f" and status = '{status}'"
        return {key for (key,) in self._rows(f"select id from newest {where}")}

    def rows(self, field: str, values: list[str]) -> list[Record]:
        """Newest rows in which a field has one of the values, in the words of landing and with their extra fields."""
        names = ", ".join(f'"{name}"' for name in (*self._names, EXTRA))
        return [self._record(row) for row in self._rows(f"select {names} from newest", field, values)]

    def _record(self, row: tuple[Any, ...]) -> Record:
        record: Record = json.loads(row[-1] or "{}")
        for field, value in zip(self._fields, row, strict=False):
            if value is not None:
                record[field.name] = json.loads(value) if field.is_json else value
            else:
                record.setdefault(field.name)
        return record

    def _rows(self, query: str, field: str = "", values: list[str] | None = None) -> list[tuple[Any, ...]]:
        """Ask of `landed` and `newest`, of the rows alone in which a field has one of some values."""
        files = [str(path) for path in sorted(self._folder.glob(f"*Z-*-{CONNECTOR}.parquet"))]
        if not files:
            return []
        empty = self._folder / EMPTY_FILE  # has the fields that older files lack
        sql = f"""
            with landed as (
                select * from read_parquet({quoted_list([*files, empty])}, union_by_name = true)
                {f'where "{field}" in (select unnest(?))' if field else ""}
            ),

            newest as (
                select * from landed
                qualify row_number() over (
                    partition by id order by event_created desc, _loaded_at desc, _source_file desc
                ) = 1
            )

            {query}
        """
        with connect() as connection:
            return connection.execute(sql, [values] if field else []).fetchall()
