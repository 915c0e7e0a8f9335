"""Gamma-Gamma: what a purchase day of a customer is worth.

Here: the model of average spend per purchase and its expectation. Not here: how many purchases follow
(`bg_nbd.py`) and frames (`clv.py`).

Source: Fader and Hardie (2013), The Gamma-Gamma Model of Monetary Value. The purchases of a customer are
worth Gamma(p, nu), on average p / nu; nu ~ Gamma(q, v) differs between customers and has nothing to do with
how often they buy.
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

_STARTS = ((1.5, 1.0, 0.0), (0.0, 0.0, 0.5), (3.0, 2.0, 1.0))  # log of p, of q above its least value, of v
_LEAST_Q = 1.05


class GammaGammaModel:
    """Gamma-Gamma by maximum likelihood; money in the unit of the input.

    The mean over all customers, p v / (q - 1), is infinite for q <= 1, and nobody can be valued with it; q is
    therefore kept above 1.05, where even the heaviest tail has a mean.

    Args:
        min_customers: Fewest customers to learn from.

    Attributes:
        p_, q_, v_: The estimates; v_ in money.
        standard_errors_: Standard error by parameter name, from the Hessian at the maximum by the delta
            method; NaN when the data have no interior maximum (for example: every purchase has the same
            price).
        log_likelihood_: At the estimates, in nats.
        is_converged_: An interior maximum was found.
        customer_count_: Customers learned from.
    """

    p_: float
    q_: float
    v_: float
    standard_errors_: dict[str, float]
    log_likelihood_: float
    is_converged_: bool
    customer_count_: int

    def __init__(self, min_customers: int = 20) -> None:
        self.min_customers = min_customers

    def fit(self, purchase_count: npt.ArrayLike, average_spend: npt.ArrayLike) -> Self:
        """Learn p, q and v.

        Args:
            purchase_count: Purchases behind each average, 1 or more, shape (n,).
            average_spend: Average spend of these purchases, above 0, shape (n,).

        Raises:
            NotEnoughHistory: Fewer customers than needed.
            ValueError: A count below 1 or an average that is not above 0.
        """
        spends = np.column_stack(
            [np.asarray(values, dtype=np.float64) for values in (purchase_count, average_spend)]
        )
        if len(spends) < self.min_customers:
            raise NotEnoughHistory(
                f"Gamma-Gamma needs {self.min_customers} customers with spend; there are {len(spends)}"
            )
        if not np.all(np.isfinite(spends)) or np.any(spends[:, 0] < 1) or np.any(spends[:, 1] <= 0):
            raise ValueError("every customer needs one purchase or more and an average spend above 0")
        different = compressed(spends)
        # v is a pure scale: the search sees spend in units of its mean, whatever the currency.
        unit = float(different.weights @ different.histories[:, 1] / different.weights.sum())
        maximum = maximize_weighted_likelihood(
            _log_likelihood, different.histories / np.array([1.0, unit]), different.weights, _STARTS
        )
        p, q_above_least, v = np.exp(maximum.log_parameters)
        self.p_, self.q_, self.v_ = float(p), float(_LEAST_Q + q_above_least), float(v * unit)
        errors = np.array([p, q_above_least, v * unit]) * maximum.log_parameter_errors
        self.standard_errors_ = dict(zip(("p", "q", "v"), errors.tolist(), strict=True))
        self.log_likelihood_ = maximum.log_likelihood - len(spends) * float(np.log(unit))
        self.is_converged_ = maximum.is_converged
        self.customer_count_ = len(spends)
        return self

    def expected_spend(self, purchase_count: npt.ArrayLike, average_spend: npt.ArrayLike) -> FloatArray:
        """Expected spend per purchase of each customer, shape (n,).

        Source: Fader and Hardie (2013), equation 5: between the customer's own average and the mean of all,
        the nearer to the own the more purchases are behind it. A customer with count 0 gets the mean of all,
        p v / (q - 1); the average is not looked at then.
        """
        x = np.asarray(purchase_count, dtype=np.float64)
        total_spend = np.where(x > 0, x * np.asarray(average_spend, dtype=np.float64), 0.0)
        return np.asarray(self.p_ * (self.v_ + total_spend) / (self.p_ * x + self.q_ - 1), dtype=np.float64)

    def spend_quantile(
        self, share: float, purchase_count: npt.ArrayLike, average_spend: npt.ArrayLike
    ) -> FloatArray:
        """What the next purchase of each customer stays below with probability `share`, shape (n,).

        Given x purchases of z on average nu ~ Gamma(q + p x, v + x z), and the next one is Gamma(p, nu): it is
        (v + x z) times a ratio of two Gammas, a beta prime of p and q + p x.
        """
        x = np.asarray(purchase_count, dtype=np.float64)
        total_spend = np.where(x > 0, x * np.asarray(average_spend, dtype=np.float64), 0.0)
        part = betaincinv(self.p_, self.q_ + self.p_ * x, share)
        return np.asarray((self.v_ + total_spend) * part / (1 - part), dtype=np.float64)

    def simulate_spend(
        self,
        random: np.random.Generator,
        future_count: FloatArray,
        purchase_count: npt.ArrayLike,
        average_spend: npt.ArrayLike,
    ) -> FloatArray:
        """What simulated purchases of each customer are worth, drawn from what its purchases so far say of it.

        Args:
            random: Where the draws come from.
            future_count: Purchases by customer, future and span, shape (n, futures, spans).
            purchase_count: Purchases behind each average, shape (n,); 0 where nothing is known.
            average_spend: Average spend of these, shape (n,).

        Returns:
            Spend in the shape of `future_count`: n purchases of one nu are Gamma(p n, nu).
        """
        x = np.asarray(purchase_count, dtype=np.float64)
        total_spend = np.where(x > 0, x * np.asarray(average_spend, dtype=np.float64), 0.0)
        shape = np.broadcast_to((self.q_ + self.p_ * x)[:, np.newaxis], future_count.shape[:2])
        nu = random.standard_gamma(shape) / (self.v_ + total_spend)[:, np.newaxis]
        return np.asarray(random.standard_gamma(self.p_ * future_count) / nu[:, :, np.newaxis])


def _log_likelihood(
    log_parameters: FloatArray, spends: FloatArray, weights: FloatArray
) -> tuple[float, FloatArray]:
    """Log-likelihood (2013, equation 1a); its gradient by the logs of p, q above its least value, and v."""
    p, q_above_least, v = np.exp(log_parameters)
    q = _LEAST_Q + q_above_least
    x, average = spends.T
    total = x * average
    values = (
        gammaln(p * x + q)
        - gammaln(p * x)
        - gammaln(q)
        + q * np.log(v)
        + p * x * np.log(total)
        - np.log(average)
        - (p * x + q) * np.log(v + total)
    )
    both = digamma(p * x + q)
    by_p = x * (both - digamma(p * x) + np.log(total) - np.log(v + total))
    by_q = both - digamma(q) + np.log(v) - np.log(v + total)
    by_v = q / v - (p * x + q) / (v + total)
    gradient = np.array([weights @ by_p * p, weights @ by_q * q_above_least, weights @ by_v * v])
    return float(weights @ values), gradient
