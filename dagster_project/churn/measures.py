"""How good probabilities are: ranking, sharpness and calibration, each empty when it cannot be told honestly.

Here: measures of predictions against what happened. Not here: which predictions are compared (`model.py`).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import logit
from scipy.stats import binomtest, rankdata
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

NORMAL_QUANTILE_95 = 1.959964


@dataclass(frozen=True)
class AreaUnderCurve:
    """Chance that a churned customer was ranked above one who stayed, with its standard error."""

    value: float
    standard_error: float

    @property
    def lower(self) -> float:
        """Lower end of the 95 % interval."""
        return max(0.0, self.value - NORMAL_QUANTILE_95 * self.standard_error)

    @property
    def upper(self) -> float:
        """Upper end of the 95 % interval."""
        return min(1.0, self.value + NORMAL_QUANTILE_95 * self.standard_error)


def area_under_curve(
    probability: FloatArray, is_churned: BoolArray, customer: npt.NDArray[np.int64]
) -> AreaUnderCurve | None:
    """AUC with a standard error that knows that the snapshots of one customer are not independent.

    Obuchowski (1997), Nonparametric analysis of clustered ROC curve data, Biometrics 53, 567-578: the
    structural components of DeLong et al. (1988) summed per cluster; a cluster is a customer here.

    Args:
        probability: Predictions, shape (n,).
        is_churned: What happened, shape (n,).
        customer: Integer code of the customer of each row, shape (n,).

    Returns:
        The estimate, or None with fewer than two customers who churned or who stayed.
    """
    churned_clusters, stayed_clusters = np.unique(customer[is_churned]), np.unique(customer[~is_churned])
    if len(churned_clusters) < 2 or len(stayed_clusters) < 2:
        return None
    churned_count, stayed_count = int(is_churned.sum()), int((~is_churned).sum())
    rank_all = rankdata(probability)
    placement = np.empty(len(probability))
    placement[is_churned] = (rank_all[is_churned] - rankdata(probability[is_churned])) / stayed_count
    placement[~is_churned] = 1 - (rank_all[~is_churned] - rankdata(probability[~is_churned])) / churned_count
    value = float(placement[is_churned].mean())
    clusters, code = np.unique(customer, return_inverse=True)
    deviation = placement - value
    of_churned = np.bincount(code, weights=deviation * is_churned, minlength=len(clusters))
    of_stayed = np.bincount(code, weights=deviation * ~is_churned, minlength=len(clusters))
    spread = len(churned_clusters) / (len(churned_clusters) - 1) * (of_churned**2).sum() / churned_count**2
    spread += len(stayed_clusters) / (len(stayed_clusters) - 1) * (of_stayed**2).sum() / stayed_count**2
    shared = (of_churned * of_stayed).sum() / (churned_count * stayed_count)
    spread += 2 * len(clusters) / (len(clusters) - 1) * shared
    return AreaUnderCurve(value, float(np.sqrt(max(spread, 0.0))))


def calibration_error(probability: FloatArray, is_churned: BoolArray, bin_count: int = 10) -> float:
    """Expected calibration error over bins of equal count; equal probabilities share a bin.

    Naeini, Cooper and Hauskrecht (2015), Obtaining Well Calibrated Probabilities Using Bayesian Binning, eq.
    1.

    Args:
        probability: Predictions, shape (n,).
        is_churned: What happened, shape (n,).
        bin_count: Bins.

    Returns:
        Mean distance of predicted and seen share, weighted by the rows of the bin, 0 to 1.
    """
    bins = np.minimum(
        (rankdata(probability, method="min") - 1) * bin_count // len(probability), bin_count - 1
    )
    gap = np.bincount(bins.astype(np.int64), weights=probability - is_churned)
    return float(np.abs(gap).sum() / len(probability))


@dataclass(frozen=True)
class CalibrationBin:
    """Rows of about equal probability: what was predicted of them, and what was seen.

    Attributes:
        lowest: Lowest probability.
        highest: Highest probability.
        predicted: Mean probability.
        example_count: Rows.
        churned_count: Rows of customers who left.
    """

    lowest: float
    highest: float
    predicted: float
    example_count: int
    churned_count: int

    @property
    def seen(self) -> float:
        """Share of the rows whose customer left."""
        return self.churned_count / self.example_count

    @property
    def bounds(self) -> tuple[float, float]:
        """95 % interval of the seen share.

        Wilson (1927), Probable Inference, the Law of Succession, and Statistical Inference, JASA 22, 209-212. It takes
        rows as independent: two of one customer are not, so the truth is a little wider.
        """
        interval = binomtest(self.churned_count, self.example_count).proportion_ci(0.95, method="wilson")
        return float(interval.low), float(interval.high)


def calibration_bins(
    probability: FloatArray, is_churned: BoolArray, bin_count: int = 10
) -> list[CalibrationBin]:
    """Predicted and seen share in bins of about equal count, ascending; equal probabilities share a bin.

    Args:
        probability: Predictions, shape (n,).
        is_churned: What happened, shape (n,).
        bin_count: Bins at most.
    """
    bins = (rankdata(probability, method="min") - 1) * bin_count // len(probability)
    rows = [(probability[bins == place], is_churned[bins == place]) for place in np.unique(bins)]
    return [
        CalibrationBin(
            float(predicted.min()),
            float(predicted.max()),
            float(predicted.mean()),
            len(churned),
            int(churned.sum()),
        )
        for predicted, churned in rows
    ]


Measure = tuple[float | None, float | None, float | None]
"""A value and the ends of its 95 % interval; None where it cannot be told."""
UNKNOWN: Measure = (None, None, None)
JACKKNIFE_GROUPS = 20
MEASURES = (
    "auc",
    "average_precision",
    "brier_score",
    "brier_score_of_base_rate",
    "log_loss",
    "calibration_error",
    "calibration_slope",
    "calibration_intercept",
    "top_decile_lift",
    "top_5_percent_capture_share",
    "accuracy",
    "accuracy_of_majority",
)


def measure(
    probability: FloatArray,
    is_churned: BoolArray,
    customer: npt.NDArray[np.int64],
    base_rate: float,
    has_interval: bool = True,
) -> dict[str, Measure]:
    """All measures of one data set.

    The interval of the AUC is that of `area_under_curve`; the others' come from leaving out one twentieth of the
    customers at a time: Kott (2001), The delete-a-group jackknife.

    Args:
        probability: Predictions, shape (n,), n > 0.
        is_churned: What happened, shape (n,).
        customer: Integer code of the customer of each row, shape (n,).
        base_rate: Share of churned customers known beforehand: the yardstick that a model must beat.
        has_interval: False for rows that the model has learned from: they prove nothing.

    Returns:
        Value and interval by name; None where there is too little to compute it.
    """
    curve = area_under_curve(probability, is_churned, customer)
    found: dict[str, Measure] = {"auc": UNKNOWN}
    if curve:
        found["auc"] = (curve.value, curve.lower, curve.upper) if has_interval else (curve.value, None, None)
    values = _values(probability, is_churned, base_rate)
    errors = _standard_errors(probability, is_churned, customer, base_rate) if has_interval else {}
    for name, value in values.items():
        error = errors.get(name)
        if value is None or error is None:
            found[name] = (value, None, None)
        else:
            found[name] = (value, value - NORMAL_QUANTILE_95 * error, value + NORMAL_QUANTILE_95 * error)
    return found


def calibration_line(probability: FloatArray, is_churned: BoolArray) -> tuple[float, float] | None:
    """Slope and intercept of what happened on the predicted log-odds: 1 and 0 when predictions hold.

    Cox (1958), Two further applications of a model for binary regression.

    Returns:
        None when all predictions, or all outcomes, are equal.
    """
    log_odds = logit(np.clip(probability, 1e-9, 1 - 1e-9))
    if np.ptp(log_odds) < 1e-6 or len(np.unique(is_churned)) < 2:
        return None
    fitted = LogisticRegression(C=np.inf, solver="newton-cholesky", max_iter=100).fit(
        log_odds[:, None], is_churned
    )
    return float(fitted.coef_[0, 0]), float(fitted.intercept_[0])


def _values(probability: FloatArray, is_churned: BoolArray, base_rate: float) -> dict[str, float | None]:
    share = float(is_churned.mean())
    line = calibration_line(probability, is_churned)
    return {
        "average_precision": float(average_precision_score(is_churned, probability)) if share else None,
        "brier_score": float(brier_score_loss(is_churned, probability, pos_label=True)),
        "brier_score_of_base_rate": float(np.mean((is_churned - base_rate) ** 2)),
        "log_loss": float(log_loss(is_churned, probability, labels=[False, True])),
        "calibration_error": calibration_error(probability, is_churned),
        "calibration_slope": line[0] if line else None,
        "calibration_intercept": line[1] if line else None,
        "top_decile_lift": _share_of_churned(probability, is_churned, 0.10, by=share * 0.10),
        "top_5_percent_capture_share": _share_of_churned(probability, is_churned, 0.05, by=share),
        "accuracy": float(np.mean((probability > 0.5) == is_churned)),
        "accuracy_of_majority": max(share, 1 - share),
    }


def _share_of_churned(probability: FloatArray, is_churned: BoolArray, top: float, by: float) -> float | None:
    """Share of all rows that are churned and among the riskiest, over `by`; equal probabilities count in part."""
    if not by:
        return None
    room = top * len(probability)
    values, code, counts = np.unique(-probability, return_inverse=True, return_counts=True)
    before = np.cumsum(counts) - counts
    taken = np.clip((room - before) / counts, 0, 1)
    return float((taken[code] * is_churned).mean() / by)


def _standard_errors(
    probability: FloatArray, is_churned: BoolArray, customer: npt.NDArray[np.int64], base_rate: float
) -> dict[str, float | None]:
    codes, code = np.unique(customer, return_inverse=True)
    groups = min(JACKKNIFE_GROUPS, len(codes))
    if groups < 2:
        return {}
    group = np.random.default_rng(0).permutation(len(codes))[code] % groups
    without = [
        _values(probability[group != one], is_churned[group != one], base_rate) for one in range(groups)
    ]
    errors: dict[str, float | None] = {}
    for name in without[0]:
        values = [found[name] for found in without]
        known = np.array([value for value in values if value is not None])
        spread = (groups - 1) / groups * ((known - known.mean()) ** 2).sum() if len(known) == groups else None
        errors[name] = None if spread is None else float(np.sqrt(spread))
    return errors
