"""What is noticed of a delivery, measured on small warehouses and judged by the suite."""

import datetime as dt

import duckdb
import pyarrow as pa
import pytest
from pyarrow import parquet

from dagster_project.contracts import bronze_tables
from dagster_project.quality.intake import intake_rules, profile_intake
from dagster_project.quality.judgement import judge

DAY = dt.date(2026, 9, 30)
LOADED = "2026-10-01 02:00:00"
TABLES = ("files__transactions", "stripe__charges", "product__events")
CLOCKS = {
    "files__transactions": "occurred_at",
    "stripe__charges": "modified_at",
    "product__events": "occurred_at",
}


@pytest.fixture
def warehouse():
    """Empty tables of three objects, and a published generation without any."""
    with duckdb.connect() as connection:
        connection.execute(
            "create schema bronze; create schema quarantine; attach ':memory:' as published;"
            "create schema published.gold; create table published.gold.source_freshness"
            " (system text, object text, last_event_at timestamp, last_loaded_at timestamp)"
        )
        for name in TABLES:
            connection.execute(
                f"create table bronze.{name} ({CLOCKS[name]} timestamp, _source_file text, _source_line bigint,"
                " _loaded_at timestamp, _faults text); create table quarantine."
                f"{name} (source_file text, source_line bigint, column_name text, reason text, loaded_at timestamp)"
            )
        yield connection


def keep(
    warehouse, name: str, count: int, file: str = "file", loaded: str = LOADED, day=DAY, faults: str = ""
) -> None:
    warehouse.execute(
        f"insert into bronze.{name} select timestamp '{day} 10:00:00', '{file}', range + 2, timestamp '{loaded}',"
        f" nullif('{faults}', '') from range({count})"
    )


def quarantine(
    warehouse, name: str, count: int, column: str, file: str = "file", loaded: str = LOADED, reason: str = ""
) -> None:
    warehouse.execute(
        f"insert into quarantine.{name} select '{file}', range + 2, '{column}', $reason, timestamp '{loaded}'"
        f" from range({count})",
        {"reason": reason or f"{column}: 'x' is no such thing"},
    )


def found(
    warehouse, landing_dir, *, accepts_older_data: bool = False, tables=TABLES
) -> list[tuple[bool, str]]:
    profile = profile_intake(
        warehouse,
        {name: table for name, table in bronze_tables().items() if name in tables},
        landing_dir,
        day=DAY,
        has_published=True,
    )
    judged = judge("intake", profile, intake_rules(accepts_older_data=accepts_older_data))
    return [(finding.is_blocking, finding.line) for finding in judged.findings]


@pytest.mark.parametrize(
    ("name", "kept", "bad", "blocks", "words"),
    [
        ("files__transactions", 0, 3, True, "all 3 rows fail the column amount"),
        ("files__transactions", 0, 1, True, "all 1 rows fail"),
        ("files__transactions", 1, 2, False, "66.7% of 3 rows are in quarantine for the column amount"),
        ("files__transactions", 199, 1, None, ""),
        ("files__transactions", 98, 2, False, "2.0% of 100 rows"),
        ("stripe__charges", 0, 6, True, "if the source has changed"),
        ("stripe__charges", 0, 4, None, ""),  # a small batch of accidents
        ("stripe__charges", 95, 5, False, "5.0% of 100 rows"),
        ("stripe__charges", 27, 3, None, ""),
        ("stripe__charges", 1000, 10, None, ""),
    ],
)
def test_rows_that_fail_block_when_they_are_all_and_warn_when_they_are_many(
    warehouse, tmp_path, name, kept, bad, blocks, words
):
    keep(warehouse, name, kept)
    quarantine(warehouse, name, bad, "amount")
    lines = found(warehouse, tmp_path)
    assert len(lines) == (blocks is not None), lines
    for is_blocking, line in lines:
        assert is_blocking is blocks
        assert words in line
        assert "amount: 'x' is no such thing" in line
        assert "line 2" in line


def test_a_row_counts_for_each_column_that_it_fails(warehouse, tmp_path):
    """The quarantine names the first column of a row alone; here half of the rows fail another one before."""
    quarantine(
        warehouse, "files__transactions", 3, "occurred_at", reason="occurred_at: empty; amount: 'x; y' no"
    )
    quarantine(warehouse, "files__transactions", 3, "amount")
    ((blocks, line), (warns, share)) = found(warehouse, tmp_path)
    assert blocks and "all 6 rows fail the column amount" in line
    assert not warns and "50.0%" in share and "occurred_at" in share


