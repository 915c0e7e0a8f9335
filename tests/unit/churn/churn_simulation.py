"""Simulated subscribers whose chance of leaving is known, in the columns of `customer_feature_snapshots`."""

import datetime as dt

import numpy as np
import polars as pl
from contract_schemas import contract_schema

HORIZON_DAYS = 90
FIRST_SNAPSHOT = dt.date(2024, 1, 31)


def empty_snapshots() -> pl.DataFrame:
    return pl.DataFrame(schema=contract_schema("silver", "customer_feature_snapshots"))


def month_ends(count: int) -> list[dt.date]:
    first, last = FIRST_SNAPSHOT.replace(day=1), dt.date(2040, 1, 1)
    starts = pl.date_range(first, last, interval="1mo", eager=True)
    return starts.head(count).dt.month_end().to_list()


def simulate_snapshots(
    customer_count: int, snapshot_count: int, seed: int, signal: float = 1.0, base: float = -2.6
) -> pl.DataFrame:
    """Month-end snapshots with labels, and the true probability in `true_probability`.

    Each snapshot draws new behaviour around a customer's own habit; churn is an independent draw per row, so
    that nobody is missing later: the truth of a row depends on its features alone.
    """
    random = np.random.default_rng(seed)
    days = month_ends(snapshot_count)
    rows = customer_count * snapshot_count
    habit = np.tile(random.beta(2, 2, customer_count), snapshot_count)
    active = random.binomial(30, habit)
    before = random.binomial(30, habit)
    failed = random.poisson(0.2, rows)
    rating = np.where(random.random(rows) < 0.5, random.integers(1, 6, rows), np.nan)
    notice = random.random(rows) < 0.02
    seats = np.tile(random.integers(1, 60, customer_count), snapshot_count)
    score = base + signal * (
        -0.10 * (active - 15) + 0.9 * failed + 0.5 * (3 - np.nan_to_num(rating, nan=3.0)) + 3.0 * notice
    )
    true = 1 / (1 + np.exp(-score))
    frame = pl.DataFrame(
        {
            "customer_id": np.tile([f"c{number:05d}" for number in range(customer_count)], snapshot_count),
            "as_of_date": np.repeat(np.array(days, dtype="datetime64[D]"), customer_count),
            "kind": "organization",
            "is_subscriber": True,
            "plan": random.choice(["Starter", "Growth", "Scale"], rows),
            "billing_interval": random.choice(["month", "year"], rows),
            "mrr_amount": seats * 20.0,
            "mrr_90_days_ago_amount": seats * 20.0,
            "seat_count": seats,
            "seat_90_days_ago_count": seats,
            "has_usage_data": True,
            "subscription_tenure_days": random.integers(1, 900, rows),
            "active_day_last_30_days_count": active,
            "active_day_prior_30_days_count": before,
            "usage_event_last_30_days_count": active * 7,
            "usage_event_prior_30_days_count": before * 7,
            "error_last_30_days_count": random.poisson(1, rows),
            "failed_payment_last_90_days_count": failed,
            "csat_last_180_days_rating": rating,
            "is_cancel_at_period_end": notice,
            "ticket_last_90_days_count": random.poisson(1, rows),
            "nps_rating": random.integers(0, 11, rows).astype(float),
            "is_churned": random.random(rows) < true,
            "true_probability": true,
        }
    ).with_columns(
        pl.col("csat_last_180_days_rating").fill_nan(None),
        label_known_date=pl.col("as_of_date").cast(pl.Date) + pl.duration(days=HORIZON_DAYS),
    )
    return (
        pl.concat(
            [empty_snapshots(), frame.drop("true_probability").select(_in_contract(frame))], how="diagonal"
        )
        .with_columns(frame["true_probability"])
        .sort("as_of_date", "customer_id")
    )


def _in_contract(frame: pl.DataFrame) -> list[pl.Expr]:
    types = contract_schema("silver", "customer_feature_snapshots")
    return [pl.col(name).cast(types[name]) for name in frame.columns if name in types]


def as_features(snapshots: pl.DataFrame, as_of_date: dt.date) -> pl.DataFrame:
    """The rows of one day as `customer_features`: without labels and truth."""
    return snapshots.filter(pl.col("as_of_date") == as_of_date).drop(
        "is_churned", "label_known_date", "true_probability"
    )
