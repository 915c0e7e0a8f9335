"""Boosted trees on past snapshots, calibrated and judged on later ones.

Here: learning, the decision whether the model may be used, and applying it. Not here: the split
(`time_split.py`), the measures (`measures.py`) and the gold tables (`score.py`).
"""

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
import polars as pl
import xgboost
from sklearn.base import BaseEstimator

from dagster_project.churn.calibration import Calibration, fit_calibration
from dagster_project.churn.feature_matrix import FloatMatrix, feature_directions, feature_matrix
from dagster_project.churn.measures import calibration_bins, measure
from dagster_project.churn.time_split import TimeSplit, labelled_examples, split_by_time

FloatArray = npt.NDArray[np.float64]
ModelStatus = Literal["fitted", "base_rate", "insufficient_data"]

CODE_VERSION = "1"  # raise when the same data and parameters should give another model
THREADS = (
    1  # threads that spin-wait for each other on a busy machine took 15 to 40 s for what one does in 3 s
)
TREE_PARAMETERS: dict[str, Any] = {  # small and regularised: the events are few, not the rows
    "objective": "binary:logistic",
    "tree_method": "hist",
    "max_depth": 3,
    "eta": 0.05,
    "min_child_weight": 3.0,
    "lambda": 5.0,
    "subsample": 0.8,
    "colsample_bytree": 0.5,
}
TREE_COUNT = 150
PLAN_MINIMUM_EXAMPLES = 30

DATASETS = ("training", "calibration", "evaluation")


@dataclass(frozen=True)
class Trees:
    """A booster and the plans that got a column when it was trained."""

    booster: xgboost.Booster
    plans: tuple[str, ...]

    def log_odds(self, frame: pl.DataFrame) -> FloatArray:
        """Uncalibrated output, shape (rows,)."""
        if frame.is_empty():
            return np.empty(0)
        return self.booster.predict(self._matrix(frame), output_margin=True).astype(np.float64)

    def contributions(self, frame: pl.DataFrame) -> FloatMatrix:
        """SHAP values of each feature on the log-odds, shape (rows, features), without the constant.

        Lundberg et al. (2020), From local explanations to global understanding with explainable AI for trees.
        """
        if frame.is_empty():
            return np.empty((0, self.booster.num_features()))
        values = self.booster.predict(self._matrix(frame), pred_contribs=True).astype(np.float64)
        return np.asarray(values[:, :-1])

    def _matrix(self, frame: pl.DataFrame) -> xgboost.DMatrix:
        matrix, _ = feature_matrix(frame, self.plans)
        return xgboost.DMatrix(matrix, nthread=THREADS)


