"""Every customer's chance to leave on one day, and how far the model can be trusted.

Here: the columns of `customer_churn`, `churn_model_metrics` and `churn_calibration`. Not here: the learning
(`model.py`), why a customer has its chance (`explanations.py`) and where the model is kept (`tracking.py`).
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl

from dagster_project.churn.classifier import Status
from dagster_project.churn.explanations import explain_customers, reasons_of
from dagster_project.churn.measures import MEASURES, UNKNOWN, Measure, calibration_bins
from dagster_project.churn.model import DATASETS, ChurnModel

HIGH_RISK_ABOVE = 0.70
MEDIUM_RISK_ABOVE = 0.30

COUNTS = ("base_rate", "example_count", "churned_count", "snapshot_count")
IN_SAMPLE_NOTES = {
    "training": "On the rows the model was fitted on: flattering",
    "calibration": "On the rows the model and its calibration were chosen on: slightly flattering",
}

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
METRIC_SCHEMA = {
    "as_of_date": pl.Date,
    "model_version": pl.String,
    "dataset": pl.String,
    "metric": pl.String,
    "value": pl.Float64,
    "ci_low": pl.Float64,
    "ci_high": pl.Float64,
    "note": pl.String,
}
CALIBRATION_SCHEMA = {
    "as_of_date": pl.Date,
    "model_version": pl.String,
    "bin_number": pl.Int64,
    "lowest_probability": pl.Float64,
    "highest_probability": pl.Float64,
    "predicted_probability": pl.Float64,
    "seen_share": pl.Float64,
    "seen_lower_bound_share": pl.Float64,
    "seen_upper_bound_share": pl.Float64,
    "example_count": pl.Int64,
    "churned_example_count": pl.Int64,
}


@dataclass(frozen=True)
class ChurnResult:
    """What one day's scoring gives.

    Attributes:
        customers: Table `customer_churn`.
        explanations: Table `churn_explanations`.
        metrics: Table `churn_model_metrics`.
        calibration: Table `churn_calibration`.
        booster: Trees in XGBoost's UBJ format, or None when the model has none.
        parameters: What else the model is made of; fits JSON.
        model_version: Hash of the model, `none` with insufficient data.
        status: `fitted`, `no_signal` or `insufficient_data`.
    """

    customers: pl.DataFrame
    explanations: pl.DataFrame
    metrics: pl.DataFrame
    calibration: pl.DataFrame
    booster: bytes | None
    parameters: dict[str, Any]
    model_version: str
    status: Status


def score_churn(
    features: pl.DataFrame,
    snapshots: pl.DataFrame,
    as_of_date: dt.date,
    horizon_days: int = 90,
    random_state: int = 0,
) -> ChurnResult:
    """Learn from past snapshots and score today's subscribers.

    Args:
        features: `customer_features` of the day, one row per customer.
        snapshots: `customer_feature_snapshots`; rows whose label was not known on the day are ignored.
        as_of_date: The day.
        horizon_days: Length of the churn horizon.
        random_state: Seed.

    Returns:
        The tables, sorted by key, and the model.

    Raises:
        ValueError: `features` are of another day, or the labels of another horizon.
    """
    if (features["as_of_date"] != as_of_date).any():
        raise ValueError(f"features of another day than {as_of_date}")
    model = ChurnModel(horizon_days, random_state).fit(snapshots, as_of_date)
    subscribers = features.filter(pl.col("is_subscriber")).sort("customer_id")
    scored = subscribers.select("customer_id").with_columns(
        pl.Series("churn_probability", model.predict_probability(subscribers), dtype=pl.Float64).fill_nan(
            None
        )
    )
    explanations = explain_customers(model.classifier_, subscribers, as_of_date, model.model_version_)
    customers = (
        features.select(
            "customer_id", "as_of_date", is_subscriber=pl.col("is_subscriber").fill_null(value=False)
        )
        .join(scored, on="customer_id", how="left", validate="1:1")
        .join(reasons_of(explanations), on="customer_id", how="left", validate="1:1")
        .with_columns(
            _status("no_signal" if model.status == "no_signal" else "scored"),
            _risk_level(),
            *_risk_against_others(model.classifier_.base_rate_),
            horizon_days=pl.lit(horizon_days, dtype=pl.Int64),
        )
        .with_columns(
            model_version=pl.when(pl.col("churn_probability").is_not_null()).then(
                pl.lit(model.model_version_, dtype=pl.String)
            )
        )
        .select(pl.col(name).cast(kind) for name, kind in CUSTOMER_SCHEMA.items())
        .sort("customer_id")
    )
    classifier = model.classifier_
    return ChurnResult(
        customers,
        explanations,
        _metrics(model, as_of_date),
        _calibration(model, as_of_date),
        classifier.booster(),
        model.parameters(),
        model.model_version_,
        model.status,
    )


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


def _metrics(model: ChurnModel, as_of_date: dt.date) -> pl.DataFrame:
    rows = [
        (as_of_date, model.model_version_, dataset, metric, *value, note)
        for dataset in DATASETS
        for metric, value, note in _metrics_of(model, dataset)
    ]
    return pl.DataFrame(rows, schema=METRIC_SCHEMA, orient="row").sort("dataset", "metric")


def _calibration(model: ChurnModel, as_of_date: dt.date) -> pl.DataFrame:
    ahead = model.classifier_.ahead_
    is_churned = model.sets_["evaluation"]["is_churned"].to_numpy().astype(bool)
    rows = [
        (
            as_of_date, model.model_version_, number, found.lowest, found.highest, found.predicted, found.seen,
            *found.bounds, found.example_count, found.churned_count,
        )
        for number, found in enumerate(calibration_bins(ahead, is_churned) if len(ahead) else (), start=1)
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=CALIBRATION_SCHEMA, orient="row")


def _metrics_of(model: ChurnModel, dataset: str) -> Iterator[tuple[str, Measure, str | None]]:
    rows = model.sets_[dataset]
    measured = model.classifier_.measures_.get(dataset, {})
    note = model.classifier_.note_
    churned = rows["is_churned"].cast(pl.Float64)
    counts = {
        "base_rate": churned.mean(),
        "example_count": float(rows.height),
        "churned_count": float(rows.filter(pl.col("is_churned"))["customer_id"].n_unique()),
        "snapshot_count": float(rows["as_of_date"].n_unique()),
    }
    for metric in MEASURES:
        value = measured.get(metric, UNKNOWN)
        empty_note = note or "All of these rows, or of these predictions, are alike"
        yield metric, value, empty_note if value[0] is None else note or IN_SAMPLE_NOTES.get(dataset)
    for metric in COUNTS:
        found = counts[metric]
        count = float(found) if isinstance(found, int | float) else None
        yield metric, (count, None, None), note if model.status == "insufficient_data" else None
