"""A simulated shop: customers who come, buy at random while they are alive, and leave unseen; with known truth."""

import datetime as dt
from dataclasses import dataclass

import numpy as np
import polars as pl

FIRST_DAY = dt.date(2023, 10, 1)
LAST_DAY = dt.date(2026, 9, 30)
DAYS = (LAST_DAY - FIRST_DAY).days


@dataclass(frozen=True)
class Shop:
    """Days with purchases, the customers' features as far as value models read them, and who is alive at the end."""

    purchase_days: pl.DataFrame
    features: pl.DataFrame
    is_alive: dict[str, bool]


def simulated_shop(customer_count: int, seed: int, mean_spend: float = 40.0) -> Shop:
    """Three years of a shop up to `LAST_DAY`; purchases after it are there too, for a year.

    Args:
        customer_count: Customers; they come evenly over the first two years and a half.
        seed: Of all draws.
        mean_spend: Mean of all purchases.
    """
    rng = np.random.default_rng(seed)
    came = rng.integers(0, int(DAYS * 0.83), customer_count)
    gap = 1 / rng.gamma(1.2, 1 / 40.0, customer_count)  # days
    left = came + rng.exponential(rng.gamma(2.0, 350.0, customer_count))
    nu = rng.gamma(4.0, 1 / (mean_spend * 3 / 6.0), customer_count)
    rows: list[tuple[str, int, float]] = []
    for who in range(customer_count):
        day = float(came[who])
        while day <= DAYS + 365 and (day <= left[who] or day == came[who]):
            rows.append((f"b{who:05d}", int(day), round(float(rng.gamma(6.0) / nu[who]), 2)))
            day += float(rng.exponential(gap[who]))
    purchase_days = (
        pl.DataFrame(rows, schema=["customer_id", "day", "spend"], orient="row")
        .select(
            "customer_id",
            purchase_date=pl.lit(FIRST_DAY) + pl.duration(days=pl.col("day")),
            gross_spend_amount=pl.col("spend").cast(pl.Decimal(18, 2)),
        )
        .group_by("customer_id", "purchase_date")
        .agg(pl.col("gross_spend_amount").sum(), purchase_count=pl.len().cast(pl.Int64))
        .sort("customer_id", "purchase_date")
    )
    known = purchase_days.filter(pl.col("purchase_date") <= LAST_DAY)
    features = (
        known.group_by("customer_id", maintain_order=True)
        .agg(spend_amount=pl.col("gross_spend_amount").sum())
        .with_columns(as_of_date=pl.lit(LAST_DAY), has_ever_subscribed=pl.lit(False))
    )
    alive = {f"b{who:05d}": bool(left[who] > DAYS) for who in range(customer_count)}
    return Shop(purchase_days, features, alive)
