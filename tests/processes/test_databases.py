"""Every DuckDB connection stays under the ceiling of the settings."""

import subprocess
from pathlib import Path

import pytest

from dagster_project.databases import (
    DatabaseLimits,
    connect,
    database_limits,
    limit_databases,
    machine_limits,
)
from dagster_project.settings import PROJECT_DIR, Settings, SettingsError, load_settings


@pytest.fixture
def limits(tmp_path: Path):
    before = database_limits()
    limits = DatabaseLimits("100MiB", 1, tmp_path / "spill")
    limit_databases(limits)
    yield limits
    limit_databases(before)


def test_a_connection_has_the_limits_of_the_process(limits):
    with connect() as connection:
        found = connection.sql(
            "select current_setting('memory_limit'), current_setting('threads'), current_setting('temp_directory')"
        ).fetchall()
    assert found == [("100.0 MiB", 1, str(limits.temp_directory))]


def test_an_asof_join_is_sorted_even_where_few_rows_are_expected():
    with connect() as connection:
        connection.execute("create table days as select range as moment, range % 9 as who from range(500)")
        plan = connection.execute(
            "explain (format json) select * from (from days limit 3) as few asof join days using (who, moment)"
        ).fetchall()[0][1]
    assert "ASOF_JOIN" in plan and "NESTED_LOOP_JOIN" not in plan


def test_what_does_not_fit_into_memory_is_written_to_the_spill_folder(limits):
    with connect() as connection:
        connection.execute(
            "create table texts as select md5(range::varchar) as text from range(3_000_000) order by text"
        )
        assert connection.sql("select sum(size) > 0 from duckdb_temporary_files()").fetchall() == [(True,)]
        assert any(limits.temp_directory.iterdir())
        assert connection.sql("select count(distinct text) from texts").fetchall() == [(3_000_000,)]


def test_the_default_is_60_percent_of_what_duckdb_sees():
    import duckdb

    with duckdb.connect() as connection:
        (whole,) = connection.sql("select current_setting('memory_limit')").fetchall()[0]
    amount, unit = whole.split()
    mebibytes = float(amount) * {"MiB": 1, "GiB": 1024}[unit] / 0.8
    assert int(machine_limits().memory_limit.removesuffix("MiB")) == pytest.approx(0.6 * mebibytes, rel=0.01)


@pytest.mark.parametrize("value", ["900MiB", "4GB", "1.5 GiB"])
def test_an_amount_of_memory_is_taken(value, monkeypatch):
    monkeypatch.setenv("CUSTINT_MEMORY_LIMIT", value)
    assert load_settings().memory_limit == value


@pytest.mark.parametrize("value", ["60%", "lots", "0GB", "-1GB", "4"])
def test_what_is_no_amount_of_memory_is_told_with_what_is_allowed(value, monkeypatch):
    monkeypatch.setenv("CUSTINT_MEMORY_LIMIT", value)
    with pytest.raises(
        SettingsError, match=r"CUSTINT_MEMORY_LIMIT is .*; allowed is an amount of memory like"
    ):
        load_settings()


def test_the_settings_reach_dbt():
    variables = Settings(memory_limit="1GB", threads=3).for_dbt(None)
    assert variables["CUSTINT_MEMORY_LIMIT"] == "1GB"
    assert variables["CUSTINT_THREADS"] == "3"


def test_nothing_opens_duckdb_beside_the_one_place_that_knows_the_ceiling():
    found = subprocess.run(
        ["git", "grep", "-nE", r"duckdb\.connect\(", "--", "dagster_project", ":!dagster_project/databases.py"],
        cwd=PROJECT_DIR, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert found.stdout == ""
