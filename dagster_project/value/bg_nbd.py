"""BG/NBD and MBG/NBD: how often customers without a contract buy, and whether they still do.

Here: both models of repeat purchases, their predictions and their simulated futures. Not here: the one in which
customers leave at any time (`pareto_nbd.py`), what a purchase is worth (`gamma_gamma.py`), subscribers (`survival.py`)
and frames (`clv.py`).

Source: Fader, Hardie and Lee (2005), "Counting Your Customers" the Easy Way: An Alternative to the Pareto/NBD
Model, Marketing Science 24(2). While alive, a customer buys at random with rate lambda ~ Gamma(r, alpha);
after each repeat purchase the customer leaves for good with probability p ~ Beta(a, b). Batislam, Denizel and
Filiztekin (2007), Empirical validation and comparison of models for customer base analysis, and Hoppe and Wagner
(2007), Customer base analysis: the case for a central variant of the Betageometric/NBD model, let customers leave after
the first purchase too. With n occasions to leave so far (x in the one, x + 1 in the other) both are one formula.
"""

from typing import Self

import numpy as np
import numpy.typing as npt
from scipy.special import digamma, expit, gammaln, hyp2f1

from dagster_project.value.maximum_likelihood import FloatArray, maximize_weighted_likelihood
from dagster_project.value.purchase_histories import checked_histories, compressed, require_history

_STARTS = ((0.0, 1.5, 0.0, 1.0), (-1.5, 2.0, -0.5, 1.0), (1.0, 3.0, -1.5, 1.5))  # log of r, alpha, a, b
_POLE_DISTANCE = 1e-5


class BetaGeoModel:
    """BG/NBD, or MBG/NBD, by maximum likelihood; time in weeks.

    In the notation of the paper a customer is (x, t_x, T): repeat purchases, week of the last one, and weeks
    observed, both counted from the first purchase.

    Args:
        min_customers: Fewest customers to learn from.
        min_repeat_customers: Fewest of them with a repeat purchase; without repeats nothing says who left.
        may_leave_at_once: Customers may leave after the first purchase too: MBG/NBD.

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

    def __init__(
        self, min_customers: int = 50, min_repeat_customers: int = 20, may_leave_at_once: bool = False
    ) -> None:
        self.min_customers = min_customers
        self.min_repeat_customers = min_repeat_customers
        self.may_leave_at_once = may_leave_at_once

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
        histories = checked_histories(repeat_purchase_count, recency_weeks, age_weeks)
        name = "MBG/NBD" if self.may_leave_at_once else "BG/NBD"
        require_history(name, histories, self.min_customers, self.min_repeat_customers)
        different = compressed(histories)
        maximum = maximize_weighted_likelihood(
            lambda point, rows, weights: _log_likelihood(point, rows, weights, self.may_leave_at_once),
            different.histories,
            different.weights,
            _STARTS,
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
        repeat purchase had no occasion to leave under BG/NBD and is alive with probability 1.
        """
        return self._alive(*checked_histories(repeat_purchase_count, recency_weeks, age_weeks).T)

    def _alive(self, x: FloatArray, t_x: FloatArray, age: FloatArray) -> FloatArray:
        occasions = x + self.may_leave_at_once
        log_odds_left = (
            np.log(self.a_)
            - np.log(self.b_ + np.maximum(occasions - 1, 0))
            + (self.r_ + x) * (np.log(self.alpha_ + age) - np.log(self.alpha_ + t_x))
        )
        return np.where(occasions > 0, expit(-log_odds_left), 1.0)

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
        different = compressed(checked_histories(repeat_purchase_count, recency_weeks, age_weeks))
        x, t_x, age = different.histories.T
        near_pole = (
            min(abs(self.a_ - 1), abs(self.a_ + self.b_ + self.may_leave_at_once - 1)) < _POLE_DISTANCE
        )
        # Both poles (a = 1; a + b = 1 without repeats) are removable: the mean of both sides is the value
        # between.
        offsets = (-2 * _POLE_DISTANCE, 2 * _POLE_DISTANCE) if near_pole else (0.0,)
        if_alive = np.mean(
            [self._expected_if_alive(self.a_ + o, horizon_weeks, x, age) for o in offsets], axis=0
        )
        return np.asarray(if_alive * self._alive(x, t_x, age), dtype=np.float64)[different.places]

    def purchase_probability(
        self,
        horizon_weeks: npt.ArrayLike,
        repeat_purchase_count: npt.ArrayLike,
        recency_weeks: npt.ArrayLike,
        age_weeks: npt.ArrayLike,
    ) -> FloatArray:
        """Probability of a purchase in the next `horizon_weeks`, one number or one per customer, shape (n,)."""
        histories = (repeat_purchase_count, recency_weeks, age_weeks)
        return self.purchase_probability_if_alive(horizon_weeks, *histories) * self.probability_alive(
            *histories
        )

    def purchase_probability_if_alive(
        self,
        horizon_weeks: npt.ArrayLike,
        repeat_purchase_count: npt.ArrayLike,
        recency_weeks: npt.ArrayLike,
        age_weeks: npt.ArrayLike,
    ) -> FloatArray:
        """The same for a customer who has not left yet, shape (n,).

        Whoever is alive leaves after a purchase, not before: the next one comes after a Gamma mixture of exponential
        times, 1 - ((alpha + T) / (alpha + T + t))^(r + x).
        """
        x, _, age = checked_histories(repeat_purchase_count, recency_weeks, age_weeks).T
        horizon = np.asarray(horizon_weeks, dtype=np.float64)
        if_alive = -np.expm1(-(self.r_ + x) * np.log1p(horizon / (self.alpha_ + age)))
        return np.asarray(if_alive, dtype=np.float64)

    def simulate_purchases(
        self,
        random: np.random.Generator,
        end_weeks: FloatArray,
        draw_count: int,
        repeat_purchase_count: npt.ArrayLike,
        recency_weeks: npt.ArrayLike,
        age_weeks: npt.ArrayLike,
    ) -> FloatArray:
        """Futures of each customer, drawn from what its history says of it.

        Whether it is alive is drawn, and for those alive the rate from Gamma(r + x, alpha + T) and the chance to leave
        from Beta(a, b + n): that many occasions to leave were let pass. The last purchase of all is then the K-th from
        now, K geometric.

        Args:
            random: Where the draws come from.
            end_weeks: Ends of the spans that are counted, ascending; a span begins where the last one ends.
            draw_count: Futures per customer.
            repeat_purchase_count: Purchases after the first, shape (n,).
            recency_weeks: Weeks from the first to the last purchase, shape (n,).
            age_weeks: Weeks from the first purchase to now, shape (n,).

        Returns:
            Purchases by customer, future and span, shape (n, draw_count, spans).
        """
        x, t_x, age = checked_histories(repeat_purchase_count, recency_weeks, age_weeks).T
        shape = (len(x), draw_count)
        is_alive = random.random(shape) < self._alive(x, t_x, age)[:, np.newaxis]
        rate = random.standard_gamma((self.r_ + x)[:, np.newaxis], shape) / (self.alpha_ + age)[:, np.newaxis]
        leave = random.beta(self.a_, (self.b_ + x + self.may_leave_at_once)[:, np.newaxis], shape)
        with np.errstate(divide="ignore"):
            last = np.maximum(
                np.ceil(np.log(1 - random.random(shape)) / np.log1p(-np.maximum(leave, 1e-300))), 1.0
            )
        spans = np.diff(np.concatenate([[0.0], end_weeks]))
        wished = random.poisson((rate * is_alive)[:, :, np.newaxis] * spans).astype(np.float64)
        made = np.minimum(np.cumsum(wished, axis=2), last[:, :, np.newaxis])
        return np.diff(made, axis=2, prepend=0.0)

    def _expected_if_alive(
        self, a: float, horizon_weeks: float, x: FloatArray, age: FloatArray
    ) -> FloatArray:
        b = self.b_ + self.may_leave_at_once  # one occasion more let pass is as much as b one larger
        c = a + b + x - 1
        z = horizon_weeks / (self.alpha_ + age + horizon_weeks)
        with np.errstate(over="ignore", invalid="ignore"):
            power_form = (1 - z) ** (self.r_ + x) * hyp2f1(self.r_ + x, b + x, c, z)
            euler_form = (1 - z) ** (a - 1) * hyp2f1(a - 1, a + b - 1 - self.r_, c, z)
            expected = c / (a - 1) * (1 - np.where(a - 1 > self.r_ + x, power_form, euler_form))
        # Neither form survives a and x or b in the thousands; p is then so well known that its mean stands
        # for it.
        p = a / (a + b + x)
        with_known_p = (1 - (1 + p * horizon_weeks / (self.alpha_ + age)) ** -(self.r_ + x)) / p
        return np.where(np.isfinite(expected), expected, with_known_p)


