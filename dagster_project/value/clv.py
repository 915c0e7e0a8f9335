"""Customer lifetime value: which model values which customer, and the rows that come of it.

Here: from features to the models and back to the rows of `customer_clv` and `clv_model_parameters`. Not here:
the models (`bg_nbd.py`, `gamma_gamma.py`, `survival.py`) and how purchases and subscriptions become features
(dbt).
"""

import datetime as dt
from collections.abc import Iterable

import numpy as np
import polars as pl

from dagster_project.value.bg_nbd import BetaGeoModel
from dagster_project.value.gamma_gamma import GammaGammaModel
from dagster_project.value.maximum_likelihood import NotEnoughHistory
from dagster_project.value.survival import SubscriberSurvival

FEATURES = {
    "customer_id": pl.String(),
    "as_of_date": pl.Date(),
    "purchase_day_count": pl.Int64(),
    "days_since_first_purchase": pl.Int64(),
    "purchase_span_days": pl.Int64(),
    "spend_amount": pl.Decimal(18, 2),
    "gross_spend_amount": pl.Decimal(18, 2),
    "first_day_spend_amount": pl.Decimal(18, 2),
    "has_ever_subscribed": pl.Boolean(),
    "is_subscriber": pl.Boolean(),
    "subscribed_days": pl.Int64(),
    "unseen_subscribed_days": pl.Int64(),
    "mrr_amount": pl.Decimal(18, 2),
}
"""The columns of `customer_features` that are read."""

HORIZON_DAYS = 365
SURVIVAL_DAYS = (30, 90, 180, 365, 730, 1095)
"""Tenures at which the survival curve is reported."""

_SCORE_SCHEMA = {
    "customer_id": pl.String(),
    "model": pl.String(),
    "predicted_clv_amount": pl.Decimal(18, 2),
    "probability_alive": pl.Float64(),
    "expected_purchases": pl.Float64(),
}
_PARAMETER_SCHEMA = {
    "model": pl.String(),
    "parameter": pl.String(),
    "estimate": pl.Float64(),
    "standard_error": pl.Float64(),
    "log_likelihood": pl.Float64(),
    "customer_count": pl.Int64(),
}


