"""Birth dates that stand for none: told from people by how often a file has them, from the inbox to bronze."""

import csv
import datetime as dt
from collections import Counter
from pathlib import Path

import duckdb
import pytest
from dbt_in_process import run_dbt

from dagster_project.contracts import landing_objects
from dagster_project.ingest.files.drop import land_file_drop
from dagster_project.ingest.landing import write_empty_file

EPOCH, NEVER, DEFAULT = "1970-01-01", "1900-01-01", "1980-01-01"


def kept(data_dir: Path, birth_dates: list[str]) -> tuple[Counter[str | None], int]:
    """The birth dates in bronze of a file of customers, and how many rows say that theirs stands for none."""
    inbox = data_dir / "inbox"
    inbox.mkdir()
    with (inbox / "customers.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["customer_ref", "kind", "created_at", "birth_date"])
        writer.writerows(
            [f"c{number}", "person", "2026-01-01", date] for number, date in enumerate(birth_dates)
        )
    for name, columns in landing_objects().items():
        write_empty_file(data_dir / "landing", *name.split("__", 1), columns)
    land_file_drop(inbox, data_dir / "landing", dt.datetime(2026, 10, 1, 6), "USD")
    run_dbt(data_dir, "build", "--select", "currency_rates", "files__customers")
    with duckdb.connect(str(data_dir / "warehouse.duckdb"), read_only=True) as connection:
        rows = connection.execute("select birth_date::text, _faults from bronze.files__customers").fetchall()
    assert len(rows) == len(birth_dates)
    return Counter(date for date, _ in rows), sum("birth_date: " in (faults or "") for _, faults in rows)


def people(count: int) -> list[str]:
    """Birth dates of so many people, each another one of the sixties and later."""
    first = dt.date(1961, 3, 1)
    days = (first + dt.timedelta(days=5 * number) for number in range(count * 2))
    return [str(day) for day in days if str(day) not in (EPOCH, DEFAULT)][:count]


@pytest.mark.parametrize(
    ("people_count", "epoch_count", "default_count", "epoch_is_kept", "default_is_kept"),
    [
        (18, 2, 19, True, True),  # too few to say more than chance does, in however small a file
        (377, 3, 20, False, False),
        (3_000, 3, 31, True, False),  # 0.1 % of the birth dates are 3.04, 1 % are 30.4
        (3_000, 4, 29, False, True),
    ],
)
def test_a_birth_date_that_is_written_again_and_again_is_nobodys(
    tmp_path: Path,
    people_count: int,
    epoch_count: int,
    default_count: int,
    epoch_is_kept: bool,
    default_is_kept: bool,
):
    others = people(people_count)
    found, told = kept(
        tmp_path, [*others, *[EPOCH] * epoch_count, *[DEFAULT] * default_count, NEVER, "", "1970-01-02"]
    )
    assert found[EPOCH] == (epoch_count if epoch_is_kept else 0)
    assert found[DEFAULT] == (default_count if default_is_kept else 0)
    assert found[NEVER] == 0
    assert found["1970-01-02"] == 1
    assert all(found[day] == 1 for day in others)
    lost = (not epoch_is_kept) * epoch_count + (not default_is_kept) * default_count + 1
    assert told == lost
    assert found[None] == lost + 1
