"""Buyers: from days with purchases to what the models of purchases read, as it was known at the end of any day.

Here: who counts as a buyer without a contract, histories, and spend of past windows. Not here: the models, and which
day is asked for.
"""

import datetime as dt
from dataclasses import dataclass

import numpy as np
import polars as pl

from dagster_project.value.maximum_likelihood import FloatArray

PURCHASE_DAYS = {
    "customer_id": pl.String(),
    "purchase_date": pl.Date(),
    "gross_spend_amount": pl.Decimal(18, 2),
}
"""The columns of `purchase_days` that are read."""

DAYS_PER_WEEK = 7


@dataclass(frozen=True)
class Buyers:
    """What is known of each buyer at the end of a day; all arrays in the order of `customer_ids`.

    Attributes:
        customer_ids: Sorted.
        repeat_count: Purchase days after the first.
        recency_weeks: Weeks from the first to the last purchase day.
        age_weeks: Weeks from the first purchase day to the day.
        spend_count: Purchase days behind `average_spend`: the repeat days, 0 where these were worth nothing. The first
            is left out of spend as it is of frequency: that is how the published estimates are made.
        average_spend: Mean spend of a repeat day, 0 where `spend_count` is.
    """

    customer_ids: pl.Series
    repeat_count: FloatArray
    recency_weeks: FloatArray
    age_weeks: FloatArray
    spend_count: FloatArray
    average_spend: FloatArray

    @property
    def histories(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """What models of purchases read."""
        return self.repeat_count, self.recency_weeks, self.age_weeks

    @property
    def spends(self) -> tuple[FloatArray, FloatArray]:
        """What Gamma-Gamma reads."""
        return self.spend_count, self.average_spend

    def __len__(self) -> int:
        return len(self.customer_ids)


def purchases_without_contract(
    purchase_days: pl.DataFrame, features: pl.DataFrame, day: dt.date
) -> pl.DataFrame:
    """Purchase days up to a day of the customers who never had a paid subscription.

    The bills of a subscription follow from its contract, not from a decision to buy.

    Args:
        purchase_days: Rows of `purchase_days`; only the columns in `PURCHASE_DAYS` are read.
        features: `customer_features` of the day: `customer_id` and `has_ever_subscribed`.
        day: The last day that counts.

    Returns:
        `customer_id`, `purchase_date` and `spend`, sorted.
    """
    without_contract = features.filter(~pl.col("has_ever_subscribed").fill_null(False)).select(
        pl.col("customer_id").cast(pl.String)
    )
    return (
        purchase_days.select(pl.col(name).cast(kind) for name, kind in PURCHASE_DAYS.items())
        .filter(pl.col("purchase_date") <= day)
        .join(without_contract, on="customer_id", how="semi")
        .select("customer_id", "purchase_date", spend=pl.col("gross_spend_amount").cast(pl.Float64))
        .sort("customer_id", "purchase_date")
    )


def buyers_at(purchases: pl.DataFrame, day: dt.date) -> Buyers:
    """Histories at the end of a day.

    Args:
        purchases: Result of `purchases_without_contract`; what is later than the day is not looked at.
        day: The day.
    """
    first = pl.col("purchase_date").first()
    histories = (
        purchases.filter(pl.col("purchase_date") <= day)
        .group_by("customer_id", maintain_order=True)
        .agg(
            repeat_count=pl.len() - 1,
            span_days=(pl.col("purchase_date").last() - first).dt.total_days(),
            age_days=(pl.lit(day) - first).dt.total_days(),
            repeat_spend=pl.col("spend").slice(1).sum(),
        )
    )
    repeats = histories["repeat_count"].to_numpy().astype(np.float64)
    repeat_spend = histories["repeat_spend"].to_numpy()
    has_spend = (repeats > 0) & (repeat_spend > 0)
    return Buyers(
        histories["customer_id"],
        repeats,
        histories["span_days"].to_numpy() / DAYS_PER_WEEK,
        histories["age_days"].to_numpy() / DAYS_PER_WEEK,
        np.where(has_spend, repeats, 0.0),
        np.where(has_spend, repeat_spend / np.maximum(repeats, 1), 0.0),
    )


def bought_within(
    purchases: pl.DataFrame, customer_ids: pl.Series, after: dt.date, until: dt.date
) -> tuple[FloatArray, FloatArray]:
    """Purchase days and spend of customers in the days after `after` up to `until`, shape (n,) each."""
    within = (
        purchases.filter(pl.col("purchase_date") > after, pl.col("purchase_date") <= until)
        .group_by("customer_id")
        .agg(day_count=pl.len(), spend=pl.col("spend").sum())
    )
    found = pl.DataFrame({"customer_id": customer_ids}).join(
        within, on="customer_id", how="left", validate="1:1", maintain_order="left"
    )
    return (
        found["day_count"].fill_null(0).to_numpy().astype(np.float64),
        found["spend"].fill_null(0.0).to_numpy().astype(np.float64),
    )