def _log_likelihood(
    log_parameters: FloatArray, histories: FloatArray, weights: FloatArray, may_leave_at_once: bool = False
) -> tuple[float, FloatArray]:
    """Log-likelihood (2005, equation 6) and its gradient by the logs of r, alpha, a and b."""
    r, alpha, a, b = np.exp(log_parameters)
    x, t_x, age = histories.T
    occasions = x + may_leave_at_once
    previous = np.maximum(occasions - 1, 0)
    log_alive = -(r + x) * np.log(alpha + age)
    log_left = np.where(
        occasions > 0, np.log(a) - np.log(b + previous) - (r + x) * np.log(alpha + t_x), -np.inf
    )
    log_either = np.logaddexp(log_alive, log_left)
    values = (
        gammaln(r + x)
        - gammaln(r)
        + r * np.log(alpha)
        + gammaln(a + b)
        + gammaln(b + occasions)
        - gammaln(b)
        - gammaln(a + b + occasions)
        + log_either
    )
    left = np.exp(log_left - log_either)
    alive = 1 - left
    mix = digamma(a + b) - digamma(a + b + occasions)
    by_r = (
        digamma(r + x) - digamma(r) + np.log(alpha) - alive * np.log(alpha + age) - left * np.log(alpha + t_x)
    )
    by_alpha = r / alpha - (r + x) * (alive / (alpha + age) + left / (alpha + t_x))
    by_a = mix + left / a
    by_b = mix + digamma(b + occasions) - digamma(b) - left / (b + previous)
    gradient = np.array(
        [weights @ by_r * r, weights @ by_alpha * alpha, weights @ by_a * a, weights @ by_b * b]
    )
    return float(weights @ values), gradient
