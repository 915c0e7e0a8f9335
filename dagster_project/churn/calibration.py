"""From the trees' log-odds to probabilities that can be taken at their word.

Here: fitting and applying the calibration curve. Not here: which predictions it is fitted on (`model.py`).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

FloatArray = npt.NDArray[np.float64]

ISOTONIC_MINIMUM_CHURNED = 500
LOWEST_PROBABILITY = 0.001
END_EXAMPLES = 50


@dataclass(frozen=True)
class Calibration:
    """A rising curve from log-odds to probability.

    Attributes:
        method: `sigmoid` or `isotonic`.
        slope: Slope of the sigmoid on the log-odds.
        intercept: Intercept of the sigmoid.
        log_odds_knots: Knots of the isotonic curve.
        probability_knots: Probabilities at the knots.
    """

    method: str
    slope: float = 1.0
    intercept: float = 0.0
    log_odds_knots: tuple[float, ...] = ()
    probability_knots: tuple[float, ...] = ()

    def probability(self, log_odds: FloatArray) -> FloatArray:
        """Probabilities, shape (n,), from 0.001 to 0.999: no past allows certainty about a customer."""
        if self.method == "isotonic":
            raw = np.interp(log_odds, self.log_odds_knots, self.probability_knots)
        else:
            raw = 1 / (1 + np.exp(-(self.slope * log_odds + self.intercept)))
        return np.clip(raw, LOWEST_PROBABILITY, 1 - LOWEST_PROBABILITY)


def fit_calibration(
    log_odds: FloatArray, is_churned: npt.NDArray[np.bool_], churned_customer_count: int
) -> Calibration:
    """Sigmoid with few events, isotonic with many.

    The sigmoid has two parameters and is Platt (1999), Probabilistic Outputs for Support Vector Machines,
    with his smoothed targets, so that a perfect separation does not give certainty. Isotonic regression needs
    about a thousand cases to beat it (Niculescu-Mizil and Caruana 2005, Predicting Good Probabilities);
    here it is used from 500 churned customers on, counted as customers because their snapshots repeat each
    other.

    Args:
        log_odds: Out-of-time output of the trees, shape (n,), n > 0.
        is_churned: What happened, shape (n,).
        churned_customer_count: Different customers among the churned rows.

    Returns:
        The curve; flat when high log-odds went with staying, because a reversed curve would be chance.
    """
    if churned_customer_count >= ISOTONIC_MINIMUM_CHURNED:
        curve = IsotonicRegression(out_of_bounds="clip").fit(log_odds, is_churned)
        lowest, highest = _end_shares(log_odds, is_churned)
        return Calibration(
            "isotonic",
            log_odds_knots=tuple(float(knot) for knot in curve.X_thresholds_),
            probability_knots=tuple(float(knot) for knot in np.clip(curve.y_thresholds_, lowest, highest)),
        )
    churned_count = int(is_churned.sum())
    high = (churned_count + 1) / (churned_count + 2)
    low = 1 / (len(is_churned) - churned_count + 2)
    target = np.where(is_churned, high, low)
    sigmoid = LogisticRegression(C=1e6, max_iter=1000, tol=1e-8).fit(
        np.concatenate([log_odds, log_odds])[:, None],
        np.repeat([1, 0], len(log_odds)),
        sample_weight=np.concatenate([target, 1 - target]),
    )
    slope, intercept = float(sigmoid.coef_[0, 0]), float(sigmoid.intercept_[0])
    if slope <= 0:
        share = target.mean()
        slope, intercept = 0.0, float(np.log(share / (1 - share)))
    return Calibration("sigmoid", slope=slope, intercept=intercept)


def _end_shares(log_odds: FloatArray, is_churned: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """Smoothed shares of the 50 lowest and highest: an end step of few examples would promise 0 or 1."""
    ordered = is_churned[np.argsort(log_odds, kind="stable")]
    lowest = (ordered[:END_EXAMPLES].sum() + 1) / (len(ordered[:END_EXAMPLES]) + 2)
    highest = (ordered[-END_EXAMPLES:].sum() + 1) / (len(ordered[-END_EXAMPLES:]) + 2)
    return float(min(lowest, is_churned.mean())), float(max(highest, is_churned.mean()))
