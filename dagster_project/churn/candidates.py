"""The models that compete for every table: base rate, curves, trees, and both together.

Here: how each learns and what each column adds to its log-odds. Not here: who wins (`contest.py`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt
import xgboost
from scipy.special import logit

from dagster_project.churn.calibration import log_losses
from dagster_project.churn.splines import SplineLogistic

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]
CandidateName = Literal["base_rate", "logistic", "trees", "blend"]

CANDIDATES: tuple[CandidateName, ...] = ("base_rate", "logistic", "blend", "trees")
"""In the order in which they are preferred. Trees alone come last: the same leaves mean the same probability."""
THREADS = (
    1  # threads that spin-wait for each other on a busy machine took 15 to 40 s for what one does in 3 s
)
TREE_PARAMETERS: dict[str, Any] = {  # small and regularised: the events are few, not the rows
    "objective": "binary:logistic",
    "tree_method": "hist",
    "eta": 0.05,
    "min_child_weight": 3.0,
    "lambda": 5.0,
    "subsample": 0.8,
    "colsample_bytree": 0.5,
    "verbosity": 0,
}
C_GRID = (0.01, 0.1, 1.0, 10.0, 100.0)
DEPTH_GRID = (1, 3)
MOST_TREES = 300
TREES_PER_LOOK = 25


@dataclass(frozen=True)
class Tuning:
    """What is chosen on folds of the training examples.

    Attributes:
        c: Inverse penalty of the curves.
        depth: Of the trees.
        tree_count: Of the trees.
    """

    c: float = 0.01
    depth: int = 3
    tree_count: int = 150


@dataclass(frozen=True)
class Examples:
    """Rows to learn from.

    Attributes:
        matrix: Shape (n, columns), NaN where unknown.
        is_churned: Shape (n,).
        weight: Shape (n,); above 1 where a row stands for others that were left out.
        directions: Per column: 1 when more can only raise the risk, -1 when it can only lower it, else 0.
    """

    matrix: FloatArray
    is_churned: BoolArray
    weight: FloatArray
    directions: tuple[int, ...]

    def rows(self, chosen: npt.NDArray[Any]) -> "Examples":
        """Some of them."""
        return Examples(self.matrix[chosen], self.is_churned[chosen], self.weight[chosen], self.directions)


class Fitted(Protocol):
    """A model that has learned."""

    def log_odds(self, matrix: FloatArray) -> FloatArray:
        """Uncalibrated, shape (n,)."""

    def contributions(self, matrix: FloatArray) -> tuple[FloatArray, FloatArray]:
        """What each column adds, shape (n, columns), and to what, shape (n,): they sum to the log-odds."""


@dataclass(frozen=True)
class BaseRate:
    """Everybody alike."""

    base_log_odds: float

    def log_odds(self, matrix: FloatArray) -> FloatArray:
        """Uncalibrated, shape (n,)."""
        return np.full(len(matrix), self.base_log_odds)

    def contributions(self, matrix: FloatArray) -> tuple[FloatArray, FloatArray]:
        """No column says anything."""
        return np.zeros(matrix.shape), self.log_odds(matrix)


@dataclass(frozen=True)
class Curves:
    """Logistic regression on splines."""

    model: SplineLogistic

    def log_odds(self, matrix: FloatArray) -> FloatArray:
        """Uncalibrated, shape (n,)."""
        return self.model.log_odds(matrix)

    def contributions(self, matrix: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Each column's curve, as far as it differs from its mean."""
        parts, base = self.model.contributions(matrix)
        return parts, np.full(len(matrix), base)


@dataclass(frozen=True)
class Trees:
    """Boosted trees: Chen and Guestrin (2016), XGBoost."""

    booster: xgboost.Booster

    def log_odds(self, matrix: FloatArray) -> FloatArray:
        """Uncalibrated, shape (n,)."""
        if not len(matrix):
            return np.empty(0)
        data = xgboost.DMatrix(matrix, nthread=THREADS)
        return self.booster.predict(data, output_margin=True).astype(np.float64)

    def contributions(self, matrix: FloatArray) -> tuple[FloatArray, FloatArray]:
        """SHAP values: Lundberg et al. (2020), From local explanations to global understanding with explainable AI."""
        if not len(matrix):
            return np.zeros(matrix.shape), np.empty(0)
        data = xgboost.DMatrix(matrix, nthread=THREADS)
        values = self.booster.predict(data, pred_contribs=True).astype(np.float64)
        # They are sums in single precision: what is lost in rounding goes to the base, so that the sum is exact.
        parts = values[:, :-1]
        return parts, self.log_odds(matrix) - parts.sum(axis=1)


