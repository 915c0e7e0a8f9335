"""BG/NBD: how often customers without a contract buy, and whether they still do.

Here: the BG/NBD model of repeat purchases and its predictions. Not here: what a purchase is worth
(`gamma_gamma.py`), subscribers (`survival.py`) and frames (`clv.py`).

Source: Fader, Hardie and Lee (2005), "Counting Your Customers" the Easy Way: An Alternative to the Pareto/NBD
Model, Marketing Science 24(2). While alive, a customer buys at random with rate lambda ~ Gamma(r, alpha);
after each repeat purchase the customer leaves for good with probability p ~ Beta(a, b).
"""

from typing import Self

import numpy as np
import numpy.typing as npt
from scipy.special import digamma, expit, gammaln, hyp2f1

from dagster_project.value.maximum_likelihood import FloatArray, NotEnoughHistory, maximize_likelihood

_STARTS = ((0.0, 1.5, 0.0, 1.0), (-1.5, 2.0, -0.5, 1.0), (1.0, 3.0, -1.5, 1.5))  # log of r, alpha, a, b
_POLE_DISTANCE = 1e-5


class BetaGeoModel:
    """BG/NBD by maximum likelihood; time in weeks.

    In the notation of the paper a customer is (x, t_x, T): repeat purchases, week of the last one, and weeks
    observed, both counted from the first purchase.

    Args:
        min_customers: Fewest customers to learn from.
        min_repeat_customers: Fewest of them with a repeat purchase; without repeats nothing says who left.

    Attributes:
        r_, alpha_, a_, b_: The estimates; alpha_ in weeks.
        standard_errors_: Standard error by parameter name, from the Hessian at the maximum by the delta
            method; NaN when the data have no interior maximum (for example: nobody ever seems to leave).
        log_likelihood_: At the estimates, in nats.
        is_converged_: An interior maximum was found.
        customer_count_: Customers learned from.
    """

    r_: float
    alpha_: float
    a_: float
    b_: float
    standard_errors_: dict[str, float]
    log_likelihood_: float
    is_converged_: bool
    customer_count_: int

    def __init__(self, min_customers: int = 50, min_repeat_customers: int = 20) -> None:
        self.min_customers = min_customers
        self.min_repeat_customers = min_repeat_customers

    def fit(
        self, repeat_purchase_count: npt.ArrayLike, recency_weeks: npt.ArrayLike, age_weeks: npt.ArrayLike
    ) -> Self:
        """Learn r, alpha, a and b.

        Args:
            repeat_purchase_count: Purchases after the first, shape (n,).
            recency_weeks: Weeks from the first to the last purchase, shape (n,).
            age_weeks: Weeks from the first purchase to the end of the observation, shape (n,).

        Raises:
            NotEnoughHistory: Fewer customers, or customers with a repeat purchase, than needed.
            ValueError: A history that cannot be, such as a last purchase after the end of the observation.
        """
        histories = _checked_histories(repeat_purchase_count, recency_weeks, age_weeks)
        repeat_customers = int(np.sum(histories[:, 0] > 0))
        if len(histories) < self.min_customers or repeat_customers < self.min_repeat_customers:
            raise NotEnoughHistory(
                f"BG/NBD needs {self.min_customers} customers and {self.min_repeat_customers} with a repeat "
                f"purchase; there are {len(histories)} and {repeat_customers}"
            )
        # Many customers share a history: each different one is evaluated once, in an order that no input
        # order moves.
        unique_histories, counts = np.unique(histories, axis=0, return_counts=True)
        weights = counts.astype(np.float64)
        maximum = maximize_likelihood(
            lambda log_parameters: _log_likelihood(log_parameters, unique_histories, weights),
            _STARTS,
            float(len(histories)),
        )
        estimates = np.exp(maximum.log_parameters)
        self.r_, self.alpha_, self.a_, self.b_ = (float(estimate) for estimate in estimates)
        errors = estimates * maximum.log_parameter_errors
        self.standard_errors_ = dict(zip(("r", "alpha", "a", "b"), errors.tolist(), strict=True))
        self.log_likelihood_ = maximum.log_likelihood
        self.is_converged_ = maximum.is_converged
        self.customer_count_ = len(histories)
        return self

    def probability_alive(
        self, repeat_purchase_count: npt.ArrayLike, recency_weeks: npt.ArrayLike, age_weeks: npt.ArrayLike
    ) -> FloatArray:
        """Probability that each customer has not left yet, shape (n,).

        Source: Fader, Hardie and Lee (2008), Computing P(alive) Using the BG/NBD Model. A customer without a
        repeat purchase had no occasion to leave under this model and is alive with probability 1.
        """
        x, t_x, age = _checked_histories(repeat_purchase_count, recency_weeks, age_weeks).T
        previous = np.maximum(x - 1, 0)
        log_odds_left = (
            np.log(self.a_)
            - np.log(self.b_ + previous)
            + (self.r_ + x) * (np.log(self.alpha_ + age) - np.log(self.alpha_ + t_x))
        )
        return np.where(x > 0, expit(-log_odds_left), 1.0)

    def expected_purchases(
        self,
        horizon_weeks: float,
        repeat_purchase_count: npt.ArrayLike,
        recency_weeks: npt.ArrayLike,
        age_weeks: npt.ArrayLike,
    ) -> FloatArray:
        """Expected purchases of each customer in the next `horizon_weeks`, given the history, shape (n,).

        Source: Fader, Hardie and Lee (2005), equation 10. Its power and hypergeometric function overflow for
        customers with hundreds of purchases; Euler's transformation, (1 - z)^A 2F1(A, B; C; z) =
        (1 - z)^(C - B) 2F1(C - A, C - B; C; z), is the same number without that, and each customer gets the
        safer one.
        """
        x, _, age = _checked_histories(repeat_purchase_count, recency_weeks, age_weeks).T
        near_pole = min(abs(self.a_ - 1), abs(self.a_ + self.b_ - 1)) < _POLE_DISTANCE
        # Both poles (a = 1; a + b = 1 without repeats) are removable: the mean of both sides is the value
        # between.
        offsets = (-2 * _POLE_DISTANCE, 2 * _POLE_DISTANCE) if near_pole else (0.0,)
        if_alive = np.mean(
            [self._expected_if_alive(self.a_ + o, horizon_weeks, x, age) for o in offsets], axis=0
        )
        return np.asarray(
            if_alive * self.probability_alive(repeat_purchase_count, recency_weeks, age_weeks),
            dtype=np.float64,
        )

    def _expected_if_alive(
        self, a: float, horizon_weeks: float, x: FloatArray, age: FloatArray
    ) -> FloatArray:
        c = a + self.b_ + x - 1
        z = horizon_weeks / (self.alpha_ + age + horizon_weeks)
        with np.errstate(over="ignore", invalid="ignore"):
            power_form = (1 - z) ** (self.r_ + x) * hyp2f1(self.r_ + x, self.b_ + x, c, z)
            euler_form = (1 - z) ** (a - 1) * hyp2f1(a - 1, a + self.b_ - 1 - self.r_, c, z)
            expected = c / (a - 1) * (1 - np.where(a - 1 > self.r_ + x, power_form, euler_form))
        # Neither form survives a and x or b in the thousands; p is then so well known that its mean stands
        # for it.
        p = a / (a + self.b_ + x)
        with_known_p = (1 - (1 + p * horizon_weeks / (self.alpha_ + age)) ** -(self.r_ + x)) / p
        return np.where(np.isfinite(expected), expected, with_known_p)


