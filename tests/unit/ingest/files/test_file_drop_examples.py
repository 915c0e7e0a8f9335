"""The example mappings on the real files, where those are at hand."""

import datetime as dt
import shutil
from pathlib import Path

import duckdb
import pytest

from dagster_project.ingest.files.drop import land_file_drop, newest_event_date

PROJECT = Path(__file__).resolve().parents[4]
SHARED_DATA = PROJECT.parent / "shared" / "data"
LOADED_AT = dt.datetime(2026, 10, 1, 6, 0)


def land_example(name: str, tmp_path: Path) -> dict[str, int]:
    if not (SHARED_DATA / name).is_dir():
        pytest.skip(f"the {name} files are not part of the project")
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    for path in [*(SHARED_DATA / name).iterdir(), *(PROJECT / "data" / "examples" / name).glob("*.sql")]:
        shutil.copyfile(path, inbox / path.name)
    landed = land_file_drop(inbox, tmp_path / "landing", LOADED_AT, "USD")
    assert all(item.rejected_row_count == 0 for item in landed)
    return {item.object_name.removeprefix("files__"): item.landed_row_count for item in landed}


def one_row(tmp_path: Path, query: str, object_name: str) -> tuple[object, ...]:
    path = tmp_path / "landing" / "files" / object_name / "*.parquet"
    row = duckdb.sql(f"select {query} from '{path}'").fetchone()
    assert row is not None
    return row


def test_ravenstack_lands_every_row(tmp_path: Path):
    counts = land_example("ravenstack", tmp_path)
    assert counts == {"customers": 500, "subscriptions": 5000, "tickets": 2000, "usage_events": 25000}
    query = "count(*) filter (mrr_amount = '0'), sum(cast(mrr_amount as bigint))"
    assert one_row(tmp_path, query, "subscriptions") == (778, 11_338_747)
    query = "count(customer_ref), count(distinct event_ref), count(distinct _source_line)"
    assert one_row(tmp_path, query, "usage_events") == (25000, 24979, 25000)
    assert one_row(tmp_path, "count(csat_score), count(first_reply_at)", "tickets") == (1175, 2000)
    assert newest_event_date(tmp_path / "landing", dt.date(2026, 10, 1)) == dt.date(2024, 12, 31)


def test_cdnow_lands_every_purchase_to_the_cent(tmp_path: Path):
    assert land_example("cdnow", tmp_path) == {"customers": 23570, "transactions": 69659}
    query = "cast(sum(cast(amount as decimal(18, 2))) as varchar), count(distinct transaction_ref)"
    assert one_row(tmp_path, query, "transactions") == ("2500315.63", 69659)
    assert newest_event_date(tmp_path / "landing", dt.date(2026, 10, 1)) == dt.date(1998, 6, 30)
