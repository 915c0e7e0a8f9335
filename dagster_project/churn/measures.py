"""How good probabilities are: ranking, sharpness and calibration, each empty when it cannot be told honestly.

Here: measures of predictions against what happened. Not here: which predictions are compared (`model.py`).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata
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


def calibration_bins(
    probability: FloatArray, is_churned: BoolArray, bin_count: int = 10
) -> list[tuple[float, float]]:
    """Mean prediction and seen share of bins of about equal count, ascending; equal probabilities share a bin.

    Args:
        probability: Predictions, shape (n,).
        is_churned: What happened, shape (n,).
        bin_count: Bins at most.
    """
    bins = (rankdata(probability, method="min") - 1) * bin_count // len(probability)
    return [
        (float(probability[bins == place].mean()), float(is_churned[bins == place].mean()))
        for place in np.unique(bins)
    ]


def measure(
    probability: FloatArray, is_churned: BoolArray, customer: npt.NDArray[np.int64], base_rate: float
) -> dict[str, float | None]:
    """All measures of one data set.

    Args:
        probability: Predictions, shape (n,), n > 0.
        is_churned: What happened, shape (n,).
        customer: Integer code of the customer of each row, shape (n,).
        base_rate: Share of churned customers known beforehand: the yardstick that a model must beat.

    Returns:
        Value by name; None where there is too little to compute it.
    """
    curve = area_under_curve(probability, is_churned, customer)
    return {
        "auc": curve.value if curve else None,
        "auc_lower_bound": curve.lower if curve else None,
        "auc_upper_bound": curve.upper if curve else None,
        "average_precision": float(average_precision_score(is_churned, probability))
        if is_churned.any()
        else None,
        "brier_score": float(brier_score_loss(is_churned, probability, pos_label=True)),
        "brier_score_of_base_rate": float(
            brier_score_loss(is_churned, np.full(len(is_churned), base_rate), pos_label=True)
        ),
        "log_loss": float(log_loss(is_churned, probability, labels=[False, True])),
        "calibration_error": calibration_error(probability, is_churned),
    }
