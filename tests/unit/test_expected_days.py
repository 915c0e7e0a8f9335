"""The days that the Dagster UI expects, by settings and by what has been run; and how that is remembered."""

import datetime as dt
from pathlib import Path

import duckdb
import pytest
from live_settings import live_settings

from dagster_project.expected_days import RunDays, expected_days, read_run_days, remember_run_days
from dagster_project.settings import load_settings

YESTERDAY = dt.date(2026, 11, 29)


def run_days(first: str, newest: str) -> RunDays:
    return RunDays(dt.date.fromisoformat(first), dt.date.fromisoformat(newest))


NOW = run_days("2026-11-20", "2026-11-28")
OLD = run_days("1998-06-30", "1998-07-31")


@pytest.mark.parametrize(
    ("sources", "variables", "known", "first", "last"),
    [
        # The sample company is a closed history: nothing happens in it after its last day.
        ("sample", {}, None, "2026-09-30", "2026-09-30"),
        ("sample", {"FIRST_AS_OF_DATE": "2026-09-01"}, None, "2026-09-01", "2026-09-30"),
        ("sample", {"FIRST_AS_OF_DATE": "2020-01-01"}, None, "2024-10-01", "2026-09-30"),
        ("sample", {"AS_OF_DATE": "2026-09-15"}, None, "2026-09-15", "2026-09-30"),
        ("sample", {"AS_OF_DATE": "2026-10-15"}, None, "2026-09-30", "2026-10-15"),
        ("sample", {}, run_days("2026-09-28", "2026-09-29"), "2026-09-28", "2026-09-29"),
        # Others go on: before the first run yesterday alone is expected, after it every day since.
        ("stripe", {}, None, "2026-11-29", None),
        ("stripe", {}, NOW, "2026-11-20", None),
        ("stripe", {}, OLD, "1998-06-30", None),
        ("stripe", {"FIRST_AS_OF_DATE": "2026-05-01"}, NOW, "2026-05-01", None),
        ("stripe", {"FIRST_AS_OF_DATE": "2026-05-01", "AS_OF_DATE": "2026-04-01"}, None, "2026-04-01", None),
        ("stripe", {"AS_OF_DATE": "2026-11-01"}, NOW, "2026-11-01", None),
        ("files", {}, None, "2026-11-29", None),
        ("files", {}, NOW, "2026-11-20", None),
        ("sample,files", {}, NOW, "2026-11-20", None),
        # Dropped files whose newest day is long ago: nobody delivers any more.
        ("files", {}, OLD, "1998-06-30", "1998-07-31"),
        ("files", {}, run_days("2026-05-01", "2026-10-29"), "2026-05-01", None),
        ("files", {}, run_days("2026-05-01", "2026-10-28"), "2026-05-01", "2026-10-28"),
        ("files", {"AS_OF_DATE": "2026-11-05"}, OLD, "1998-06-30", "2026-11-05"),
        ("files,stripe", {}, run_days("2026-05-01", "2026-10-01"), "2026-05-01", None),
    ],
)
def test_the_days_that_are_expected(
    sources: str,
    variables: dict[str, str],
    known: RunDays | None,
    first: str,
    last: str | None,
    monkeypatch: pytest.MonkeyPatch,
):
    for name, value in variables.items():
        monkeypatch.setenv(f"CUSTINT_{name}", value)
    values = live_settings(monkeypatch, *sources.split(",")) if sources != "sample" else load_settings()
    expected = (dt.date.fromisoformat(first), dt.date.fromisoformat(last) if last else None)
    assert expected_days(values, known, YESTERDAY) == expected


def test_the_first_run_is_remembered_and_a_backfill_of_an_older_day_does_not_come_before_it(tmp_path: Path):
    path, warehouse = tmp_path / "run_days.json", tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create schema bronze; create table bronze.run_days (as_of_date date)")
    remember_run_days(path, warehouse)
    assert read_run_days(path) is None, "a run that was for no day"
    for day, known in (
        ("2026-11-20", run_days("2026-11-20", "2026-11-20")),
        ("2026-11-21", run_days("2026-11-20", "2026-11-21")),
        ("2026-01-01", run_days("2026-11-20", "2026-11-21")),
    ):
        with duckdb.connect(str(warehouse)) as connection:
            connection.execute("insert into bronze.run_days values (?)", [day])
        remember_run_days(path, warehouse)
        assert read_run_days(path) == known


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"first": "yesterday", "newest": "2026-11-20"}'])
def test_what_cannot_be_read_is_as_if_nothing_had_run(text: str, tmp_path: Path):
    path = tmp_path / "run_days.json"
    assert read_run_days(path) is None
    path.write_text(text)
    assert read_run_days(path) is None