def test_one_file_of_many_that_fails_wholly_blocks(warehouse, tmp_path):
    keep(warehouse, "stripe__charges", 10_000, "good")
    quarantine(warehouse, "stripe__charges", 8, "amount", "bad")
    assert [(blocks, line[:20]) for blocks, line in found(warehouse, tmp_path)] == [
        (True, "bad: all 8 rows fail")
    ]


def test_what_an_earlier_delivery_had_was_told_then(warehouse, tmp_path):
    quarantine(warehouse, "stripe__charges", 50, "amount", "old", loaded="2026-09-30 02:00:00")
    keep(warehouse, "stripe__charges", 50, "new")
    assert found(warehouse, tmp_path) == []


def test_values_that_are_left_out_of_many_rows_warn(warehouse, tmp_path):
    keep(warehouse, "product__events", 90)
    keep(warehouse, "product__events", 10, faults="session_ref: too long")
    ((blocks, line),) = found(warehouse, tmp_path)
    assert not blocks
    assert "10.0% of 100 rows are kept without session_ref" in line


@pytest.mark.parametrize(
    ("published", "loaded", "blocks"),
    [
        ("2026-09-30 23:00", "2026-10-01", None),  # the same day
        ("2026-09-29 10:00", "2026-09-30", None),
        ("2026-10-01 00:30", "2026-10-01 02:00", True),
        ("2031-01-01 00:00", "2026-10-01", None),  # it was wrong, and was corrected
    ],
)
def test_a_newest_day_that_goes_back_behind_the_published_one_blocks(
    warehouse, tmp_path, published, loaded, blocks
):
    keep(warehouse, "files__transactions", 10)
    warehouse.execute(
        f"insert into published.gold.source_freshness values ('files', 'transactions', '{published}', '{loaded}')"
    )
    lines = found(warehouse, tmp_path)
    assert [blocking for blocking, _ in lines] == ([blocks] if blocks else [])
    if blocks:
        assert "its newest day is 2026-09-30, and 2026-10-01 is published" in lines[0][1]
        assert "CUSTINT_ACCEPT_OLDER_DATA=true" in lines[0][1]
        ((still_blocks, _),) = found(warehouse, tmp_path, accepts_older_data=True)
        assert not still_blocks


@pytest.mark.parametrize(
    ("last_week", "words"),
    [
        (10, None),
        (6, None),
        (3, "has the source stopped"),
        (0, "has the source stopped"),
        (30, "delivered twice"),
    ],
)
def test_a_week_far_from_the_objects_own_past_warns(warehouse, tmp_path, last_week, words):
    for days_ago in range(120):
        day = DAY - dt.timedelta(days=days_ago)
        keep(warehouse, "product__events", last_week if days_ago < 7 else 10, day=day)
    lines = found(warehouse, tmp_path)
    assert [words in line for _, line in lines] == ([True] if words else []), lines
    assert not any(blocks for blocks, _ in lines)


def test_a_company_that_began_lately_or_has_few_rows_is_left_in_peace(warehouse, tmp_path):
    for days_ago in range(7, 60):
        keep(warehouse, "product__events", 50, day=DAY - dt.timedelta(days=days_ago))
    for days_ago in range(7, 120):
        keep(warehouse, "stripe__charges", days_ago % 2, day=DAY - dt.timedelta(days=days_ago))
    assert found(warehouse, tmp_path) == []


@pytest.mark.parametrize(("rows", "warns"), [(100, False), (51, False), (49, True), (201, True)])
def test_a_dropped_file_that_is_only_a_part_warns(warehouse, tmp_path, rows, warns):
    folder = tmp_path / "files" / "transactions"
    folder.mkdir(parents=True)
    for name, count in (("20260929T000000-a", 100), ("20260930T000000-b", rows)):
        parquet.write_table(pa.table({"x": range(count)}), folder / f"{name}.parquet")
    keep(warehouse, "files__transactions", rows)
    assert [
        f"the file has {rows} rows, the one before had 100" in line for _, line in found(warehouse, tmp_path)
    ] == ([True] if warns else [])


def test_requests_to_be_erased_that_wait_warn_with_their_number(warehouse, tmp_path):
    folder = tmp_path / "files" / "erasure_requests"
    folder.mkdir(parents=True)
    parquet.write_table(pa.table({"customer_ref": ["a", "b", "b"]}), folder / "20260930T000000-b.parquet")
    ((blocks, line),) = found(warehouse, tmp_path)
    assert not blocks
    assert line.startswith("2 erasure requests are not acted on")
