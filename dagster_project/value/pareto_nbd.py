"""Pareto/NBD: customers who buy at random and leave at any time, unseen.

Here: the model, its predictions and its simulated futures. Not here: the models in which customers leave after a
purchase (`bg_nbd.py`), what a purchase is worth (`gamma_gamma.py`) and frames (`clv.py`).

Source: Schmittlein, Morrison and Colombo (1987), Counting Your Customers: Who Are They and What Will They Do Next?;
Fader and Hardie (2005), A Note on Deriving the Pareto/NBD Model and Related Expressions. While alive, a customer buys
with rate lambda ~ Gamma(r, alpha), and leaves with rate mu ~ Gamma(s, beta).
"""

from typing import Self

import numpy as np
import numpy.typing as npt
from scipy.special import digamma, expit, gammaln

from dagster_project.value.maximum_likelihood import FloatArray, maximize_weighted_likelihood
from dagster_project.value.purchase_histories import checked_histories, compressed, require_history

_STARTS = ((0.0, 1.5, 0.0, 2.0), (-0.6, 2.3, -0.5, 2.5), (1.0, 3.0, 0.5, 4.0))  # log of r, alpha, s, beta
_POINTS, _POINT_WEIGHTS = np.polynomial.legendre.leggauss(32)
_POINTS, _POINT_WEIGHTS = (_POINTS + 1) / 2, _POINT_WEIGHTS / 2
_NEGLIGIBLE = 40.0  # e^-40 of an integrand is below the last digit
_BLOCK = 20_000  # histories whose points fit into the processor's cache


