"""Activity: how much customers do, where it goes, and who has been quiet for longer than is usual for them.

Here: trend, level of engagement and dormancy, and the rows of `customer_activity`. Not here: days, windows and gaps,
which SQL counts (`activity_features`).
"""

import numpy as np
import polars as pl

from dagster_project.value.gap_rhythm import GapRhythm
from dagster_project.value.maximum_likelihood import FloatArray, NotEnoughHistory

WINDOWS_DAYS = (7, 30, 90, 365)
COUNTS = tuple(f"{kind}_day_last_{days}_days_count" for kind in ("purchase", "use") for days in WINDOWS_DAYS)
FEATURES: dict[str, pl.DataType] = {
    "customer_id": pl.String(),
    "as_of_date": pl.Date(),
    "basis": pl.String(),
    "has_contract_ended": pl.Boolean(),
    **dict.fromkeys(COUNTS, pl.Int64()),
    "activity_day_count": pl.Int64(),
    "activity_span_days": pl.Int64(),
    "activity_gap_log_sum": pl.Float64(),
    "days_since_last_activity": pl.Int64(),
    "trend_week_count": pl.Int64(),
    "trend_day_count": pl.Int64(),
    "trend_weighted_day_count": pl.Int64(),
    "trend_squared_day_count": pl.Int64(),
}
"""The columns of `activity_features` that are read."""

BASES = ("purchases", "use")
QUIET_SHARE = 0.95
"""Quieter than this share of a customer's own gaps is dormant."""
FLOOR_DAYS = {"purchases": 14.0, "use": 7.0}
"""Nobody is dormant sooner: a week off is no sign, and two weeks without a purchase neither."""
MIN_WEEKS = 4
LEVELS = {"EXCEPTIONAL": 0.05, "HIGH": 0.25, "MEDIUM": 0.50}
"""The best share of the customers of a basis that a level ends at, by active days in 90; the rest is LOW."""

ACTIVITY_SCHEMA: dict[str, pl.DataType] = {
    "customer_id": pl.String(),
    "as_of_date": pl.Date(),
    "status": pl.String(),
    "basis": pl.String(),
    **dict.fromkeys(COUNTS, pl.Int64()),
    "activity_trend": pl.Float64(),
    "activity_trend_standard_error": pl.Float64(),
    "engagement_level": pl.String(),
    "days_since_last_activity": pl.Int64(),
    "usual_gap_days": pl.Float64(),
    "dormancy_threshold_days": pl.Float64(),
    "is_dormant": pl.Boolean(),
    "over_threshold_days": pl.Float64(),
}


def score_activity(features: pl.DataFrame) -> pl.DataFrame:
    """Trend, engagement and dormancy of every customer of a day.

    Activity is use for customers with a contract, whose bills come by themselves, and for those who use the product
    and have bought nothing; it is purchases for the others.

    Args:
        features: `activity_features` of the day; only the columns in `FEATURES` are read.

    Returns:
        The rows of `customer_activity`, sorted by customer.
    """
    customers = features.select(pl.col(name).cast(kind) for name, kind in FEATURES.items()).sort(
        "customer_id"
    )
    limits = pl.concat([_dormancy(customers.filter(pl.col("basis") == basis), basis) for basis in BASES])
    found = customers.join(limits, on="customer_id", how="left", validate="1:1").with_columns(_trend())
    status = (
        pl.when(pl.col("has_contract_ended").fill_null(False))
        .then(pl.lit("former"))
        .when(pl.col("activity_day_count") == 0)
        .then(pl.lit("never_active"))
        .when(pl.col("dormancy_threshold_days").is_null())
        .then(pl.lit("insufficient_data"))
        .when(pl.col("activity_day_count") == 1)
        .then(pl.lit("prior_only"))
        .otherwise(pl.lit("scored"))
    )
    is_judged = pl.col("status").is_in(["scored", "prior_only"])
    limit = pl.when(is_judged).then("dormancy_threshold_days")
    return (
        found.with_columns(status=status)
        .with_columns(
            engagement_level=_engagement_level(),
            usual_gap_days=pl.when(is_judged).then("usual_gap_days"),
            dormancy_threshold_days=limit,
            is_dormant=pl.col("days_since_last_activity") > limit,
            over_threshold_days=pl.col("days_since_last_activity") - limit,
        )
        .select(pl.col(name).cast(kind) for name, kind in ACTIVITY_SCHEMA.items())
    )


