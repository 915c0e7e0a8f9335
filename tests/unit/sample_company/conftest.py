"""One sample company of 200 customers, landed once for all tests of this folder."""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from dagster_project.sample_company import land_sample_company

LAST_DATE = dt.date(2026, 9, 30)


@dataclass(frozen=True)
class Landed:
    landing_dir: Path
    truth_dir: Path
    written: dict[str, int]

    def rows(self, name: str) -> pl.DataFrame:
        system, _, object_name = name.partition("__")
        return pl.read_parquet(self.landing_dir / system / object_name / "*.parquet")

    def sound(self, name: str) -> pl.DataFrame:
        """Rows as they were meant: without broken and repeated ones, in order of delivery."""
        rows = self.rows(name).drop(
            "_source_line", "_source_file", "_loaded_at", "_reject_column", "_reject_reason"
        )
        id_column = pl.col(rows.columns[0])
        is_text = rows.schema[rows.columns[0]] == pl.String
        whole = ~id_column.str.ends_with("_broken") if is_text else id_column < 10**15
        return rows.filter(whole).unique(maintain_order=True)

    def truth(self, name: str) -> pl.DataFrame:
        return pl.read_parquet(self.truth_dir / f"{name}.parquet")


@pytest.fixture(scope="session")
def landed(tmp_path_factory: pytest.TempPathFactory) -> Landed:
    root = tmp_path_factory.mktemp("sample_company")
    written = land_sample_company(root / "landing", root / "truth", 200, LAST_DATE)
    return Landed(root / "landing", root / "truth", written)