def _checked_histories(x: npt.ArrayLike, t_x: npt.ArrayLike, age: npt.ArrayLike) -> FloatArray:
    """The histories as one array, shape (n, 3): x, t_x, T."""
    histories = np.column_stack([np.asarray(values, dtype=np.float64) for values in (x, t_x, age)])
    if not np.all(np.isfinite(histories)) or np.any(histories < 0):
        raise ValueError("purchase histories must be finite and not negative")
    if np.any(histories[:, 1] > histories[:, 2]):
        raise ValueError("the last purchase of a history cannot be later than the end of its observation")
    if np.any((histories[:, 0] == 0) & (histories[:, 1] > 0)):
        raise ValueError("a history without a repeat purchase cannot have a later last purchase")
    return histories


def _log_likelihood(
    log_parameters: FloatArray, histories: FloatArray, weights: FloatArray
) -> tuple[float, FloatArray]:
    """Log-likelihood (2005, equation 6) and its gradient by the logs of r, alpha, a and b."""
    r, alpha, a, b = np.exp(log_parameters)
    x, t_x, age = histories.T
    has_repeat = x > 0
    previous = np.maximum(x - 1, 0)
    log_alive = -(r + x) * np.log(alpha + age)
    log_left = np.where(has_repeat, np.log(a) - np.log(b + previous) - (r + x) * np.log(alpha + t_x), -np.inf)
    log_either = np.logaddexp(log_alive, log_left)
    values = (
        gammaln(r + x)
        - gammaln(r)
        + r * np.log(alpha)
        + gammaln(a + b)
        + gammaln(b + x)
        - gammaln(b)
        - gammaln(a + b + x)
        + log_either
    )
    left = np.exp(log_left - log_either)
    alive = 1 - left
    mix = digamma(a + b) - digamma(a + b + x)
    by_r = (
        digamma(r + x) - digamma(r) + np.log(alpha) - alive * np.log(alpha + age) - left * np.log(alpha + t_x)
    )
    by_alpha = r / alpha - (r + x) * (alive / (alpha + age) + left / (alpha + t_x))
    by_a = mix + left / a
    by_b = mix + digamma(b + x) - digamma(b) - left / (b + previous)
    gradient = np.array(
        [weights @ by_r * r, weights @ by_alpha * alpha, weights @ by_a * a, weights @ by_b * b]
    )
    return float(weights @ values), gradient
