"""How good a forecast of what buyers spend was: order, level and the single customer.

Here: the measures. Not here: what is forecast, and who wins (`contest.py`).
"""

import numpy as np
from scipy.stats import rankdata

from dagster_project.value.maximum_likelihood import FloatArray


def normalised_gini(actual: FloatArray, predicted: FloatArray) -> float:
    """How much of the order of actual values a forecast knows: 1 all of it, 0 none; NaN when all are equal.

    The Gini coefficient of values in an order is their covariance with ranks; ties share the mean rank, so that no
    order of rows counts.
    """
    mean = actual.mean() if len(actual) else 0.0
    best = float(np.sum((actual - mean) * rankdata(actual)))
    return float(np.sum((actual - mean) * rankdata(predicted))) / best if best > 0 else float("nan")


def measures_of(
    predicted: FloatArray, actual: FloatArray, purchases: FloatArray | None, day_counts: FloatArray
) -> dict[str, float]:
    """The measures of a forecast in the columns of `clv_model_contest`; NaN where there is nothing to divide by.

    Args:
        predicted: Spend that was foretold, shape (n,).
        actual: Spend that came, shape (n,).
        purchases: Purchase days that were foretold, shape (n,); None of a model that counts none.
        day_counts: Purchase days that came, shape (n,).
    """
    error = float(np.mean(np.abs(predicted - actual)))
    gini = normalised_gini(actual, predicted)
    total = _share(predicted.sum() - actual.sum(), actual.sum())
    measures = {
        "predicted_spend_amount": float(predicted.sum()),
        "normalised_gini": gini,
        "total_error_ratio": total,
        "mean_absolute_error_amount": error,
        "loss": 1 - gini + abs(total) + _share(error, float(actual.mean())),
    }
    if purchases is not None:
        # The correlation of ranks, without the division by zero of one constant forecast.
        ranks, actual_ranks = rankdata(purchases), rankdata(day_counts)
        spread = ranks.std() * actual_ranks.std()
        shared = float(np.mean((ranks - ranks.mean()) * (actual_ranks - actual_ranks.mean())))
        measures |= {
            "purchase_mean_absolute_error": float(np.mean(np.abs(purchases - day_counts))),
            "purchase_total_error_ratio": _share(purchases.sum() - day_counts.sum(), day_counts.sum()),
            "purchase_rank_correlation": shared / spread if spread > 0 else float("nan"),
        }
    return measures


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole > 0 else float("nan")
