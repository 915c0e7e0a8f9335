"""A churn model that has learned, with all that is known of it: to be applied on any day, kept and read back.

Here: the model with its measures, and how it is written as files. Not here: the learning (`model.py`), scoring
(`score.py`), and which model scores a day (`model_life.py`).
"""

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import polars as pl

from dagster_project.churn.classifier import ChurnClassifier, Status
from dagster_project.churn.feature_matrix import feature_columns
from dagster_project.churn.measures import MEASURES, UNKNOWN, Measure, calibration_bins
from dagster_project.churn.model import CODE_VERSION, DATASETS, ChurnModel

PARAMETERS_FILE = "parameters.json"
TREES_FILE = "trees.ubj"
COUNTS = ("base_rate", "example_count", "churned_count", "snapshot_count")
IN_SAMPLE_NOTES = {
    "training": "On the rows the model was fitted on: flattering",
    "calibration": "On the rows the model and its calibration were chosen on: slightly flattering",
}

MEASURE_SCHEMA = {
    "dataset": pl.String,
    "metric": pl.String,
    "value": pl.Float64,
    "ci_low": pl.Float64,
    "ci_high": pl.Float64,
    "note": pl.String,
}
BIN_SCHEMA = {
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
class TrainedChurn:
    """A model as of the day it has learned on.

    Attributes:
        classifier: What was learned.
        model_version: Hash of examples, parameters and code, `none` with insufficient data.
        horizon_days: How far its probabilities look.
        trained_as_of: Day whose knowledge it has learned from.
        measures: Rows in `MEASURE_SCHEMA`.
        bins: Predicted beside seen on later rows, in `BIN_SCHEMA`.
        judged: Rows of snapshots that it has not learned from when they were predicted, with `probability`; empty when
            the model was read back.
        code_version: Of the code that has learned it.
    """

    classifier: ChurnClassifier
    model_version: str
    horizon_days: int
    trained_as_of: dt.date
    measures: pl.DataFrame
    bins: pl.DataFrame
    judged: pl.DataFrame
    code_version: str = CODE_VERSION

    @property
    def status(self) -> Status:
        """That of the classifier."""
        return self.classifier.status_

    @property
    def parameters(self) -> dict[str, Any]:
        """Everything besides the trees' bytes that is needed to read and to apply the model; fits JSON."""
        return {
            "model_version": self.model_version,
            "horizon_days": self.horizon_days,
            "code_version": self.code_version,
            **self.classifier.parameters(),
        }

    def probabilities(self, features: pl.DataFrame) -> npt.NDArray[np.float64]:
        """Of subscribers, shape (rows,); NaN when nothing was learned.

        Args:
            features: Rows with the columns of `customer_features`.
        """
        if self.status == "insufficient_data":
            return np.full(features.height, np.nan)
        return np.asarray(self.classifier.predict_proba(feature_columns(features))[:, 1])

    def files(self) -> dict[str, bytes]:
        """What the model is kept as: JSON, and XGBoost's own UBJ where it has trees."""
        kept = {
            **self.parameters,
            "trained_as_of": self.trained_as_of.isoformat(),
            "measures": self.measures.to_dicts(),
            "bins": self.bins.to_dicts(),
        }
        booster = self.classifier.booster()
        files = {PARAMETERS_FILE: json.dumps(kept, indent=2, sort_keys=True).encode()}
        return files if booster is None else {**files, TREES_FILE: booster}

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> Self:
        """The model that `files` has written: it predicts and explains the same to the bit."""
        kept = json.loads(files[PARAMETERS_FILE])
        return cls(
            ChurnClassifier.from_parameters(kept, files.get(TREES_FILE)),
            kept["model_version"],
            kept["horizon_days"],
            dt.date.fromisoformat(kept["trained_as_of"]),
            pl.DataFrame(kept["measures"], schema=MEASURE_SCHEMA, orient="row"),
            pl.DataFrame(kept["bins"], schema=BIN_SCHEMA, orient="row"),
            pl.DataFrame(),
            kept["code_version"],
        )


def train_churn(
    snapshots: pl.DataFrame, as_of_date: dt.date, horizon_days: int = 90, random_state: int = 0
) -> TrainedChurn:
    """Learn from what was known on a day.

    Args:
        snapshots: `customer_feature_snapshots`; rows whose label was not known on the day are ignored.
        as_of_date: The day.
        horizon_days: Length of the churn horizon.
        random_state: Seed.

    Raises:
        ValueError: Labels were made with another horizon.
    """
    model = ChurnModel(horizon_days, random_state).fit(snapshots, as_of_date)
    judged, ahead = model.sets_["evaluation"], model.classifier_.ahead_
    return TrainedChurn(
        model.classifier_,
        model.model_version_,
        horizon_days,
        as_of_date,
        _measures(model),
        _bins(model),
        judged.with_columns(probability=pl.Series(ahead)) if len(ahead) else judged.clear(),
    )


def _measures(model: ChurnModel) -> pl.DataFrame:
    rows = [
        (dataset, metric, *value, note)
        for dataset in DATASETS
        for metric, value, note in _metrics_of(model, dataset)
    ]
    return pl.DataFrame(rows, schema=MEASURE_SCHEMA, orient="row").sort("dataset", "metric")


def _bins(model: ChurnModel) -> pl.DataFrame:
    ahead = model.classifier_.ahead_
    is_churned = model.sets_["evaluation"]["is_churned"].to_numpy().astype(bool)
    rows = [
        (
            number, found.lowest, found.highest, found.predicted, found.seen, *found.bounds, found.example_count,
            found.churned_count,
        )
        for number, found in enumerate(calibration_bins(ahead, is_churned) if len(ahead) else (), start=1)
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=BIN_SCHEMA, orient="row")


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
