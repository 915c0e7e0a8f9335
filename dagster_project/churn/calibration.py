"""From a model's log-odds to probabilities that can be taken at their word and never change the order.

Here: curves that rise strictly, the choice among them, and the level of the newest outcomes. Not here: which
predictions they are fitted on (`contest.py`).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit, log_expit, logit
from sklearn.isotonic import IsotonicRegression

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]

FOLDS = 5
FEWEST_PER_STEP = 50
STEP_SHARE = 0.8
FLATTEST_SLOPE = 1e-3


@dataclass(frozen=True)
class Calibration:
    """A strictly rising curve from log-odds to probability.

    Attributes:
        method: `logistic`, `beta` or `isotonic`.
        rise: Of the log-odds: its weight in ln p, at least 0.
        fall: Its weight in -ln(1 - p), at least 0; the two are equal in the logistic curve.
        intercept: Added to the log-odds.
        log_odds_knots: Of the isotonic curve, ascending; between them it is straight.
        probability_knots: At the knots, ascending.
        end_probability: Distance of all probabilities from 0 and 1: no past allows certainty about a customer.
        level: Added to the log-odds at the end, so that the newest outcomes are met.
    """

    method: str
    rise: float = 1.0
    fall: float = 1.0
    intercept: float = 0.0
    log_odds_knots: tuple[float, ...] = ()
    probability_knots: tuple[float, ...] = ()
    end_probability: float = 1e-4
    level: float = 0.0

    def probability(self, log_odds: FloatArray) -> FloatArray:
        """Shape (n,)."""
        linear = self.rise * log_expit(log_odds) - self.fall * log_expit(-log_odds) + self.intercept
        probability = expit(linear)
        if self.log_odds_knots:
            steps = np.interp(log_odds, self.log_odds_knots, self.probability_knots)
            probability = STEP_SHARE * steps + (1 - STEP_SHARE) * probability
        inside = self.end_probability + (1 - 2 * self.end_probability) * probability
        return np.asarray(expit(logit(inside) + self.level))

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Self:
        """The curve that `dataclasses.asdict` has described."""
        knots = {name: tuple(stored[name]) for name in ("log_odds_knots", "probability_knots")}
        return cls(**{**stored, **knots})


def fit_calibration(
    log_odds: FloatArray, is_churned: BoolArray, customer: IntArray, moment: IntArray | None = None
) -> Calibration:
    """The curve with the smallest log-loss on customers that it was not fitted on, at the level of the newest outcomes.

    - `logistic`: Platt (1999), Probabilistic Outputs for Support Vector Machines, with his smoothed targets.
    - `beta`: Kull, Silva Filho and Flach (2017), Beta calibration: two slopes, one for each end.
    - `isotonic`: steps of isotonic regression, joined by straight lines between their middles and mixed with the
      logistic curve, so that it rises everywhere. Steps alone give one probability to thousands of customers.

    A richer curve must be better by a standard error of the paired difference; else the poorer one stays.

    Args:
        log_odds: Predictions of rows that the model has not seen, shape (n,), n > 0.
        is_churned: What happened, shape (n,).
        customer: Integer code of the customer of each row, shape (n,).
        moment: Order of the snapshot of each row, shape (n,); the level then follows the newest ones as far as they
            differ from each other by more than chance.
    """
    end = 0.5 / (len(np.unique(customer)) + 1)
    best = _logistic(log_odds, is_churned)
    fold = _fold_of(customer)
    ahead = _ahead(_logistic, log_odds, is_churned, fold)
    for fit in (_beta, _isotonic):
        richer = _ahead(fit, log_odds, is_churned, fold)
        if richer is not None and ahead is not None and is_better(richer, ahead, customer):
            best, ahead = fit(log_odds, is_churned), richer
    best = replace(best, end_probability=end)
    if moment is None:
        return best
    return replace(best, level=_newest_level(best.probability(log_odds), is_churned, customer, moment))


def is_better(loss: FloatArray, than: FloatArray, customer: IntArray) -> bool:
    """Whether losses are smaller by more than the standard error of their difference, customers taken as wholes."""
    difference = than - loss
    _, code = np.unique(customer, return_inverse=True)
    per_customer = np.bincount(code, weights=difference - difference.mean())
    return bool(difference.mean() > np.sqrt((per_customer**2).sum()) / len(difference))


def log_losses(probability: FloatArray, is_churned: BoolArray) -> FloatArray:
    """Of each row, shape (n,)."""
    return -np.log(np.where(is_churned, probability, 1 - probability))


def _fold_of(customer: IntArray) -> IntArray:
    """Customers dealt into folds by a fixed shuffle, the same in every process."""
    codes, code = np.unique(customer, return_inverse=True)
    fold: IntArray = np.random.default_rng(0).permutation(len(codes)) % FOLDS
    return fold[code]


def _ahead(
    fit: Callable[[FloatArray, BoolArray], Calibration],
    log_odds: FloatArray,
    is_churned: BoolArray,
    fold: IntArray,
) -> FloatArray | None:
    """Losses of each row by a curve fitted on other customers; None where a fold has not both outcomes."""
    losses = np.empty(len(log_odds))
    for held_out in range(FOLDS):
        test = fold == held_out
        if len(np.unique(is_churned[~test])) < 2:
            return None
        losses[test] = log_losses(
            fit(log_odds[~test], is_churned[~test]).probability(log_odds[test]), is_churned[test]
        )
    return losses


def _smoothed(is_churned: BoolArray) -> FloatArray:
    churned = int(is_churned.sum())
    return np.where(is_churned, (churned + 1) / (churned + 2), 1 / (len(is_churned) - churned + 2))


def _minimum(
    terms: FloatArray, target: FloatArray, start: FloatArray, bounds: list[tuple[float | None, None]]
) -> FloatArray:
    """Weights of a logistic regression without penalty, within bounds."""

    def loss_and_slope(weights: FloatArray) -> tuple[float, FloatArray]:
        linear = terms @ weights
        loss = -(target * log_expit(linear) + (1 - target) * log_expit(-linear)).mean()
        return float(loss), terms.T @ (expit(linear) - target) / len(target)

    return np.asarray(minimize(loss_and_slope, start, jac=True, method="L-BFGS-B", bounds=bounds).x)


def _logistic(log_odds: FloatArray, is_churned: BoolArray) -> Calibration:
    terms = np.stack([log_odds, np.ones(len(log_odds))], axis=1)
    slope, intercept = _minimum(
        terms, _smoothed(is_churned), np.array([1.0, 0.0]), [(FLATTEST_SLOPE, None), (None, None)]
    )
    return Calibration("logistic", float(slope), float(slope), float(intercept))


def _beta(log_odds: FloatArray, is_churned: BoolArray) -> Calibration:
    terms = np.stack([log_expit(log_odds), -log_expit(-log_odds), np.ones(len(log_odds))], axis=1)
    bounds: list[tuple[float | None, None]] = [(FLATTEST_SLOPE, None), (FLATTEST_SLOPE, None), (None, None)]
    rise, fall, intercept = _minimum(terms, _smoothed(is_churned), np.array([1.0, 1.0, 0.0]), bounds)
    return Calibration("beta", float(rise), float(fall), float(intercept))


def _isotonic(log_odds: FloatArray, is_churned: BoolArray) -> Calibration:
    curve = IsotonicRegression(out_of_bounds="clip").fit(log_odds, is_churned).predict(log_odds)
    order = np.argsort(log_odds, kind="stable")
    steps = np.unique(curve)
    step = np.searchsorted(steps, curve[order])
    # Steps of a few rows are chance: each is taken together with the next ones until there are enough.
    size = np.bincount(step)
    group = np.minimum(
        (np.cumsum(size) - size) // FEWEST_PER_STEP, max(len(log_odds) // FEWEST_PER_STEP - 1, 0)
    )[step]
    _, group = np.unique(group, return_inverse=True)
    size = np.bincount(group)
    middles = np.bincount(group, weights=log_odds[order]) / size
    shares = (np.bincount(group, weights=is_churned[order]) + is_churned.mean()) / (size + 1)
    shares = np.maximum.accumulate(shares)
    base = _logistic(log_odds, is_churned)
    return replace(
        base,
        method="isotonic",
        log_odds_knots=tuple(middles.tolist()),
        probability_knots=tuple(shares.tolist()),
    )


def _newest_level(
    probability: FloatArray, is_churned: BoolArray, customer: IntArray, moment: IntArray
) -> float:
    """How far the newest snapshot lies off, shrunk by what snapshots differ for no reason.

    Snapshots whose true offsets vary by a variance and are each seen with an error of their own: the random-effects
    model of DerSimonian and Laird (1986), Meta-analysis in clinical trials; the newest one's best prediction.
    """
    moments = np.unique(moment)
    if len(moments) < 3:
        return 0.0
    offset, error = np.empty(len(moments)), np.empty(len(moments))
    for place, one in enumerate(moments):
        rows = moment == one
        information = (probability[rows] * (1 - probability[rows])).sum() + 0.5
        offset[place] = (is_churned[rows] - probability[rows]).sum() / information
        error[place] = 1 / information
    weight = 1 / error
    mean = (weight * offset).sum() / weight.sum()
    surplus = (weight * (offset - mean) ** 2).sum() - (len(moments) - 1)
    variance = max(0.0, surplus / (weight.sum() - (weight**2).sum() / weight.sum()))
    return float(np.clip(mean + variance / (variance + error[-1]) * (offset[-1] - mean), -1.0, 1.0))
