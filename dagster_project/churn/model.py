"""The churn model of the warehouse's subscribers: past snapshots with their outcomes, through the front door.

Here: which snapshots teach, and the version of what was learned. Not here: the learning (`classifier.py`), what the
model looks at (`feature_matrix.py`) and the gold tables (`score.py`).
"""

import datetime as dt
import hashlib
import json
from typing import Self

import numpy as np
import numpy.typing as npt
import polars as pl
from sklearn.base import BaseEstimator

from dagster_project.churn.classifier import ChurnClassifier, Status
from dagster_project.churn.feature_matrix import feature_columns, feature_directions
from dagster_project.churn.time_split import labelled_examples

FloatArray = npt.NDArray[np.float64]

CODE_VERSION = "3"  # raise when the same data and parameters should give another model, or are kept otherwise
DATASETS = ("training", "calibration", "evaluation")


class ChurnModel(BaseEstimator):  # type: ignore[misc]
    """Chance that a subscriber has no active subscription at the end of the horizon.

    Args:
        horizon_days: Length of the label window.
        random_state: Seed of the classifier.

    Attributes:
        classifier_: What was learned; see there.
        model_version_: Hash of examples, parameters and code; `none` with insufficient data.
        sets_: The examples of each data set; all of them are training examples where there was too little to split.
    """

    def __init__(self, horizon_days: int = 90, random_state: int = 0) -> None:
        self.horizon_days = horizon_days
        self.random_state = random_state

    def fit(self, snapshots: pl.DataFrame, as_of_date: dt.date) -> Self:
        """Learn from what was known on the day.

        Args:
            snapshots: `customer_feature_snapshots`; rows whose label was not known on `as_of_date` are
                ignored.
            as_of_date: The day.

        Returns:
            The model itself.

        Raises:
            ValueError: Labels were made with another horizon.
        """
        examples = labelled_examples(snapshots, as_of_date, self.horizon_days)
        self.classifier_ = ChurnClassifier(self.horizon_days, feature_directions(), self.random_state).fit(
            feature_columns(examples), examples["is_churned"], examples["customer_id"], examples["as_of_date"]
        )
        split = self.classifier_.split_
        everything = {name: examples if name == "training" else examples.clear() for name in DATASETS}
        self.sets_ = {name: examples[rows] for name, rows in split.sets.items()} if split else everything
        self.model_version_ = "none" if self.status == "insufficient_data" else self._version(examples)
        return self

    @property
    def status(self) -> Status:
        """That of the classifier."""
        return self.classifier_.status_

    def _version(self, examples: pl.DataFrame) -> str:
        looked_at = feature_columns(examples)
        described = {"code": CODE_VERSION, "names": looked_at.columns, **self.get_params()}
        digest = hashlib.sha256(json.dumps(described).encode())
        digest.update(looked_at.write_ipc(None).getvalue())
        digest.update(examples.select("customer_id", "as_of_date", "is_churned").write_csv().encode())
        return digest.hexdigest()[:12]
