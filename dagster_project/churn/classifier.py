"""The front door for any labelled table: a contest of models, calibrated, judged and explained.

Here: from a flat table to probabilities and what each column adds to them. Not here: the customers of the warehouse
(`model.py`).
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
import polars as pl
import xgboost
from scipy.special import logit
from sklearn.base import BaseEstimator
from threadpoolctl import threadpool_limits

from dagster_project.churn.calibration import Calibration, fit_calibration, is_better, log_losses
from dagster_project.churn.candidates import (
    CANDIDATES,
    CandidateName,
    Examples,
    Fitted,
    Tuning,
    as_parameters,
    booster_of,
    fit_candidates,
    from_parameters,
    tune,
)
from dagster_project.churn.flat_table import Encoding
from dagster_project.churn.measures import measure
from dagster_project.churn.time_split import Split, split_by_customer, split_by_time, tuning_folds

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]
Status = Literal["fitted", "no_signal", "insufficient_data"]

MOST_EXAMPLES = 300_000
MOST_TUNING_EXAMPLES = 20_000


class ChurnClassifier(BaseEstimator):  # type: ignore[misc]
    """Chance of leaving for the rows of any flat table.

    Base rate, logistic regression on splines, boosted trees and the blend of both learn from the older rows; the first
    of them (in the order of `CANDIDATES`) that none beats on later rows by more than a standard error of log-loss
    wins. Its calibration is chosen on the same later rows, what it is worth is measured on the latest, and it is then
    refitted on all. The curve of the refitted model is fitted on predictions made ahead of time only: its own
    predictions of rows that it has learned from would be too sure. Without dates, customers are dealt into folds.

    Args:
        gap_days: How long after its date an outcome is known: so far apart are what teaches and what judges.
        directions: By column, 1 when more can only raise the risk, -1 when it can only lower it; the trees keep to it.
        random_state: Seed of the trees and of the folds.
        minimum_training_churned: With fewer churned customers to learn from there is no model.
        minimum_later_churned: The same for those that choose and judge.

    Attributes:
        status_: `fitted`, `no_signal` (nothing beats the base rate: everybody gets it) or `insufficient_data`.
        note_: Why the status is not `fitted`, in words.
        winner_: Name of the model.
        base_rate_: Share of the churned in what chose and judged; of all rows where there was too little to split.
        contest_: Log-loss of each candidate on the rows that chose.
        measures_: By data set and measure: value, `ci_low`, `ci_high` (`measures.py`).
        split_: Rows of each data set, or None.
        ahead_: Calibrated predictions of the rows that judged, in their order.
        encoding_: Columns of the matrix.
        model_: Learned on all rows.
        calibration_: Curve of `model_`.
    """

    def __init__(
        self,
        gap_days: int = 0,
        directions: Mapping[str, int] | None = None,
        random_state: int = 0,
        minimum_training_churned: int = 30,
        minimum_later_churned: int = 10,
    ) -> None:
        self.gap_days = gap_days
        self.directions = directions
        self.random_state = random_state
        self.minimum_training_churned = minimum_training_churned
        self.minimum_later_churned = minimum_later_churned

    def fit(
        self,
        X: pl.DataFrame,  # noqa: N803 - scikit-learn's name
        y: Sequence[bool] | pl.Series | BoolArray,
        customer: Sequence[Any] | pl.Series | None = None,
        date: Sequence[dt.date] | pl.Series | None = None,
    ) -> Self:
        """Learn.

        Args:
            X: One row per example: numbers (gaps allowed), booleans and words.
            y: Whether the customer left, shape (n,); 0 and 1 will do.
            customer: Whose row it is; without it every row is a customer.
            date: Day on which the row was known; without it rows are taken as of one time.

        Returns:
            The model itself.

        Raises:
            ValueError: Shapes differ, an outcome is unknown, or a column is neither number nor word.
        """
        is_churned, codes, day = _checked(X, y, customer, date)
        self.encoding_ = Encoding.of(X)
        examples = self._examples(X, is_churned)
        self.split_: Split | None = None
        if len(is_churned):
            self.split_ = (
                split_by_customer(codes, self.random_state)
                if day is None
                else split_by_time(day, self.gap_days)
            )
        self.measures_: dict[str, dict[str, tuple[float | None, float | None, float | None]]] = {}
        self.contest_: dict[str, float] = {}
        self.winner_: CandidateName = "base_rate"
        self.tuning_ = Tuning()
        self.ahead_ = np.empty(0)
        self.model_: Fitted = fit_candidates(examples, self.tuning_, self.random_state, ("base_rate",))[
            "base_rate"
        ]
        self.base_rate_ = float(is_churned.mean()) if len(is_churned) else None
        self.calibration_ = Calibration("logistic", end_probability=0.0)
        self.note_ = self._too_little(is_churned, codes, day)
        self.status_: Status = "insufficient_data"
        if self.split_ is not None and not self.note_:
            # Threads of linear algebra that wait for each other on a busy machine take many times what one takes.
            with threadpool_limits(limits=1):
                self._compete(self.split_, examples, codes, day)
        return self

    def predict_proba(self, X: pl.DataFrame) -> FloatArray:  # noqa: N803
        """Chances to stay and to leave, shape (n, 2), as scikit-learn orders them."""
        leaves = self.calibration_.probability(self.model_.log_odds(self.encoding_.matrix(X)))
        return np.stack([1 - leaves, leaves], axis=1)

    def explain(self, X: pl.DataFrame) -> tuple[FloatArray, FloatArray]:  # noqa: N803
        """What each feature adds to the calibrated log-odds, shape (n, features), and to what, shape (n,).

        They sum to the log-odds of `predict_proba`. The contributions of the model are exact; the calibration bends
        all of a row in the same proportion.
        """
        parts, base = self.model_.contributions(self.encoding_.matrix(X))
        parts = self.encoding_.per_feature(parts)
        raw = parts.sum(axis=1) + base
        calibrated_base = logit(self.calibration_.probability(base))
        gained = logit(self.calibration_.probability(raw)) - calibrated_base
        moved = raw - base
        bend = np.divide(gained, moved, out=np.zeros_like(moved), where=np.abs(moved) > 1e-12)
        return parts * bend[:, None], calibrated_base

    def parameters(self) -> dict[str, Any]:
        """Everything besides the trees' bytes that is needed to read and to apply the model; fits JSON."""
        return {
            "status": self.status_,
            "note": self.note_,
            "winner": self.winner_,
            "base_rate": self.base_rate_,
            "contest": self.contest_,
            "tuning": asdict(self.tuning_),
            "encoding": {"features": list(self.encoding_.features), "levels": dict(self.encoding_.levels)},
            "model": as_parameters(self.model_),
            "calibration": asdict(self.calibration_),
            "xgboost_version": xgboost.__version__,
            **self.get_params(),
        }

    def booster(self) -> bytes | None:
        """The trees in XGBoost's UBJ format, if the model has some."""
        booster = booster_of(self.model_)
        return None if booster is None else bytes(booster.save_raw("ubj"))

    @classmethod
    def from_parameters(cls, stored: Mapping[str, Any], booster: bytes | None) -> Self:
        """The model that `parameters` and `booster` have described: it predicts and explains the same to the bit."""
        model = cls(**{name: stored[name] for name in cls().get_params()})
        trees = xgboost.Booster(model_file=bytearray(booster)) if booster is not None else None
        levels = {name: tuple(found) for name, found in stored["encoding"]["levels"].items()}
        model.encoding_ = Encoding(tuple(stored["encoding"]["features"]), levels)
        model.model_ = from_parameters(stored["model"], trees)
        model.calibration_ = Calibration.from_dict(stored["calibration"])
        model.status_, model.note_, model.winner_ = stored["status"], stored["note"], stored["winner"]
        model.base_rate_, model.contest_ = stored["base_rate"], stored["contest"]
        model.tuning_ = Tuning(**stored["tuning"])
        return model

    def _examples(self, frame: pl.DataFrame, is_churned: BoolArray) -> Examples:
        of_feature = [(self.directions or {}).get(name, 0) for name in self.encoding_.features]
        directions = tuple(of_feature[place] for place in self.encoding_.feature_of_column)
        return Examples(self.encoding_.matrix(frame), is_churned, np.ones(len(is_churned)), directions)

    def _compete(self, split: Split, examples: Examples, customer: IntArray, day: IntArray | None) -> None:
        taught = _at_most(split.choosing[0][0], examples.is_churned, MOST_TUNING_EXAMPLES, self.random_state)[
            0
        ]
        self.tuning_ = tune(
            examples.rows(taught), tuning_folds(taught, day, customer, self.gap_days), self.random_state
        )
        chosen = split.sets["calibration"]
        ahead: dict[CandidateName, list[FloatArray]] = {name: [] for name in CANDIDATES}
        for train, test in split.choosing:
            for name, model in self._fit(examples, train, CANDIDATES).items():
                ahead[name].append(model.log_odds(examples.matrix[test]))
        choosing = {name: np.concatenate(parts) for name, parts in ahead.items()}
        self.winner_ = self._winner(choosing, examples.is_churned[chosen], customer[chosen])
        train, judged = split.judging
        model = self._fit(examples, train, (self.winner_,))[self.winner_]
        curve = _curve(choosing[self.winner_], examples, customer, day, chosen)
        judging = model.log_odds(examples.matrix[judged])
        self._measure(split, examples, customer, {
            "training": curve.probability(model.log_odds(examples.matrix[split.sets["training"]])),
            "calibration": curve.probability(choosing[self.winner_]),
            "evaluation": curve.probability(judging),
        })  # fmt: skip
        later = np.concatenate([chosen, judged])
        self.base_rate_ = float(examples.is_churned[later].mean())
        lower = self.measures_["evaluation"]["auc"][1]
        brier, yardstick = (
            self.measures_["evaluation"][name][0] for name in ("brier_score", "brier_score_of_base_rate")
        )
        if (
            self.winner_ == "base_rate"
            or lower is None
            or lower <= 0.5
            or brier is None
            or yardstick is None
            or brier >= yardstick
        ):
            self.status_, self.winner_ = "no_signal", "base_rate"
            self.note_ = f"No better than the base rate on later rows: everybody gets {self.base_rate_:.4f}"
            self.model_ = fit_candidates(
                examples.rows(later), self.tuning_, self.random_state, ("base_rate",)
            )["base_rate"]
            return
        self.status_ = "fitted"
        both = np.concatenate([choosing[self.winner_], judging])
        self.calibration_ = _curve(both, examples, customer, day, later)
        self.model_ = self._fit(examples, np.arange(len(customer)), (self.winner_,))[self.winner_]

    def _fit(
        self, examples: Examples, rows: IntArray, names: Sequence[CandidateName]
    ) -> dict[CandidateName, Fitted]:
        kept, weight = _at_most(rows, examples.is_churned, MOST_EXAMPLES, self.random_state)
        some = examples.rows(kept)
        weighted = Examples(some.matrix, some.is_churned, weight, some.directions)
        return fit_candidates(weighted, self.tuning_, self.random_state, names)

    def _winner(
        self, choosing: Mapping[CandidateName, FloatArray], is_churned: BoolArray, customer: IntArray
    ) -> CandidateName:
        """The simplest that no other one beats by more than a standard error."""
        losses = {
            name: log_losses(
                fit_calibration(log_odds, is_churned, customer).probability(log_odds), is_churned
            )
            for name, log_odds in choosing.items()
        }
        self.contest_ = {name: float(loss.mean()) for name, loss in losses.items()}
        best = min(CANDIDATES, key=lambda name: self.contest_[name])
        return next(name for name in CANDIDATES if not is_better(losses[best], losses[name], customer))

    def _measure(
        self, split: Split, examples: Examples, customer: IntArray, probability: Mapping[str, FloatArray]
    ) -> None:
        known_rate = float(examples.is_churned[split.sets["calibration"]].mean())
        self.measures_ = {
            name: measure(
                probability[name], examples.is_churned[rows], customer[rows], known_rate, name == "evaluation"
            )
            for name, rows in split.sets.items()
        }
        self.ahead_ = probability["evaluation"]

    def _too_little(self, is_churned: BoolArray, customer: IntArray, day: IntArray | None) -> str:
        count = len(np.unique(customer[is_churned]))
        seen = f"{count} churned customers"
        seen += (
            f" in {len(np.unique(day))} snapshots: " if day is not None else f" in {len(is_churned)} rows: "
        )
        if self.split_ is None:
            return seen + "too short a history to train, calibrate and evaluate on separate snapshots"
        sets = self.split_.sets
        later = np.concatenate([sets["calibration"], sets["evaluation"]])
        training_churned, later_churned = (
            len(np.unique(customer[rows][is_churned[rows]])) for rows in (sets["training"], later)
        )
        if training_churned < self.minimum_training_churned or later_churned < self.minimum_later_churned:
            return (
                seen + f"too few to learn from ({training_churned} in the training snapshots, at least "
                f"{self.minimum_training_churned} are needed; {later_churned} later, at least "
                f"{self.minimum_later_churned})"
            )
        if any(len(np.unique(is_churned[rows])) < 2 for rows in sets.values()):
            return seen + "nobody left, or nobody stayed, in one of the sets"
        return ""


