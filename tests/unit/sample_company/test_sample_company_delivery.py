import datetime as dt
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from dagster_project.contracts import landing_contract
from dagster_project.sample_company import SampleCompanyMismatch, land_sample_company
from dagster_project.sample_company.delivery import POLARS_TYPES, RECORDS

META = ["_source_file", "_source_line", "_loaded_at", "_reject_column", "_reject_reason"]


def everything(landing_dir: Path) -> dict[str, pl.DataFrame]:
    found = {}
    for name in RECORDS:
        system, _, object_name = name.partition("__")
        if (landing_dir / system / object_name).exists():
            rows = pl.read_parquet(landing_dir / system / object_name / "*.parquet").drop(META)
            found[name] = rows.sort(pl.all(), nulls_last=True)
    return found


def assert_same(left: dict[str, pl.DataFrame], right: dict[str, pl.DataFrame]) -> None:
    assert left.keys() == right.keys()
    for name, frame in left.items():
        assert_frame_equal(frame, right[name])


def test_landing_columns_and_types_are_those_of_the_bronze_contracts(landed):
    """The company has no use for some objects and fields of live systems, but for all that are required."""
    for name in RECORDS:
        contract = landing_contract(name)
        delivered = list(landed.rows(name).drop(META).schema.items())
        fields = [(field.name, POLARS_TYPES[field.landing_type]) for field in contract.fields]
        assert delivered == [field for field in fields if field in delivered], name
        assert {field.name for field in contract.fields if field.is_required} <= dict(delivered).keys(), name


def test_written_counts_are_the_rows_of_the_files(landed):
    assert landed.written == {name: landed.rows(name).height for name in RECORDS}
    assert min(landed.written.values()) > 0


@pytest.mark.parametrize("first", [dt.date(2024, 10, 4), dt.date(2025, 4, 1), dt.date(2025, 12, 30)])
def test_days_landed_one_by_one_equal_all_landed_at_once(tmp_path, first):
    last = first + dt.timedelta(days=3)
    land_sample_company(tmp_path / "daily", tmp_path / "truth_daily", 60, first)
    before = {path: path.read_bytes() for path in (tmp_path / "daily").rglob("*.parquet")}
    for step in range(1, 4):
        land_sample_company(tmp_path / "daily", tmp_path / "truth_daily", 60, first + dt.timedelta(days=step))
    land_sample_company(tmp_path / "once", tmp_path / "truth_once", 60, last)
    assert_same(everything(tmp_path / "daily"), everything(tmp_path / "once"))
    assert all(path.read_bytes() == content for path, content in before.items())
    for path in sorted((tmp_path / "truth_once").iterdir()):
        assert_frame_equal(pl.read_parquet(path), pl.read_parquet(tmp_path / "truth_daily" / path.name))


def test_several_days_in_one_call_get_a_batch_each(tmp_path):
    land_sample_company(tmp_path / "landing", tmp_path / "truth", 60, dt.date(2025, 3, 10))
    land_sample_company(tmp_path / "landing", tmp_path / "truth", 60, dt.date(2025, 3, 13))
    names = sorted(path.stem for path in (tmp_path / "landing" / "product" / "events").iterdir())
    assert names == ["2025-03-10", "2025-03-11", "2025-03-12", "2025-03-13"]
    batch = pl.read_parquet(tmp_path / "landing" / "product" / "events" / "2025-03-12.parquet")
    assert batch["_loaded_at"].unique().to_list() == [dt.datetime(2025, 3, 13, 0, 30)]


def test_the_same_seed_gives_the_same_rows_and_another_seed_gives_others(tmp_path):
    date = dt.date(2025, 2, 1)
    for folder, seed in (("a", 1), ("b", 1), ("c", 2)):
        land_sample_company(tmp_path / folder, tmp_path / f"truth_{folder}", 50, date, seed)
    assert_same(everything(tmp_path / "a"), everything(tmp_path / "b"))
    names = [pl.read_parquet(tmp_path / f / "salesforce" / "accounts")["Name"].to_list() for f in "ac"]
    assert names[0] != names[1]


def test_an_earlier_or_equal_day_lands_nothing(tmp_path):
    land_sample_company(tmp_path / "landing", tmp_path / "truth", 50, dt.date(2024, 10, 20))
    for date in (dt.date(2024, 10, 20), dt.date(2024, 10, 5)):
        assert not any(land_sample_company(tmp_path / "landing", tmp_path / "truth", 50, date).values())


def test_a_landing_that_broke_off_is_finished_first(tmp_path):
    landing = tmp_path / "landing"
    land_sample_company(landing, tmp_path / "truth", 50, dt.date(2024, 11, 5))
    progress = (landing / "_sample_company.json").read_text()
    (landing / "_sample_company.json").write_text(
        progress.replace('"through_date": "2024-11-05"', '"through_date": null').replace(
            '"pending": null', '"pending": "2024-11-05"'
        )
    )
    (landing / "stripe" / "charges" / "2024-11-05.parquet").unlink()
    land_sample_company(landing, tmp_path / "truth", 50, dt.date(2024, 11, 6))
    land_sample_company(tmp_path / "once", tmp_path / "truth", 50, dt.date(2024, 11, 6))
    assert_same(everything(landing), everything(tmp_path / "once"))


@pytest.mark.parametrize(("count", "seed"), [(51, 20240930), (50, 7)])
def test_another_size_or_seed_is_refused_in_one_line(tmp_path, count, seed):
    land_sample_company(tmp_path / "landing", tmp_path / "truth", 50, dt.date(2024, 10, 2))
    with pytest.raises(SampleCompanyMismatch, match="CUSTINT_SAMPLE_CUSTOMERS") as caught:
        land_sample_company(tmp_path / "landing", tmp_path / "truth", count, dt.date(2024, 10, 3), seed)
    message = str(caught.value)
    assert "\n" not in message and str(count) in message and "50" in message and "CUSTINT_DATA_DIR" in message


def test_a_day_before_the_history_is_refused(tmp_path):
    with pytest.raises(ValueError, match="2024-10-01"):
        land_sample_company(tmp_path / "landing", tmp_path / "truth", 50, dt.date(2024, 9, 30))
    assert not (tmp_path / "landing").exists()
