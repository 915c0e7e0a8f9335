"""The rhythm of customers: how long the gaps between their days with activity are, and how regular.

Here: a model of gaps and what it says of the next one. Not here: who is dormant (`activity.py`), and models in which
customers may have left (`bg_nbd.py`, `pareto_nbd.py`).

Gaps of a customer are Gamma(p, nu), on average p / nu; nu ~ Gamma(q, v) differs between customers. p says how regular
all are: 1 at random, more the more alike the gaps of a customer are. It is the model of Gamma-Gamma, learned from the
gaps themselves: the mean of each customer would not do, since who has long gaps has few in the time that is seen.
"""

from typing import Self

import numpy as np
import numpy.typing as npt
from scipy.special import betaincinv, digamma, gammaln

from dagster_project.value.maximum_likelihood import (
    FloatArray,
    NotEnoughHistory,
    maximize_weighted_likelihood,
)
from dagster_project.value.purchase_histories import compressed

_STARTS = ((0.0, 0.5, 0.5), (1.0, 1.0, 1.5), (-0.7, 0.0, 0.0))  # log of p, q, v


class GapRhythm:
    """Gaps by maximum likelihood; time in days.

    Args:
        min_customers: Fewest customers with a gap to learn from.

    Attributes:
        p_, q_, v_: The estimates; v_ in days.
        standard_errors_: Standard error by parameter name, from the Hessian at the maximum by the delta method; NaN
            when the data have no interior maximum (for example: all gaps are equal).
        is_converged_: An interior maximum was found.
        customer_count_: Customers learned from.
    """

    p_: float
    q_: float
    v_: float
    standard_errors_: dict[str, float]
    is_converged_: bool
    customer_count_: int

    def __init__(self, min_customers: int = 20) -> None:
        self.min_customers = min_customers

    def fit(
        self, gap_count: npt.ArrayLike, gap_total_days: npt.ArrayLike, gap_log_sum: npt.ArrayLike
    ) -> Self:
        """Learn p, q and v from the customers with a gap; the three numbers are all that their gaps say of them.

        Args:
            gap_count: Gaps of each customer, shape (n,).
            gap_total_days: Their sum, shape (n,).
            gap_log_sum: Sum of their natural logs, shape (n,).

        Raises:
            NotEnoughHistory: Fewer customers with a gap than needed.
        """
        rows = np.column_stack(
            [np.asarray(values, dtype=np.float64) for values in (gap_count, gap_total_days, gap_log_sum)]
        )
        rows = rows[rows[:, 0] > 0]
        if len(rows) < self.min_customers:
            raise NotEnoughHistory(
                f"a rhythm needs {self.min_customers} customers with a gap, not {len(rows)}"
            )
        # v is a pure scale: the search sees gaps in units of their mean.
        unit = float(rows[:, 1].sum() / rows[:, 0].sum())
        scaled = np.column_stack([rows[:, 0], rows[:, 1] / unit, rows[:, 2] - rows[:, 0] * np.log(unit)])
        different = compressed(scaled)
        maximum = maximize_weighted_likelihood(
            _log_likelihood, different.histories, different.weights, _STARTS
        )
        estimates = np.exp(maximum.log_parameters) * np.array([1.0, 1.0, unit])
        self.p_, self.q_, self.v_ = (float(estimate) for estimate in estimates)
        errors = estimates * maximum.log_parameter_errors
        self.standard_errors_ = dict(zip(("p", "q", "v"), errors.tolist(), strict=True))
        self.is_converged_ = maximum.is_converged
        self.customer_count_ = len(rows)
        return self

    def gap_quantile(
        self, share: float, gap_count: npt.ArrayLike, gap_total_days: npt.ArrayLike
    ) -> FloatArray:
        """Days that the next gap of each customer stays below with probability `share`, shape (n,).

        Given n gaps of S days in all nu ~ Gamma(q + p n, v + S), and the next gap is (v + S) times a beta prime of p
        and q + p n: that of all where n is 0, and the more the customer's own the more gaps there are (empirical
        Bayes).
        """
        n = np.asarray(gap_count, dtype=np.float64)
        part = betaincinv(self.p_, self.q_ + self.p_ * n, share)
        total = self.v_ + np.where(n > 0, np.asarray(gap_total_days, dtype=np.float64), 0.0)
        return np.asarray(total * part / (1 - part), dtype=np.float64)


def _log_likelihood(
    log_parameters: FloatArray, rows: FloatArray, weights: FloatArray
) -> tuple[float, FloatArray]:
    """Log-likelihood of gaps, nu integrated out, and its gradient by the logs of p, q and v."""
    p, q, v = np.exp(log_parameters)
    n, total, log_sum = rows.T
    values = (
        gammaln(p * n + q)
        - gammaln(q)
        - n * gammaln(p)
        + q * np.log(v)
        + (p - 1) * log_sum
        - (p * n + q) * np.log(v + total)
    )
    both = digamma(p * n + q) - np.log(v + total)
    by_p = n * (both - digamma(p)) + log_sum
    by_q = both - digamma(q) + np.log(v)
    by_v = q / v - (p * n + q) / (v + total)
    gradient = np.array([weights @ by_p * p, weights @ by_q * q, weights @ by_v * v])
    return float(weights @ values), gradient
