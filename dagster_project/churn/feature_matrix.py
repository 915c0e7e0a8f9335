"""The one list of what the churn model may look at, and how a frame of customers becomes a matrix.

Here: every model feature with the direction that is plain from cause. Not here: the matrix
(`flat_table.py`), the words
for people (`reason_texts.py`) and the learning (`model.py`). Identifiers, dates, labels and free attributes
such as country or industry never enter: they either leak, or have too many levels for the events there are.
"""

from dataclasses import dataclass
from typing import Literal

import polars as pl

INTERVAL_DAYS = {"day": 1, "week": 7, "month": 30, "quarter": 91, "year": 365}
PLAN = "plan"  # the price per seat stands in as the order of plans


@dataclass(frozen=True)
class ModelFeature:
    """One number that the model sees.

    Attributes:
        name: Name in the matrix.
        direction: 1 when more can only raise the risk, -1 when it can only lower it, 0 when cause does not
            say.
        value: How it is computed from a row of `customer_features`; null stays null.
    """

    name: str
    direction: Literal[-1, 0, 1]
    value: pl.Expr


def _number(column: str) -> pl.Expr:
    return pl.col(column).cast(pl.Float64)


def _column(name: str, direction: Literal[-1, 0, 1] = 0) -> ModelFeature:
    return ModelFeature(name, direction, _number(name))


def _share(part: str, whole: str) -> pl.Expr:
    """Part of a whole; null when there is no whole, so that 0/0 is 'unknown' and not 0."""
    return pl.when(_number(whole) > 0).then(_number(part) / _number(whole))


def _trend(now: str, before: str) -> pl.Expr:
    """Log ratio with 1 added to both, so that few counts give small trends and zero is allowed."""
    return ((_number(now).clip(0) + 1) / (_number(before).clip(0) + 1)).log()


MODEL_FEATURES: tuple[ModelFeature, ...] = (
    ModelFeature("is_organization", 0, (pl.col("kind") == "organization").cast(pl.Float64)),
    _column("employee_count"),
    _column("tenure_days"),
    _column("subscription_tenure_days"),
    _column("renewal_count"),
    _column("mrr_amount"),
    ModelFeature("mrr_per_seat_amount", 0, _share("mrr_amount", "seat_count")),
    ModelFeature("mrr_change_share", -1, _share("mrr_amount", "mrr_90_days_ago_amount") - 1),
    ModelFeature("seat_change_share", -1, _share("seat_count", "seat_90_days_ago_count") - 1),
    _column("seat_count"),
    _column("active_subscription_count", -1),
    _column("ended_subscription_count"),
    ModelFeature(
        "billing_interval_days",  # ordinal by length: a longer commitment has fewer days on which to leave
        0,
        pl.col("billing_interval").replace_strict(INTERVAL_DAYS, default=None, return_dtype=pl.Float64),
    ),
    _column("days_until_renewal"),
    _column("is_cancel_at_period_end", 1),
    _column("failed_payment_last_90_days_count", 1),
    ModelFeature("open_invoice_months", 1, _share("open_invoice_amount", "mrr_amount")),
    ModelFeature("spend_trend", 0, _trend("spend_last_90_days_amount", "spend_prior_90_days_amount")),
    _column("days_since_last_purchase"),
    _column("has_usage_data"),
    _column("days_since_last_usage", 1),
    _column("active_day_last_30_days_count", -1),
    _column("active_week_last_12_weeks_count", -1),
    ModelFeature(
        "active_day_trend",
        -1,
        _trend("active_day_last_30_days_count", "active_day_prior_30_days_count"),
    ),
    ModelFeature(
        "usage_event_trend",
        -1,
        _trend("usage_event_last_30_days_count", "usage_event_prior_30_days_count"),
    ),
    _column("usage_event_last_30_days_count"),
    _column("active_user_last_30_days_count", -1),
    ModelFeature("active_user_per_seat", -1, _share("active_user_last_30_days_count", "seat_count")),
    _column("feature_last_30_days_count", -1),
    ModelFeature("error_per_event", 1, _share("error_last_30_days_count", "usage_event_last_30_days_count")),
    _column("ticket_last_90_days_count"),
    _column("open_ticket_count"),
    _column("escalated_ticket_last_90_days_count", 1),
    _column("csat_last_180_days_rating", -1),
    _column("ticket_sentiment_last_180_days_polarity", -1),
    _column("nps_rating", -1),
    _column("days_since_last_survey"),
    _column("message_last_180_days_count"),
    ModelFeature(
        "message_opened_share",
        0,
        _share("message_opened_last_180_days_count", "message_last_180_days_count"),
    ),
    _column("web_visit_last_90_days_count"),
    _column("days_since_last_interaction", 1),
)


def feature_columns(frame: pl.DataFrame) -> pl.DataFrame:
    """What the model looks at of each row, in the order of `MODEL_FEATURES`, and the plan.

    Args:
        frame: Rows with the columns of `customer_features`; other columns are ignored.

    Returns:
        One Float64 column per feature and a word, row order kept, nulls kept.

    Raises:
        polars.exceptions.ColumnNotFoundError: A column of the contract is missing.
    """
    numbers = [feature.value.cast(pl.Float64).alias(feature.name) for feature in MODEL_FEATURES]
    return frame.select(*numbers, pl.col(PLAN).cast(pl.String))


def feature_directions() -> dict[str, int]:
    """By name of those that have a plain direction."""
    return {feature.name: feature.direction for feature in MODEL_FEATURES if feature.direction}
