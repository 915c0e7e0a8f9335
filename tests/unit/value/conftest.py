"""Feature frames for the value tests: a builder with defaults, and the published CDNOW purchases."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from benchmarks import yardsticks
from dagster_project.value import clv, rfm

AS_OF_DATE = dt.date(2026, 9, 30)
CDNOW_CUT_DATE = dt.date(1997, 9, 30)

SCHEMA = rfm.FEATURES | clv.FEATURES


@pytest.fixture
def make_features() -> Callable[..., pl.DataFrame]:
    """Build `customer_features` rows from columns; what is not given is null, ids count from c0000."""

    def build(row_count: int, **columns: Any) -> pl.DataFrame:
        given = {
            "customer_id": [f"c{i:04d}" for i in range(row_count)],
            "as_of_date": [AS_OF_DATE] * row_count,
        }
        missing = {name: [None] * row_count for name in SCHEMA}
        frame = pl.DataFrame(missing | given | columns, strict=False)
        return frame.select(pl.col(name).cast(dtype) for name, dtype in SCHEMA.items())

    return build


@pytest.fixture(scope="session")
def cdnow_purchase_days() -> pl.DataFrame:
    """One row per customer and purchase day of the CDNOW cohort: 23,570 customers, 18 months."""
    path = yardsticks.DATA_DIR / yardsticks.CDNOW_FILE
    if not path.exists():
        pytest.skip("the CDNOW purchases are third-party data and are not there: shared/data/cdnow")
    return yardsticks.cdnow_purchase_days(path).rename(
        {"purchase_date": "day", "gross_spend_amount": "amount"}
    )


@pytest.fixture(scope="session")
def cdnow_features(cdnow_purchase_days: pl.DataFrame) -> pl.DataFrame:
    """The cohort's features at the end of its first 39 weeks."""
    features = (
        cdnow_purchase_days.filter(pl.col("day") <= CDNOW_CUT_DATE)
        .group_by("customer_id", maintain_order=True)
        .agg(
            purchase_count=pl.len().cast(pl.Int64),
            purchase_day_count=pl.len().cast(pl.Int64),
            days_since_first_purchase=(pl.lit(CDNOW_CUT_DATE) - pl.col("day").min()).dt.total_days(),
            days_since_last_purchase=(pl.lit(CDNOW_CUT_DATE) - pl.col("day").max()).dt.total_days(),
            purchase_span_days=(pl.col("day").max() - pl.col("day").min()).dt.total_days(),
            spend_amount=pl.col("amount").sum(),
            gross_spend_amount=pl.col("amount").sum(),
            first_day_spend_amount=pl.col("amount").first(),
        )
        .with_columns(
            as_of_date=pl.lit(CDNOW_CUT_DATE),
            has_ever_subscribed=pl.lit(False),
            is_subscriber=pl.lit(False),
            subscribed_days=pl.lit(None, dtype=pl.Int64),
            unseen_subscribed_days=pl.lit(None, dtype=pl.Int64),
            mrr_amount=pl.lit(None, dtype=pl.Decimal(18, 2)),
            paused_mrr_amount=pl.lit(None, dtype=pl.Decimal(18, 2)),
            days_until_resumption=pl.lit(None, dtype=pl.Int64),
            days_until_renewal=pl.lit(None, dtype=pl.Int64),
            is_cancel_at_period_end=pl.lit(None, dtype=pl.Boolean),
        )
    )
    return features.with_columns(pl.col(name).cast(dtype) for name, dtype in SCHEMA.items())