def score_clv(features: pl.DataFrame, gross_margin_share: float) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Value every customer over the next 365 days.

    - A customer who has or had a paid subscription is valued by subscriber survival: mrr_amount times margin
      for each of the next twelve months, weighted with the chance to be subscribed at its end; 0 when the
      subscription has ended.
    - Any other customer with a paid purchase is valued by BG/NBD and Gamma-Gamma: expected purchase days
      times expected spend per purchase day times margin. Purchases of one day are one purchase; refunds are
      not modelled.
    - The others, and all customers of a model that has too little history to learn from, have
      `insufficient_data`.

    Args:
        features: Rows of `customer_features` of one as_of_date; only the columns in `FEATURES` are read.
        gross_margin_share: Share of revenue that is margin, 0 to 1.

    Returns:
        The rows of `customer_clv`, sorted by customer_id, and of `clv_model_parameters`, sorted by model and
        parameter.

    Raises:
        ValueError: gross_margin_share is not a share, or the features are of several days.
    """
    if not 0 <= gross_margin_share <= 1:
        raise ValueError(f"gross_margin_share must be between 0 and 1, not {gross_margin_share}")
    customers = features.select(pl.col(name).cast(dtype) for name, dtype in FEATURES.items()).sort(
        "customer_id"
    )
    if customers["as_of_date"].n_unique() > 1:
        raise ValueError("score_clv values the customers of one as_of_date at a time")
    subscriber_scores, subscriber_parameters = _score_subscribers(_subscribers(customers), gross_margin_share)
    buyer_scores, buyer_parameters = _score_buyers(_buyers(customers), gross_margin_share)
    scores = pl.concat([subscriber_scores, buyer_scores])
    values = customers.join(scores, on="customer_id", how="left", validate="1:1").select(
        "customer_id",
        "as_of_date",
        pl.when(pl.col("model").is_null())
        .then(pl.lit("insufficient_data"))
        .otherwise(pl.lit("scored"))
        .alias("status"),
        "model",
        # A plain 0 would widen the decimal.
        pl.col("spend_amount")
        .fill_null(pl.lit(0, dtype=FEATURES["spend_amount"]))
        .alias("historical_value_amount"),
        "predicted_clv_amount",
        "probability_alive",
        "expected_purchases",
        _value_tier(pl.col("predicted_clv_amount")).alias("value_tier"),
    )
    as_of_date: dt.date | None = customers["as_of_date"].max()  # type: ignore[assignment]
    parameters = (
        pl.concat([subscriber_parameters, buyer_parameters])
        .select(pl.lit(as_of_date, dtype=pl.Date).alias("as_of_date"), pl.all())
        .sort("model", "parameter")
    )
    return values.sort("customer_id"), parameters


def _subscribers(customers: pl.DataFrame) -> pl.DataFrame:
    """Customers who have or had a paid subscription of known length (and price, while it runs)."""
    return customers.with_columns(pl.col("is_subscriber").fill_null(False)).filter(
        pl.col("has_ever_subscribed"),
        pl.col("subscribed_days") >= 0,
        pl.col("mrr_amount").is_not_null() | ~pl.col("is_subscriber"),
    )


def _buyers(customers: pl.DataFrame) -> pl.DataFrame:
    """The other customers with a possible purchase history, in the units of the models."""
    repeat_count = pl.col("purchase_day_count") - 1
    repeat_spend = (pl.col("gross_spend_amount") - pl.col("first_day_spend_amount")).cast(pl.Float64)
    return customers.filter(
        ~pl.col("has_ever_subscribed").fill_null(False),
        pl.col("purchase_day_count") > 0,
        pl.col("purchase_span_days") <= pl.col("days_since_first_purchase"),
        # Two purchase days are at least a day apart, and a single one has no span.
        pl.when(repeat_count > 0)
        .then(pl.col("purchase_span_days") > 0)
        .otherwise(pl.col("purchase_span_days") == 0),
    ).select(
        "customer_id",
        repeat_count=repeat_count,
        recency_weeks=pl.col("purchase_span_days") / 7,
        age_weeks=pl.col("days_since_first_purchase") / 7,
        # The first purchase day is left out of spend as it is of frequency: that is how the published
        # estimates are made. Without a repeat day, or with nothing but free ones, the average says nothing.
        average_spend=pl.when(repeat_count > 0, repeat_spend > 0).then(repeat_spend / repeat_count),
    )


def _score_subscribers(
    subscribers: pl.DataFrame, gross_margin_share: float
) -> tuple[pl.DataFrame, pl.DataFrame]:
    tenure_days = subscribers["subscribed_days"].to_numpy()
    is_active = subscribers["is_subscriber"].to_numpy()
    try:
        unseen_days = subscribers["unseen_subscribed_days"].fill_null(0).to_numpy()
        model = SubscriberSurvival().fit(tenure_days, ~is_active, unseen_days)
    except NotEnoughHistory:
        return pl.DataFrame(schema=_SCORE_SCHEMA), pl.DataFrame(schema=_PARAMETER_SCHEMA)
    months = np.where(is_active, model.expected_months(tenure_days, month_count=12), 0.0)
    monthly_revenue = subscribers["mrr_amount"].cast(pl.Float64).fill_null(0.0).to_numpy()
    scores = pl.DataFrame(
        {
            "customer_id": subscribers["customer_id"],
            "model": ["subscriber_survival"] * len(months),
            "predicted_clv_amount": pl.Series(months * monthly_revenue * gross_margin_share).round(2),
            "probability_alive": is_active.astype(np.float64),
            "expected_purchases": months,
        }
    ).cast(_SCORE_SCHEMA)  # type: ignore[arg-type]
    survival = model.survival(SURVIVAL_DAYS)
    parameters = _parameter_rows(
        (
            "subscriber_survival",
            f"survival_day_{day}",
            share,
            model.standard_error(day),
            None,
            model.customer_count_,
        )
        for day, share in zip(SURVIVAL_DAYS, survival.tolist(), strict=True)
    )
    return scores, parameters


def _score_buyers(buyers: pl.DataFrame, gross_margin_share: float) -> tuple[pl.DataFrame, pl.DataFrame]:
    histories = [buyers[name].to_numpy() for name in ("repeat_count", "recency_weeks", "age_weeks")]
    repeaters = buyers.filter(pl.col("average_spend").is_not_null())
    try:
        purchases = BetaGeoModel().fit(*histories)
        spend = GammaGammaModel().fit(
            repeaters["repeat_count"].to_numpy(), repeaters["average_spend"].to_numpy()
        )
    except NotEnoughHistory:
        return pl.DataFrame(schema=_SCORE_SCHEMA), pl.DataFrame(schema=_PARAMETER_SCHEMA)
    expected_purchases = purchases.expected_purchases(HORIZON_DAYS / 7, *histories)
    known_count = pl.when(pl.col("average_spend").is_not_null()).then("repeat_count").otherwise(0)
    spend_per_day = spend.expected_spend(
        buyers.select(known_count).to_series().to_numpy(), buyers["average_spend"].fill_null(0.0).to_numpy()
    )
    scores = pl.DataFrame(
        {
            "customer_id": buyers["customer_id"],
            "model": ["bg_nbd_gamma_gamma"] * buyers.height,
            "predicted_clv_amount": pl.Series(expected_purchases * spend_per_day * gross_margin_share).round(
                2
            ),
            "probability_alive": purchases.probability_alive(*histories),
            "expected_purchases": expected_purchases,
        }
    ).cast(_SCORE_SCHEMA)  # type: ignore[arg-type]
    parameters = _parameter_rows(
        (
            name,
            parameter,
            getattr(model, f"{parameter}_"),
            error,
            model.log_likelihood_,
            model.customer_count_,
        )
        for name, model in (("bg_nbd", purchases), ("gamma_gamma", spend))
        for parameter, error in model.standard_errors_.items()
    )
    return scores, parameters


def _parameter_rows(rows: Iterable[tuple[str, str, float, float, float | None, int]]) -> pl.DataFrame:
    """Parameter rows; an error that does not exist (NaN in the models) is null in a table."""
    frame = pl.DataFrame(list(rows), schema=_PARAMETER_SCHEMA, orient="row")
    return frame.with_columns(pl.col("standard_error").fill_nan(None))


def _value_tier(amount: pl.Expr) -> pl.Expr:
    """The tier of an amount among the scored customers; a tie that does not fit into a tier goes below it.

    Customers with this amount or more are at most a fifth (HIGH) or a half (HIGH and MEDIUM) of all scored.
    """
    count_as_good = amount.rank("max", descending=True).cast(pl.Int64)
    return (
        pl.when(amount.is_null())
        .then(pl.lit(None, dtype=pl.String))
        .when(count_as_good * 5 <= amount.count())
        .then(pl.lit("HIGH"))
        .when(count_as_good * 2 <= amount.count())
        .then(pl.lit("MEDIUM"))
        .otherwise(pl.lit("LOW"))
    )
