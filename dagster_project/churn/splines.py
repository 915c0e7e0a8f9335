"""Logistic regression on smooth curves of each number.

Here: the curves, the fit, and what each column adds to the log-odds. Not here: which C is best (`candidates.py`).
"""

from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

KNOT_QUANTILES = (0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975)
END_QUANTILES = (0.005, 0.995)
FEWEST_DISTINCT_FOR_CURVE = 8


@dataclass(frozen=True)
class Curve:
    """How one column enters: a line or a restricted cubic spline, and whether it is known.

    Attributes:
        low: Smaller values are taken as this one: no extreme may carry a prediction away.
        high: Larger values are taken as this one.
        middle: Stands in for what is unknown.
        knots: Of the spline, ascending; a line has none.
        has_gaps: Whether "unknown" is a term of its own.
    """

    low: float
    high: float
    middle: float
    knots: tuple[float, ...]
    has_gaps: bool

    @classmethod
    def of(cls, values: FloatArray) -> Self:
        """Look at the examples of a column, shape (n,), NaN where unknown."""
        known = values[~np.isnan(values)]
        if not len(known):
            return cls(0.0, 0.0, 0.0, (), has_gaps=False)
        low, high = (float(end) for end in np.quantile(known, END_QUANTILES))
        if low == high:  # nearly all are equal: the few others must not be cut away
            low, high = float(known.min()), float(known.max())
        knots: tuple[float, ...] = ()
        if len(np.unique(known)) >= FEWEST_DISTINCT_FOR_CURVE:
            knots = tuple(
                float(knot) for knot in np.unique(np.quantile(np.clip(known, low, high), KNOT_QUANTILES))
            )
        return cls(
            low, high, float(np.median(known)), knots if len(knots) > 2 else (), len(known) < len(values)
        )

    def terms(self, values: FloatArray) -> FloatArray:
        """Shape (n, terms): the value, the bends of the spline, and 1 where it is unknown.

        Restricted cubic splines with linear ends: Harrell (2015), Regression Modeling Strategies, eq. 2.24-2.26.
        """
        unknown = np.isnan(values)
        inside = np.clip(np.where(unknown, self.middle, values), self.low, self.high)
        terms = [inside]
        if self.knots:
            *inner, before, last = self.knots
            width = (last - self.knots[0]) ** 2
            cube = {knot: np.maximum(inside - knot, 0) ** 3 for knot in self.knots}
            terms += [
                (
                    cube[knot]
                    - cube[before] * (last - knot) / (last - before)
                    + cube[last] * (before - knot) / (last - before)
                )
                / width
                for knot in inner
            ]
        if self.has_gaps:
            terms.append(unknown.astype(np.float64))
        return np.stack(terms, axis=1)


@dataclass(frozen=True)
class SplineLogistic:
    """A fitted model; all that it is made of fits JSON.

    Attributes:
        curves: Per column of the matrix.
        means: Of each term over the examples.
        weights: Log-odds per unit of each term.
        intercept: Log-odds where all terms are at their means.
    """

    curves: tuple[Curve, ...]
    means: tuple[float, ...] = field(repr=False)
    weights: tuple[float, ...] = field(repr=False)
    intercept: float

    @classmethod
    def fit(cls, matrix: FloatArray, is_churned: BoolArray, weight: FloatArray, c: float) -> Self:
        """Ridge regression on the standardised terms of all columns.

        Args:
            matrix: Shape (n, columns), NaN where unknown.
            is_churned: Shape (n,).
            weight: Of each example, shape (n,).
            c: Inverse strength of the penalty, as scikit-learn has it.
        """
        curves = tuple(Curve.of(column) for column in matrix.T)
        terms = _terms(curves, matrix)
        means, spreads = terms.mean(axis=0), terms.std(axis=0)
        spreads[spreads < 1e-9] = np.inf  # says nothing: weight 0
        terms -= means
        terms /= spreads
        fitted = LogisticRegression(C=c, solver="newton-cholesky", max_iter=100).fit(
            terms, is_churned, sample_weight=weight
        )
        weights = fitted.coef_[0] / spreads
        return cls(curves, tuple(means.tolist()), tuple(weights.tolist()), float(fitted.intercept_[0]))

    def log_odds(self, matrix: FloatArray) -> FloatArray:
        """Shape (n,)."""
        moved = _terms(self.curves, matrix) - np.array(self.means)
        return np.asarray(moved @ np.array(self.weights) + self.intercept)

    def contributions(self, matrix: FloatArray) -> tuple[FloatArray, float]:
        """What each column adds to the log-odds, shape (n, columns), and the base to which it adds it."""
        parts = (_terms(self.curves, matrix) - np.array(self.means)) * np.array(self.weights)
        widths = [1 + max(len(curve.knots) - 2, 0) + curve.has_gaps for curve in self.curves]
        starts = np.concatenate([[0], np.cumsum(widths)[:-1]]).astype(np.int64)
        return np.add.reduceat(parts, starts, axis=1), self.intercept

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Self:
        """The model that `dataclasses.asdict` has described."""
        curves = tuple(Curve(**{**curve, "knots": tuple(curve["knots"])}) for curve in stored["curves"])
        return cls(curves, tuple(stored["means"]), tuple(stored["weights"]), stored["intercept"])


def _terms(curves: tuple[Curve, ...], matrix: FloatArray) -> FloatArray:
    return np.concatenate([curve.terms(matrix[:, place]) for place, curve in enumerate(curves)], axis=1)
