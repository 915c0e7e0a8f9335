"""How the tests of the Salesforce connector make rows, read them and look into landing. Not here: any assertion."""

import datetime as dt
from pathlib import Path
from typing import Any

import duckdb
from salesforce_server import CLIENT_ID, CLIENT_SECRET, Row, SalesforceServer

from dagster_project.ingest.api_client import HttpLimits
from dagster_project.ingest.salesforce.connector import Salesforce
from dagster_project.ingest.streams import Landed

READ_AT = dt.datetime(2026, 10, 1, 2)
START = dt.datetime(2026, 9, 1)
LAG_SECONDS = 600
LIMITS = HttpLimits(timeout_seconds=5, attempt_count=3, first_wait_seconds=0.001)
CONTACTS = "salesforce__contacts"


def stamp(seconds: float) -> str:
    moment = START + dt.timedelta(seconds=seconds)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}+0000"


def contact(number: int, seconds: float, **fields: Any) -> Row:
    return {
        "Id": f"003{number:012d}AAA", "LastName": f"Name {number}", "IsDeleted": False,
        "CreatedDate": stamp(0), "SystemModstamp": stamp(seconds),
    } | fields  # fmt: skip


def contacts(count: int) -> list[Row]:
    """One change a second."""
    return [contact(number, number) for number in range(count)]


def connector(server: SalesforceServer, folder: Path, *objects: str, **settings: Any) -> Salesforce:
    made = Salesforce(
        **{
            "instance_url": server.url, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET,
            "api_version": "v62.0", "landing_dir": folder, "limits": LIMITS, "batch_rows": 100_000,
            "lag_seconds": LAG_SECONDS,
        }
        | settings
    )  # fmt: skip
    made.objects = objects or (CONTACTS,)
    return made


def land(server: SalesforceServer, folder: Path, *objects: str, **settings: Any) -> dict[str, Landed]:
    results = connector(server, folder, *objects, **settings).land(READ_AT)
    return {result.object_name: result for result in results}


def land_contacts(server: SalesforceServer, folder: Path, **settings: Any) -> Landed:
    return land(server, folder, **settings)[CONTACTS]


def landed(
    folder: Path, columns: str = "Id, SystemModstamp", name: str = "contacts"
) -> list[tuple[Any, ...]]:
    files = folder / "salesforce" / name / "*.parquet"
    return duckdb.sql(
        f"select {columns} from read_parquet('{files}', union_by_name = true) order by all"
    ).fetchall()


def batches(folder: Path, name: str = "contacts") -> list[str]:
    return sorted(path.name for path in (folder / "salesforce" / name).glob("*Z-*.parquet"))


def truth(rows: list[Row]) -> list[tuple[str, str]]:
    return sorted((row["Id"], row["SystemModstamp"]) for row in rows)
