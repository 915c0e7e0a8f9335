"""Dates that stand for no date, in random rows of every dropped file: from the inbox through landing to bronze.

Each cell of a date is a day, nothing, or a stand-in in one of the ways in which shops write it; the fate of its row
follows from the contract alone.
"""

import csv
import datetime as dt
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pytest
from dbt_in_process import run_dbt

from dagster_project.contracts import Column, Table, landing_objects, read_tables
from dagster_project.ingest.files.drop import land_file_drop
from dagster_project.ingest.landing import write_empty_file
from dagster_project.settings import DBT_DIR

LOADED_AT = dt.datetime(2026, 10, 1, 6)
CONTRACTS = {
    name: table for name, table in read_tables(DBT_DIR / "models" / "bronze").items() if name.startswith("files__")
}  # fmt: skip
STAND_INS = (
    "1900-01-01", "1970-01-01", "9999-12-31", "2099-12-31", "0000-00-00", "0001-01-01", "1899-12-30", "2999-12-31",
)  # fmt: skip
BIRTH_STAND_INS = tuple(day for day in STAND_INS if day != "1970-01-01")  # see test_birth_dates
WRITTEN = (
    "{}", "{} 00:00:00", "{}T00:00:00Z", "{} 23:59:59", "{}T23:59:59.999Z", "{}T00:00:00+02:00",
    "{}T23:59:59-05:00", "dots", "slashes",
)  # fmt: skip
ROW_COUNT = 150


class Row(NamedTuple):
    """One line of a file: its cells, which of them stand for no date, and which are empty."""

    cells: dict[str, str]
    stand_ins: set[str]
    empty: set[str]


def dates_of(table: Table) -> list[Column]:
    return [column for column in table.columns if column.data_type in ("date", "timestamp")]


def filler(column: Column, number: int) -> str:
    """Something right for a column that is no date."""
    if column.data_type == "text":
        return str(column.rules["accepted"][0]) if "accepted" in column.rules else f"{column.name}{number}"
    return {"boolean": "yes", "bigint": str(number)}.get(column.data_type, "5")


def written(day: str, form: str) -> str:
    year, month, number = day.split("-")
    if form == "dots":
        return f"{number}.{month}.{year}"
    return f"{number}/{month}/{year}" if form == "slashes" else form.format(day)


def random_row(table: Table, number: int, draw: random.Random) -> Row:
    """Every other row has at most one cell of a date that is no day."""
    dates = dates_of(table)
    cells = {
        column.source: filler(column, number)
        for column in table.columns
        if column not in dates and (column.not_null or column.name in table.grain)
    }
    odd = [draw.choice(dates)] if number % 2 else [column for column in dates if draw.random() < 0.5]
    stand_ins, empty = set(), set()
    for column in dates:
        if column not in odd:
            cells[column.source] = str(dt.date(2020, 1, 1) + dt.timedelta(draw.randrange(2000)))
        elif draw.random() < 0.2:
            cells[column.source] = ""
            empty.add(column.name)
        else:
            stand_in = draw.choice(BIRTH_STAND_INS if "born" in column.rules else STAND_INS)
            cells[column.source] = written(stand_in, draw.choice(WRITTEN))
            stand_ins.add(column.name)
    return Row(cells, stand_ins, empty)


def random_file(name: str) -> list[Row]:
    draw = random.Random(name)
    return [random_row(CONTRACTS[name], number, draw) for number in range(ROW_COUNT)]


WITH_DATES = [name for name, table in CONTRACTS.items() if dates_of(table)]


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    data_dir: Path = tmp_path_factory.mktemp("stand-ins")
    inbox = data_dir / "inbox"
    inbox.mkdir()
    for name in WITH_DATES:
        rows = random_file(name)
        with (inbox / f"{name.removeprefix('files__')}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[0].cells)
            writer.writeheader()
            writer.writerows(row.cells for row in rows)
    for name, columns in landing_objects().items():
        write_empty_file(data_dir / "landing", *name.split("__", 1), columns)
    land_file_drop(inbox, data_dir / "landing", LOADED_AT, "USD")
    run_dbt(data_dir, "build", "--select", "currency_rates", *WITH_DATES)
    with duckdb.connect(str(data_dir / "warehouse.duckdb"), read_only=True) as connection:
        yield connection


def must_have(table: Table, column: Column) -> bool:
    """What must have happened; an end or a solution that is still to come need not."""
    return column.not_null and "happened" in column.rules


@pytest.mark.parametrize("name", WITH_DATES)
def test_a_stand_in_costs_its_value_or_a_row_that_cannot_do_without(
    warehouse: duckdb.DuckDBPyConnection, name: str
):
    table = CONTRACTS[name]
    found: dict[int, dict[str, Any]] = {
        row["_source_line"]: row for row in warehouse.execute(f"from bronze.{name}").pl().to_dicts()
    }
    refused = dict(warehouse.execute(f"select source_line, reason from quarantine.{name}").fetchall())
    assert len(found) + len(refused) == ROW_COUNT
    assert found
    for line, row in enumerate(random_file(name), start=2):
        missing = {
            column.name
            for column in dates_of(table)
            if (column.name in row.stand_ins and must_have(table, column))
            or (column.name in row.empty and column.not_null)
        }
        told = {f"{column}: " for column in row.stand_ins}
        if missing:
            assert line in refused, (row, found.get(line))
            assert all(f"{column}: " in refused[line] for column in missing)
            says = refused[line]
        else:
            assert line in found, (row, refused.get(line))
            assert {column.name for column in dates_of(table) if found[line][column.name] is None} == (
                row.stand_ins | row.empty
            )
            says = found[line]["_faults"] or ""
        assert says.count("is a stand-in for no date") == len(told), says
        assert all(words in says for words in told)
        assert "is not a" not in says
        assert "between the years" not in says
        assert "is before 1990" not in says


def test_each_fate_is_tried_in_every_object(warehouse: duckdb.DuckDBPyConnection):
    for name in WITH_DATES:
        columns = dates_of(CONTRACTS[name])
        tried = {column.name: 0 for column in columns}
        for row in random_file(name):
            for column in row.stand_ins:
                tried[column] += 1
        assert min(tried.values()) > 20, (name, tried)