def _curve(
    log_odds: FloatArray, examples: Examples, customer: IntArray, day: IntArray | None, rows: IntArray
) -> Calibration:
    moment = None if day is None else day[rows]
    return fit_calibration(log_odds, examples.is_churned[rows], customer[rows], moment)


def _checked(
    frame: pl.DataFrame, y: Any, customer: Any, date: Any
) -> tuple[BoolArray, IntArray, IntArray | None]:
    label = pl.Series(y)
    if label.null_count():
        raise ValueError(f"{label.null_count()} outcomes are unknown: leave those rows out")
    if not label.is_in([0, 1] if label.dtype != pl.Boolean else [False, True]).all():
        raise ValueError("an outcome is true or false, 1 or 0")
    columns = {
        "y": label,
        "customer": pl.Series(range(frame.height)) if customer is None else pl.Series(customer),
    }
    if date is not None:
        columns["date"] = pl.Series(date)
    for name, column in columns.items():
        if len(column) != frame.height:
            raise ValueError(f"X has {frame.height} rows, {name} has {len(column)}")
    codes = columns["customer"].rank("dense").to_numpy().astype(np.int64)
    if date is None or columns["date"].n_unique() < 2:
        return label.cast(pl.Boolean).to_numpy(), codes, None
    return (
        label.cast(pl.Boolean).to_numpy(),
        codes,
        columns["date"].cast(pl.Date).to_physical().to_numpy().astype(np.int64),
    )


def _at_most(rows: IntArray, is_churned: BoolArray, most: int, seed: int) -> tuple[IntArray, FloatArray]:
    """All who left and as many of the others as there is room for, each weighing what it stands for."""
    if len(rows) <= most:
        return rows, np.ones(len(rows))
    left, stayed = rows[is_churned[rows]], rows[~is_churned[rows]]
    room = max(most - len(left), most // 2)
    random = np.random.default_rng(seed)
    kept = [
        random.choice(some, min(count, len(some)), replace=False)
        for some, count in ((left, most - min(room, len(stayed))), (stayed, room))
    ]
    weight = np.concatenate(
        [
            np.full(len(some), len(all_) / max(len(some), 1))
            for some, all_ in zip(kept, (left, stayed), strict=True)
        ]
    )
    chosen = np.concatenate(kept)
    order = np.argsort(chosen)
    return chosen[order], weight[order]