@dataclass(frozen=True)
class Blend:
    """The mean of the log-odds of curves and trees."""

    curves: Curves
    trees: Trees

    def log_odds(self, matrix: FloatArray) -> FloatArray:
        """Uncalibrated, shape (n,)."""
        return (self.curves.log_odds(matrix) + self.trees.log_odds(matrix)) / 2

    def contributions(self, matrix: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The mean of both."""
        of_curves, of_trees = self.curves.contributions(matrix), self.trees.contributions(matrix)
        return (of_curves[0] + of_trees[0]) / 2, (of_curves[1] + of_trees[1]) / 2


def fit_base_rate(examples: Examples) -> BaseRate:
    """The share of the churned, with one customer more on each side: no share is 0 or 1."""
    churned = (examples.weight * examples.is_churned).sum()
    return BaseRate(float(logit((churned + 1) / (examples.weight.sum() + 2))))


def fit_curves(examples: Examples, tuning: Tuning) -> Curves:
    """Learn the curves."""
    return Curves(SplineLogistic.fit(examples.matrix, examples.is_churned, examples.weight, tuning.c))


def fit_trees(examples: Examples, tuning: Tuning, seed: int) -> Trees:
    """Learn the trees."""
    return Trees(_boost(examples, tuning.depth, tuning.tree_count, seed))


def fit_candidates(
    examples: Examples, tuning: Tuning, seed: int, names: Sequence[CandidateName] = CANDIDATES
) -> dict[CandidateName, Fitted]:
    """The named models, each part learned once."""
    curves = fit_curves(examples, tuning) if {"logistic", "blend"} & set(names) else None
    trees = fit_trees(examples, tuning, seed) if {"trees", "blend"} & set(names) else None
    fitted: dict[CandidateName, Fitted] = {"base_rate": fit_base_rate(examples)}
    if curves:
        fitted["logistic"] = curves
    if trees:
        fitted["trees"] = trees
    if curves and trees:
        fitted["blend"] = Blend(curves, trees)
    return {name: fitted[name] for name in names}


def tune(examples: Examples, folds: Sequence[tuple[IntArray, IntArray]], seed: int) -> Tuning:
    """The penalty, depth and number of trees with the smallest log-loss on the later parts of the folds.

    Args:
        examples: Training examples, all columns.
        folds: Rows to learn from and rows to judge by, none of which may reach into the other.
        seed: Of the trees.

    Returns:
        The choice; the defaults where there is no fold.
    """
    if not folds:
        return Tuning()
    curve_losses = dict.fromkeys(C_GRID, 0.0)
    tree_losses = {depth: np.zeros(MOST_TREES // TREES_PER_LOOK) for depth in DEPTH_GRID}
    for learned, judged in folds:
        train, test = examples.rows(learned), examples.rows(judged)
        for c in C_GRID:
            curve_losses[c] += _loss(fit_curves(train, Tuning(c=c)).log_odds(test.matrix), test)
        for depth in DEPTH_GRID:
            booster = _boost(train, depth, MOST_TREES, seed)
            tree_losses[depth] += [_loss(margin, test) for margin in _looks(booster, test.matrix)]
    depth = min(DEPTH_GRID, key=lambda depth: float(tree_losses[depth].min()))
    return Tuning(
        c=min(C_GRID, key=lambda c: curve_losses[c]),
        depth=depth,
        tree_count=(int(tree_losses[depth].argmin()) + 1) * TREES_PER_LOOK,
    )


def as_parameters(model: Fitted) -> dict[str, Any]:
    """All of a model besides the trees' own bytes; fits JSON."""
    match model:
        case BaseRate():
            return {"candidate": "base_rate", **asdict(model)}
        case Curves():
            return {"candidate": "logistic", "curves": asdict(model.model)}
        case Trees():
            return {"candidate": "trees"}
        case Blend():
            return {"candidate": "blend", "curves": asdict(model.curves.model)}
    raise TypeError(type(model))


def booster_of(model: Fitted) -> xgboost.Booster | None:
    """The trees of a model that has some."""
    match model:
        case Trees():
            return model.booster
        case Blend():
            return model.trees.booster
    return None


def from_parameters(stored: Mapping[str, Any], booster: xgboost.Booster | None) -> Fitted:
    """The model that `as_parameters` has described, with the trees of `booster_of`."""
    curves = Curves(SplineLogistic.from_dict(stored["curves"])) if "curves" in stored else None
    match stored["candidate"], curves, booster:
        case "base_rate", _, _:
            return BaseRate(stored["base_log_odds"])
        case "logistic", Curves(), _:
            return curves
        case "trees", _, xgboost.Booster():
            return Trees(booster)
        case "blend", Curves(), xgboost.Booster():
            return Blend(curves, Trees(booster))
    raise ValueError(f"a {stored['candidate']} model without its curves or trees")


def _boost(examples: Examples, depth: int, tree_count: int, seed: int) -> xgboost.Booster:
    data = xgboost.DMatrix(
        examples.matrix, label=examples.is_churned, weight=examples.weight, nthread=THREADS
    )
    parameters = {
        **TREE_PARAMETERS,
        "max_depth": depth,
        "monotone_constraints": examples.directions,
        "seed": seed,
        "nthread": THREADS,
    }
    return xgboost.train(parameters, data, num_boost_round=tree_count)


def _looks(booster: xgboost.Booster, matrix: FloatArray) -> Iterator[FloatArray]:
    """Log-odds after 25, 50, ... trees."""
    data = xgboost.DMatrix(matrix, nthread=THREADS)
    for count in range(TREES_PER_LOOK, MOST_TREES + 1, TREES_PER_LOOK):
        yield booster.predict(data, output_margin=True, iteration_range=(0, count)).astype(np.float64)


def _loss(log_odds: FloatArray, examples: Examples) -> float:
    probability = 1 / (1 + np.exp(-np.clip(log_odds, -15, 15)))
    return float(np.average(log_losses(probability, examples.is_churned), weights=examples.weight))