class ChurnModel(BaseEstimator):  # type: ignore[misc]
    """Chance that a subscriber has no active subscription at the end of the horizon.

    Training examples are the oldest snapshots, the calibration curve is fitted on later ones and the measures
    are taken on the latest, with gaps so that no label window reaches the next set. The model is used only
    when the evaluation set says that it ranks better than chance (95 % interval of the AUC above 0.5) and its
    Brier score is below that of the base rate of the calibration set; else everybody gets the base rate of
    the calibration and evaluation snapshots.

    For scoring, the trees are refitted on all labelled snapshots: the newest behaviour is worth more than a
    model that equals the measured one. The curve for these trees is fitted on predictions made ahead of time
    only: those of the evaluated trees for the calibration snapshots, and those of trees trained on everything
    known by the first evaluation snapshot for the evaluation snapshots. In-sample predictions would be too
    sure.

    Args:
        horizon_days: Length of the label window.
        random_state: Seed of the row and column sampling of the trees.
        minimum_training_churned: Fewer churned customers in the training set give no model.
        minimum_later_churned: The same for calibration and evaluation together.

    Attributes:
        status_: `fitted`, `base_rate` (no signal) or `insufficient_data`.
        note_: Why the status is not `fitted`, in words; empty otherwise.
        model_version_: Hash of examples, parameters and code; `none` with insufficient data.
        base_rate_: Share of churned examples in calibration and evaluation; None with insufficient data.
        trees_: Trees for scoring, or None.
        calibration_: Curve for `trees_`, or None.
        sets_: The examples of each data set.
        measures_: Measures of each data set by name; empty with insufficient data.
        calibration_bins_: Predicted and seen shares on the later snapshots; empty with insufficient data.
    """

    def __init__(
        self,
        horizon_days: int = 90,
        random_state: int = 0,
        minimum_training_churned: int = 30,
        minimum_later_churned: int = 10,
    ) -> None:
        self.horizon_days = horizon_days
        self.random_state = random_state
        self.minimum_training_churned = minimum_training_churned
        self.minimum_later_churned = minimum_later_churned

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
        split = split_by_time(examples)
        self.trees_: Trees | None = None
        self.calibration_: Calibration | None = None
        self.base_rate_: float | None = None
        self.measures_: dict[str, dict[str, float | None]] = {}
        self.calibration_bins_: list[tuple[float, float]] = []
        self.sets_ = self._sets(examples, split)
        self.note_ = self._too_little(examples, split)
        if split is None or self.note_:
            self.status_: ModelStatus = "insufficient_data"
            self.model_version_ = "none"
            return self
        self.model_version_ = self._version(examples)
        self._evaluate_and_refit(examples, split)
        return self

    def predict_probability(self, features: pl.DataFrame) -> FloatArray:
        """Probabilities of subscribers, shape (rows,); NaN when nothing was learned.

        Args:
            features: Rows with the columns of `customer_features`.
        """
        if self.trees_ is not None and self.calibration_ is not None:
            return self.calibration_.probability(self.trees_.log_odds(features))
        return np.full(features.height, np.nan if self.base_rate_ is None else self.base_rate_)

    def parameters(self) -> dict[str, Any]:
        """Everything besides the booster's bytes that is needed to read and to apply the model; fits JSON."""
        return {
            "status": self.status_,
            "note": self.note_,
            "model_version": self.model_version_,
            "horizon_days": self.horizon_days,
            "random_state": self.random_state,
            "minimum_training_churned": self.minimum_training_churned,
            "minimum_later_churned": self.minimum_later_churned,
            "code_version": CODE_VERSION,
            "xgboost_version": xgboost.__version__,
            "tree_count": TREE_COUNT,
            **TREE_PARAMETERS,
            "base_rate": self.base_rate_,
            "plans": list(self.trees_.plans) if self.trees_ else [],
            "calibration": asdict(self.calibration_) if self.calibration_ else None,
        }

    def _evaluate_and_refit(self, examples: pl.DataFrame, split: TimeSplit) -> None:
        evaluated = self._fit_trees(split.training)
        ahead_calibration = evaluated.log_odds(split.calibration)
        curve = fit_calibration(
            ahead_calibration, _is_churned(split.calibration), _churned_customers(split.calibration)
        )
        known_rate = float(_is_churned(split.calibration).mean())
        for name, rows in self.sets_.items():
            probability = curve.probability(evaluated.log_odds(rows))
            self.measures_[name] = measure(probability, _is_churned(rows), _customer_code(rows), known_rate)
            if name == "evaluation":
                self.calibration_bins_ = calibration_bins(probability, _is_churned(rows))
        later = pl.concat([split.calibration, split.evaluation])
        self.base_rate_ = float(_is_churned(later).mean())
        if not _beats_base_rate(self.measures_["evaluation"]):
            self.status_ = "base_rate"
            self.note_ = (
                f"No better than the base rate on later snapshots: everybody gets {self.base_rate_:.4f}"
            )
            return
        self.status_ = "fitted"
        ahead_evaluation = self._fit_trees(split.before_evaluation).log_odds(split.evaluation)
        ahead = np.concatenate([ahead_calibration, ahead_evaluation])
        self.calibration_ = fit_calibration(ahead, _is_churned(later), _churned_customers(later))
        self.trees_ = self._fit_trees(examples)

    def _fit_trees(self, examples: pl.DataFrame) -> Trees:
        plan_counts = examples.drop_nulls("plan").group_by("plan").len()
        plans = tuple(plan_counts.filter(pl.col("len") >= PLAN_MINIMUM_EXAMPLES)["plan"].sort())
        matrix, _ = feature_matrix(examples, plans)
        parameters = {
            **TREE_PARAMETERS,
            "monotone_constraints": feature_directions(plans),
            "seed": self.random_state,
            "nthread": THREADS,
            "verbosity": 0,
        }
        data = xgboost.DMatrix(matrix, label=_is_churned(examples), nthread=THREADS)
        return Trees(xgboost.train(parameters, data, num_boost_round=TREE_COUNT), plans)

    def _sets(self, examples: pl.DataFrame, split: TimeSplit | None) -> dict[str, pl.DataFrame]:
        if split is None:  # what there is can only be counted, as examples to train on
            return {"training": examples, "calibration": examples.clear(), "evaluation": examples.clear()}
        return {name: getattr(split, name) for name in DATASETS}

    def _too_little(self, examples: pl.DataFrame, split: TimeSplit | None) -> str:
        churned_count, snapshot_count = _churned_customers(examples), examples["as_of_date"].n_unique()
        seen = f"{churned_count} churned customers in {snapshot_count} snapshots: "
        if split is None:
            return seen + "too short a history to train, calibrate and evaluate on separate snapshots"
        later_churned = _churned_customers(pl.concat([split.calibration, split.evaluation]))
        training_churned = _churned_customers(split.training)
        if training_churned < self.minimum_training_churned or later_churned < self.minimum_later_churned:
            return (
                seen + f"too few to learn from ({training_churned} in the training snapshots, at least "
                f"{self.minimum_training_churned} are needed; {later_churned} later, at least "
                f"{self.minimum_later_churned})"
            )
        if any(_is_churned(rows).all() for rows in self.sets_.values()):
            return seen + "nobody stayed in one of the sets"
        return ""

    def _version(self, examples: pl.DataFrame) -> str:
        matrix, names = feature_matrix(examples)
        described = {
            "code": CODE_VERSION,
            "trees": TREE_COUNT,
            "xgboost": xgboost.__version__,
            "names": names,
        }
        digest = hashlib.sha256(json.dumps({**described, **TREE_PARAMETERS, **self.get_params()}).encode())
        digest.update(matrix.tobytes())
        keys = examples.select("customer_id", "as_of_date", "plan", "is_churned")
        digest.update(keys.write_csv().encode())
        return digest.hexdigest()[:12]


def _beats_base_rate(measures: Mapping[str, float | None]) -> bool:
    lower, brier = measures["auc_lower_bound"], measures["brier_score"]
    yardstick = measures["brier_score_of_base_rate"]
    return (
        lower is not None
        and brier is not None
        and yardstick is not None
        and lower > 0.5
        and brier < yardstick
    )


def _is_churned(rows: pl.DataFrame) -> npt.NDArray[np.bool_]:
    return rows["is_churned"].to_numpy().astype(bool)


def _customer_code(rows: pl.DataFrame) -> npt.NDArray[np.int64]:
    return rows["customer_id"].rank("dense").to_numpy().astype(np.int64)


def _churned_customers(rows: pl.DataFrame) -> int:
    return rows.filter(pl.col("is_churned"))["customer_id"].n_unique()