def dormancy_thresholds(
    model: GapRhythm, gap_counts: FloatArray, gap_total_days: FloatArray, floor_days: float
) -> FloatArray:
    """Days of quiet that only one in twenty gaps of each customer is longer than, shape (n,).

    Args:
        model: Of the gaps of all.
        gap_counts: Gaps between days with activity, shape (n,).
        gap_total_days: Their sum, shape (n,).
        floor_days: Nobody has a lower threshold.
    """
    return np.maximum(model.gap_quantile(QUIET_SHARE, gap_counts, gap_total_days), floor_days)


def _dormancy(customers: pl.DataFrame, basis: str) -> pl.DataFrame:
    """Threshold and median gap of the customers of a basis."""
    counts = (customers["activity_day_count"] - 1).clip(0).to_numpy().astype(np.float64)
    totals = customers["activity_span_days"].fill_null(0).to_numpy().astype(np.float64)
    log_sums = customers["activity_gap_log_sum"].fill_null(0.0).to_numpy()
    try:
        model = GapRhythm().fit(counts, totals, log_sums)
        threshold = dormancy_thresholds(model, counts, totals, FLOOR_DAYS[basis])
        usual = model.gap_quantile(0.5, counts, totals)
    except NotEnoughHistory:
        threshold = usual = np.full(len(counts), np.nan)
    return pl.DataFrame(
        {
            "customer_id": customers["customer_id"],
            "usual_gap_days": pl.Series(usual, dtype=pl.Float64).fill_nan(None).round(2),
            "dormancy_threshold_days": pl.Series(threshold, dtype=pl.Float64).fill_nan(None).round(2),
        }
    )


def _trend() -> list[pl.Expr]:
    """Slope of active days per week over the last whole weeks, and its standard error, by least squares.

    Of n weeks, numbered w = 0, 1, ... into the past, with y days each: `trend_day_count` is the sum of y,
    `trend_weighted_day_count` of w y, `trend_squared_day_count` of y^2.
    """
    weeks, total = pl.col("trend_week_count").cast(pl.Float64), pl.col("trend_day_count").cast(pl.Float64)
    spread = weeks * (weeks**2 - 1) / 12
    covariance = total * (weeks - 1) / 2 - pl.col("trend_weighted_day_count")
    slope = covariance / spread
    residual = pl.col("trend_squared_day_count") - total**2 / weeks - covariance * slope
    # Weeks that lie on a line leave a residual of 0, or a last digit below it.
    error = (residual.clip(0) / (weeks - 2) / spread).sqrt()
    is_known = pl.col("trend_week_count") >= MIN_WEEKS
    return [
        pl.when(is_known).then(slope).alias("activity_trend"),
        pl.when(is_known).then(error).alias("activity_trend_standard_error"),
    ]


def _engagement_level() -> pl.Expr:
    """The level by active days of the last 90 among the customers of the basis who were ever active and have not left.

    A tie that does not fit into a level goes below it, and who did nothing in 90 days is LOW.
    """
    days = (
        pl.when(pl.col("basis") == "use")
        .then("use_day_last_90_days_count")
        .otherwise("purchase_day_last_90_days_count")
    )
    counted = pl.when(~pl.col("status").is_in(["former", "never_active"])).then(days)
    share_as_good = (counted.rank("max", descending=True) / counted.count()).over("basis")
    level = (
        pl.when(counted.is_null()).then(pl.lit(None, dtype=pl.String)).when(counted == 0).then(pl.lit("LOW"))
    )
    for name, share in LEVELS.items():
        level = level.when(share_as_good <= share).then(pl.lit(name))
    return level.otherwise(pl.lit("LOW"))
