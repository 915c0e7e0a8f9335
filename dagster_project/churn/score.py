"""Every customer's chance to leave on one day, and how far the model can be trusted: the two gold tables.

Here: the columns of `customer_churn` and `churn_model_metrics`. Not here: the learning (`model.py`), the
words (`reasons.py`) and where the model is kept (`tracking.py`).
"""

import datetime as dt
from dataclasses import dataclass
from typing import Any

import polars as pl

from dagster_project.churn.model import DATASETS, ChurnModel, ModelStatus
from dagster_project.churn.reasons import NO_SIGNAL, strongest_reasons

HIGH_RISK_ABOVE = 0.70
MEDIUM_RISK_ABOVE = 0.30

METRICS = (
    "auc",
    "auc_lower_bound",
    "auc_upper_bound",
    "average_precision",
    "brier_score",
    "brier_score_of_base_rate",
    "log_loss",
    "calibration_error",
)
COUNTS = ("base_rate", "example_count", "churned_count", "snapshot_count")
IN_SAMPLE_NOTES = {
    "training": "On the rows the trees were fitted on: flattering",
    "calibration": "On the rows the calibration curve was fitted on: slightly flattering",
}

CUSTOMER_SCHEMA = {
    "customer_id": pl.String,
    "as_of_date": pl.Date,
    "status": pl.String,
    "churn_probability": pl.Float64,
    "risk_level": pl.String,
    "reason_1": pl.String,
    "reason_2": pl.String,
    "reason_3": pl.String,
    "horizon_days": pl.Int64,
    "model_version": pl.String,
}
METRIC_SCHEMA = {
    "as_of_date": pl.Date,
    "model_version": pl.String,
    "dataset": pl.String,
    "metric": pl.String,
    "value": pl.Float64,
    "note": pl.String,
}


@dataclass(frozen=True)
class ChurnResult:
    """What one day's scoring gives.

    Attributes:
        customers: Table `customer_churn`.
        metrics: Table `churn_model_metrics`.
        booster: Trees in XGBoost's UBJ format, or None when no model is used.
        parameters: What else the model is made of; fits JSON.
        model_version: Hash of the model, `none` with insufficient data.
        status: `fitted`, `base_rate` or `insufficient_data`.
        calibration: Predicted and seen share of each bin of the later snapshots, ascending.
    """

    customers: pl.DataFrame
    metrics: pl.DataFrame
    booster: bytes | None
    parameters: dict[str, Any]
    model_version: str
    status: ModelStatus
    calibration: list[tuple[float, float]]


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
        Both tables, sorted by key, and the model.

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
    customers = (
        features.select(
            "customer_id", "as_of_date", is_subscriber=pl.col("is_subscriber").fill_null(value=False)
        )
        .join(
            pl.concat([scored, _reasons(model, subscribers)], how="horizontal"),
            on="customer_id",
            how="left",
            validate="1:1",
        )
        .with_columns(_status(), _risk_level(), horizon_days=pl.lit(horizon_days, dtype=pl.Int64))
        .with_columns(
            model_version=pl.when(pl.col("status") == "scored").then(
                pl.lit(model.model_version_, dtype=pl.String)
            )
        )
        .select(pl.col(name).cast(kind) for name, kind in CUSTOMER_SCHEMA.items())
        .sort("customer_id")
    )
    booster = bytes(model.trees_.booster.save_raw("ubj")) if model.trees_ else None
    return ChurnResult(
        customers,
        _metrics(model, as_of_date),
        booster,
        model.parameters(),
        model.model_version_,
        model.status_,
        model.calibration_bins_,
    )


def _status() -> pl.Expr:
    return (
        pl.when(~pl.col("is_subscriber"))
        .then(pl.lit("not_a_subscriber"))
        .when(pl.col("churn_probability").is_null())
        .then(pl.lit("insufficient_data"))
        .otherwise(pl.lit("scored"))
        .alias("status")
    )


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


def _reasons(model: ChurnModel, subscribers: pl.DataFrame) -> pl.DataFrame:
    if model.trees_ is not None:
        return strongest_reasons(subscribers, model.trees_.contributions(subscribers), model.trees_.plans)
    first_reason = NO_SIGNAL if model.status_ == "base_rate" else None
    first = pl.repeat(first_reason, subscribers.height, dtype=pl.String, eager=True).alias("reason_1")
    nothing = pl.repeat(None, subscribers.height, dtype=pl.String, eager=True)
    return pl.DataFrame([first, nothing.alias("reason_2"), nothing.alias("reason_3")])


def _metrics(model: ChurnModel, as_of_date: dt.date) -> pl.DataFrame:
    rows = [
        (as_of_date, model.model_version_, dataset, metric, value, note)
        for dataset in DATASETS
        for metric, value, note in _metrics_of(model, dataset)
    ]
    return pl.DataFrame(rows, schema=METRIC_SCHEMA, orient="row").sort("dataset", "metric")


def _metrics_of(model: ChurnModel, dataset: str) -> list[tuple[str, float | None, str | None]]:
    rows = model.sets_[dataset]
    measured = model.measures_.get(dataset, {})
    note = model.note_ or IN_SAMPLE_NOTES.get(dataset)
    churned = rows["is_churned"].cast(pl.Float64)
    counts = {
        "base_rate": churned.mean(),
        "example_count": float(rows.height),
        "churned_count": float(rows.filter(pl.col("is_churned"))["customer_id"].n_unique()),
        "snapshot_count": float(rows["as_of_date"].n_unique()),
    }
    result: list[tuple[str, float | None, str | None]] = []
    for metric in METRICS:
        value = measured.get(metric)
        empty_note = model.note_ or "Fewer than two customers who left, or who stayed"
        result.append((metric, value, empty_note if value is None else note))
    count_note = model.note_ if model.status_ == "insufficient_data" else None
    result += [(metric, _as_float(counts[metric]), count_note) for metric in COUNTS]
    return result


def _as_float(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
