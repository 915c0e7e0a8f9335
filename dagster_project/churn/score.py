"""Every customer's chance to leave on one day, and how far the model can be trusted.

Here: the columns of `customer_churn`, `churn_model_metrics` and `churn_calibration`. Not here: the learning
(`model.py`), why a customer has its chance (`explanations.py`) and which model scores a day (`model_life.py`).
"""

import datetime as dt
from dataclasses import dataclass

import polars as pl

from dagster_project.churn.explanations import explain_customers, reasons_of
from dagster_project.churn.trained import BIN_SCHEMA, MEASURE_SCHEMA, TrainedChurn, train_churn

HIGH_RISK_ABOVE = 0.70
MEDIUM_RISK_ABOVE = 0.30

CUSTOMER_SCHEMA = {
    "customer_id": pl.String,
    "as_of_date": pl.Date,
    "status": pl.String,
    "churn_probability": pl.Float64,
    "risk_percentile": pl.Float64,
    "risk_ratio": pl.Float64,
    "risk_level": pl.String,
    "reason_1": pl.String,
    "reason_2": pl.String,
    "reason_3": pl.String,
    "mitigation": pl.String,
    "horizon_days": pl.Int64,
    "model_version": pl.String,
}
_OF_A_DAY = {"as_of_date": pl.Date, "model_version": pl.String}
METRIC_SCHEMA = _OF_A_DAY | MEASURE_SCHEMA
CALIBRATION_SCHEMA = _OF_A_DAY | BIN_SCHEMA


@dataclass(frozen=True)
class ChurnResult:
    """What one day's scoring gives.

    Attributes:
        customers: Table `customer_churn`.
        explanations: Table `churn_explanations`.
        metrics: Table `churn_model_metrics`.
        calibration: Table `churn_calibration`.
        model: That has scored.
    """

    customers: pl.DataFrame
    explanations: pl.DataFrame
    metrics: pl.DataFrame
    calibration: pl.DataFrame
    model: TrainedChurn


def score_churn(
    features: pl.DataFrame,
    snapshots: pl.DataFrame,
    as_of_date: dt.date,
    horizon_days: int = 90,
    random_state: int = 0,
) -> ChurnResult:
    """Learn from past snapshots and score today's subscribers: `train_churn`, then `apply_churn`."""
    return apply_churn(train_churn(snapshots, as_of_date, horizon_days, random_state), features, as_of_date)


def apply_churn(model: TrainedChurn, features: pl.DataFrame, as_of_date: dt.date) -> ChurnResult:
    """Score the subscribers of a day.

    Args:
        model: That scores.
        features: `customer_features` of the day, one row per customer.
        as_of_date: The day.

    Returns:
        The tables, sorted by key, and the model.

    Raises:
        ValueError: `features` are of another day.
    """
    if (features["as_of_date"] != as_of_date).any():
        raise ValueError(f"features of another day than {as_of_date}")
    subscribers = features.filter(pl.col("is_subscriber")).sort("customer_id")
    scored = subscribers.select("customer_id").with_columns(
        pl.Series("churn_probability", model.probabilities(subscribers), dtype=pl.Float64).fill_nan(None)
    )
    explanations = explain_customers(model.classifier, subscribers, as_of_date, model.model_version)
    customers = (
        features.select(
            "customer_id", "as_of_date", is_subscriber=pl.col("is_subscriber").fill_null(value=False)
        )
        .join(scored, on="customer_id", how="left", validate="1:1")
        .join(reasons_of(explanations), on="customer_id", how="left", validate="1:1")
        .with_columns(
            _status("no_signal" if model.status == "no_signal" else "scored"),
            _risk_level(),
            *_risk_against_others(model.classifier.base_rate_),
            horizon_days=pl.lit(model.horizon_days, dtype=pl.Int64),
        )
        .with_columns(
            model_version=pl.when(pl.col("churn_probability").is_not_null()).then(
                pl.lit(model.model_version, dtype=pl.String)
            )
        )
        .select(pl.col(name).cast(kind) for name, kind in CUSTOMER_SCHEMA.items())
        .sort("customer_id")
    )
    metrics, calibration = (
        frame.with_columns(as_of_date=pl.lit(as_of_date), model_version=pl.lit(model.model_version)).select(
            *_OF_A_DAY, *frame.columns
        )
        for frame in (model.measures, model.bins)
    )
    return ChurnResult(customers, explanations, metrics, calibration, model)


def _status(of_scored: str) -> pl.Expr:
    return (
        pl.when(~pl.col("is_subscriber"))
        .then(pl.lit("not_a_subscriber"))
        .when(pl.col("churn_probability").is_null())
        .then(pl.lit("insufficient_data"))
        .otherwise(pl.lit(of_scored))
        .alias("status")
    )


def _risk_against_others(base_rate: float | None) -> list[pl.Expr]:
    probability = pl.col("churn_probability")
    # Who shares a probability shares the percentile: the middle of their ranks.
    percentile = 100 * (probability.rank("average") - 0.5) / probability.count()
    return [percentile.alias("risk_percentile"), (probability / pl.lit(base_rate)).alias("risk_ratio")]


def _risk_level() -> pl.Expr:
    probability = pl.col("churn_probability")
    return (
        pl.when(probability > HIGH_RISK_ABOVE)
        .then(pl.lit("HIGH"))
        .when(probability > MEDIUM_RISK_ABOVE)
        .then(pl.lit("MEDIUM"))
        .when(probability.is_not_null())
        .then(pl.lit("LOW"))
        .alias("risk_level")
    )
