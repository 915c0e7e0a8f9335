"""What is published of the models of purchases, on data that everybody can get; skipped where these are not."""

import polars as pl
import pytest

from benchmarks.yardsticks import (
    CDNOW_FILE,
    DATA_DIR,
    cdnow_measures,
    cdnow_next_purchase,
    cdnow_purchase_days,
    cdnow_purchases,
    cdnow_yardsticks,
)


@pytest.fixture(scope="module")
def purchase_days() -> pl.DataFrame:
    if not (DATA_DIR / CDNOW_FILE).exists():
        pytest.skip("the CDNOW purchases are third-party data and are not there: shared/data/cdnow")
    return cdnow_purchase_days(DATA_DIR / CDNOW_FILE)


def test_39_weeks_of_cdnow_are_foretold_as_well_as_published(purchase_days: pl.DataFrame) -> None:
    measures = cdnow_measures(cdnow_purchases(purchase_days))
    missed = [f"{each.name}: {each.value:.3f}" for each in cdnow_yardsticks(measures) if not each.is_met]
    assert missed == []
    assert max(found["normalised_gini"] for found in measures.values()) > 0.6


def test_four_of_five_intervals_of_the_next_purchase_hold_what_came(purchase_days: pl.DataFrame) -> None:
    missed = [
        f"{each.name}: {each.value:.3f}" for each in cdnow_next_purchase(purchase_days) if not each.is_met
    ]
    assert missed == []