class ParetoModel:
    """Pareto/NBD by maximum likelihood; time in weeks.

    The likelihood of having left at some time u after the last purchase t_x is an integral over u. Its closed form is
    a difference of two Gaussian hypergeometric functions that overflows, or loses all digits, for customers with
    hundreds of purchases. The integrand is positive and smooth in log(alpha + u), so here Gauss and Legendre's 32
    points take it, in logs; the gradient is the same integral with another factor. A test compares the two.

    Args:
        min_customers: Fewest customers to learn from.
        min_repeat_customers: Fewest of them with a repeat purchase; without repeats nothing says who left.

    Attributes:
        r_, alpha_, s_, beta_: The estimates; alpha_ and beta_ in weeks.
        standard_errors_: Standard error by parameter name, from the Hessian at the maximum by the delta
            method; NaN when the data have no interior maximum (for example: nobody ever seems to leave).
        log_likelihood_: At the estimates, in nats.
        is_converged_: An interior maximum was found.
        customer_count_: Customers learned from.
    """

    r_: float
    alpha_: float
    s_: float
    beta_: float
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
        """Learn r, alpha, s and beta.

        Args:
            repeat_purchase_count: Purchases after the first, shape (n,).
            recency_weeks: Weeks from the first to the last purchase, shape (n,).
            age_weeks: Weeks from the first purchase to the end of the observation, shape (n,).

        Raises:
            NotEnoughHistory: Fewer customers, or customers with a repeat purchase, than needed.
            ValueError: A history that cannot be, such as a last purchase after the end of the observation.
        """
        histories = checked_histories(repeat_purchase_count, recency_weeks, age_weeks)
        require_history("Pareto/NBD", histories, self.min_customers, self.min_repeat_customers)
        different = compressed(histories)
        maximum = maximize_weighted_likelihood(
            _log_likelihood, different.histories, different.weights, _STARTS
        )
        estimates = np.exp(maximum.log_parameters)
        self.r_, self.alpha_, self.s_, self.beta_ = (float(estimate) for estimate in estimates)
        errors = estimates * maximum.log_parameter_errors
        self.standard_errors_ = dict(zip(("r", "alpha", "s", "beta"), errors.tolist(), strict=True))
        self.log_likelihood_ = maximum.log_likelihood
        self.is_converged_ = maximum.is_converged
        self.customer_count_ = len(histories)
        return self

    def probability_alive(
        self, repeat_purchase_count: npt.ArrayLike, recency_weeks: npt.ArrayLike, age_weeks: npt.ArrayLike
    ) -> FloatArray:
        """Probability that each customer has not left yet, shape (n,)."""
        different = compressed(checked_histories(repeat_purchase_count, recency_weeks, age_weeks))
        return self._alive(different.histories)[different.places]

    def _alive(self, histories: FloatArray) -> FloatArray:
        parameters = np.array([self.r_, self.alpha_, self.s_, self.beta_])
        blocks = np.split(histories, range(_BLOCK, len(histories), _BLOCK))
        alive, left = zip(*(_alive_and_left(parameters, block)[:2] for block in blocks), strict=True)
        return np.asarray(expit(np.concatenate(alive) - np.concatenate(left)), dtype=np.float64)

    def expected_purchases(
        self,
        horizon_weeks: float,
        repeat_purchase_count: npt.ArrayLike,
        recency_weeks: npt.ArrayLike,
        age_weeks: npt.ArrayLike,
    ) -> FloatArray:
        """Expected purchases of each customer in the next `horizon_weeks`, given the history, shape (n,).

        Source: Fader and Hardie (2005), equation 41, with its pole at s = 1 filled.
        """
        different = compressed(checked_histories(repeat_purchase_count, recency_weeks, age_weeks))
        x, _, age = different.histories.T
        log_span = np.log1p(horizon_weeks / (self.beta_ + age))
        at_pole = abs(self.s_ - 1) < 1e-9
        weeks = log_span if at_pole else -np.expm1(-(self.s_ - 1) * log_span) / (self.s_ - 1)
        if_alive = (self.r_ + x) / (self.alpha_ + age) * (self.beta_ + age) * weeks
        return np.asarray(if_alive * self._alive(different.histories), dtype=np.float64)[different.places]

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

        The next purchase must come before the customer leaves: the integral over its time u of
        (r + x) / (alpha + T + u) ((alpha + T) / (alpha + T + u))^(r + x) ((beta + T) / (beta + T + u))^s.
        """
        histories = checked_histories(repeat_purchase_count, recency_weeks, age_weeks)
        x, _, age = histories.T[:, :, np.newaxis]
        horizon = np.broadcast_to(np.asarray(horizon_weeks, dtype=np.float64), len(histories))[:, np.newaxis]
        power = self.r_ + x
        end = np.minimum(np.log1p(horizon / (self.alpha_ + age)), _NEGLIGIBLE / power)
        logs = end * _POINTS
        later = (self.alpha_ + age) * np.expm1(logs)
        stays = np.exp(-power * logs - self.s_ * np.log1p(later / (self.beta_ + age)))
        return np.asarray((power * end)[:, 0] * (stays @ _POINT_WEIGHTS), dtype=np.float64)

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

        Whether it is alive is drawn, and for those alive both rates, which are independent then: Gamma(r + x,
        alpha + T) and Gamma(s, beta + T).

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
        histories = checked_histories(repeat_purchase_count, recency_weeks, age_weeks)
        x, _, age = histories.T[:, :, np.newaxis]
        shape = (len(histories), draw_count)
        is_alive = random.random(shape) < self._alive(histories)[:, np.newaxis]
        rate = random.standard_gamma(self.r_ + x, shape) / (self.alpha_ + age)
        leave_rate = random.standard_gamma(self.s_, shape) / (self.beta_ + age)
        with np.errstate(divide="ignore"):
            left_after = np.where(is_alive, random.standard_exponential(shape) / leave_rate, 0.0)
        stayed = np.minimum(left_after[:, :, np.newaxis], end_weeks)
        weeks = np.diff(stayed, axis=2, prepend=0.0)
        return np.asarray(random.poisson(rate[:, :, np.newaxis] * weeks), dtype=np.float64)


def _log_likelihood(
    log_parameters: FloatArray, histories: FloatArray, weights: FloatArray
) -> tuple[float, FloatArray]:
    """Log-likelihood (2005, equation 18) and its gradient by the logs of r, alpha, s and beta."""
    parameters = np.exp(log_parameters)
    value, gradient = 0.0, np.zeros(4)
    for begin in range(0, len(histories), _BLOCK):
        block, of_block = histories[begin : begin + _BLOCK], weights[begin : begin + _BLOCK]
        r, alpha, s, beta = parameters
        x, _, age = block.T
        log_alive, log_left, slopes_left = _alive_and_left(parameters, block, with_slopes=True)
        log_either = np.logaddexp(log_alive, log_left)
        value += float(of_block @ (gammaln(r + x) - gammaln(r) + r * np.log(alpha) + log_either))
        left = np.exp(log_left - log_either)
        slopes_alive = (
            -np.log(alpha + age),
            -(r + x) / (alpha + age),
            np.log(beta) - np.log(beta + age),
            s / beta - s / (beta + age),
        )
        slopes = [
            (1 - left) * alive + left * gone for alive, gone in zip(slopes_alive, slopes_left, strict=True)
        ]
        slopes[0] += digamma(r + x) - digamma(r) + np.log(alpha)
        slopes[1] += r / alpha
        gradient += np.array([of_block @ slope for slope in slopes])
    return value, gradient * parameters


def _alive_and_left(
    parameters: FloatArray, histories: FloatArray, with_slopes: bool = False
) -> tuple[FloatArray, FloatArray, tuple[FloatArray, ...]]:
    """Log-likelihoods of being alive and of having left since t_x, shape (n,) each, without their common factor.

    The third value is the slopes of the second by r, alpha, s and beta, empty unless asked for.
    """
    r, alpha, s, beta = parameters
    x, t_x, age = histories.T
    log_alive = -(r + x) * np.log(alpha + age) + s * (np.log(beta) - np.log(beta + age))
    since = np.log(alpha + age) - np.log(alpha + t_x)
    # Beyond this the power of alpha + u has made the integrand negligible.
    decay = np.maximum(r + x - 1, 1e-12)
    end = np.minimum(since, _NEGLIGIBLE / decay)[:, np.newaxis]
    logs = end * _POINTS
    at = (alpha + t_x)[:, np.newaxis] * np.exp(logs)  # alpha + u
    log_beta_u = np.log(at + (beta - alpha))
    terms = -(r + x - 1)[:, np.newaxis] * logs - (s + 1) * log_beta_u
    highest = terms.max(axis=1, initial=-np.inf)
    shares = np.exp(terms - highest[:, np.newaxis]) * _POINT_WEIGHTS
    total = shares.sum(axis=1)
    with np.errstate(divide="ignore"):
        log_left = (
            np.log(s)
            + s * np.log(beta)
            - (r + x - 1) * np.log(alpha + t_x)
            + highest
            + np.log(total)
            + np.log(end[:, 0])
        )
    if not with_slopes:
        return log_alive, log_left, ()
    shares /= total[:, np.newaxis]
    slopes = (
        -(np.log(alpha + t_x) + np.einsum("ij,ij->i", shares, logs)),
        -(r + x) * np.einsum("ij,ij->i", shares, 1 / at),
        1 / s + np.log(beta) - np.einsum("ij,ij->i", shares, log_beta_u),
        s / beta - (s + 1) * np.einsum("ij,ij->i", shares, 1 / (at + (beta - alpha))),
    )
    return log_alive, log_left, slopes
