"""Maximum likelihood for the purchase models: one search, one rule for standard errors.

Here: the numerical search over unconstrained parameters and the curvature at its end. Not here: any
likelihood (each model has its own) and any data.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

FloatArray = npt.NDArray[np.float64]
LogLikelihood = Callable[[FloatArray], tuple[float, FloatArray]]

SEARCH_LIMIT = 10.0
"""The search keeps every log parameter within plus or minus this: exp(10) is about 22,000."""

WeightedLogLikelihood = Callable[[FloatArray, FloatArray, FloatArray], tuple[float, FloatArray]]

SEARCH_SAMPLE = 20_000
"""Up to so many different observations the search from all starts reads them all; of more it reads a sample, and the
search on all of them begins where that one ends."""

_DIFFERENCE_STEP = 1e-4  # central differences of an exact gradient: error about step squared
_GRADIENT_TOLERANCE = 1e-5  # nats per observation and unit of log parameter


class NotEnoughHistory(ValueError):  # noqa: N818 - named for what is missing
    """Too few customers to learn a model from; the message says how many there are and are needed."""


@dataclass(frozen=True)
class LikelihoodMaximum:
    """Where the search ended.

    Attributes:
        log_parameters: The maximiser, shape (k,).
        log_parameter_errors: Standard errors of `log_parameters`, shape (k,); NaN when the likelihood has no
            proper maximum inside the search limits.
        log_likelihood: Log-likelihood there, in nats.
        is_converged: The gradient vanishes there and no parameter sits at a search limit.
    """

    log_parameters: FloatArray
    log_parameter_errors: FloatArray
    log_likelihood: float
    is_converged: bool


def maximize_likelihood(
    log_likelihood: LogLikelihood, starts: Sequence[Sequence[float]], observation_count: float
) -> LikelihoodMaximum:
    """Maximise a log-likelihood over log parameters, from several starts, with L-BFGS-B.

    Args:
        log_likelihood: Gives value and exact gradient, shape (k,), at log parameters of shape (k,).
        starts: Log parameters to start from; the best end wins, the earlier start on a tie.
        observation_count: Observations behind the likelihood; the search works on the mean so that its
            tolerances mean the same for fifty customers and for a million.

    Returns:
        The best maximum found. Data without an interior maximum end at a search limit, with NaN errors.
    """

    def mean_loss(log_parameters: FloatArray) -> tuple[float, FloatArray]:
        value, gradient = log_likelihood(log_parameters)
        return -value / observation_count, -gradient / observation_count

    bounds = [(-SEARCH_LIMIT, SEARCH_LIMIT)] * len(starts[0])
    options = {"maxiter": 1000, "ftol": 1e-14, "gtol": 1e-8, "maxls": 50}
    ends = [
        minimize(mean_loss, np.asarray(start), jac=True, method="L-BFGS-B", bounds=bounds, options=options)
        for start in starts
    ]
    best = min(ends, key=lambda end: float(end.fun))
    log_parameters = np.asarray(best.x, dtype=np.float64)
    _, gradient = mean_loss(log_parameters)
    is_interior = bool(np.all(np.abs(log_parameters) < SEARCH_LIMIT - 1e-3))
    is_converged = is_interior and bool(np.max(np.abs(gradient)) < _GRADIENT_TOLERANCE)
    errors = np.full(log_parameters.shape, np.nan)
    if is_converged:
        errors = _standard_errors(log_likelihood, log_parameters)
    return LikelihoodMaximum(log_parameters, errors, float(-best.fun * observation_count), is_converged)


def maximize_weighted_likelihood(
    log_likelihood: WeightedLogLikelihood,
    observations: FloatArray,
    weights: FloatArray,
    starts: Sequence[Sequence[float]],
) -> LikelihoodMaximum:
    """Maximise the log-likelihood of weighted observations; a million different ones are read a few times only.

    Args:
        log_likelihood: Gives value and exact gradient at log parameters, for observations and their weights.
        observations: Each different one, in a fixed order, shape (m, columns).
        weights: How often each was seen, shape (m,).
        starts: Log parameters to start from.
    """
    if len(observations) > SEARCH_SAMPLE:
        sampled = np.random.default_rng(len(observations)).choice(
            len(observations), SEARCH_SAMPLE, replace=False
        )
        sample, sample_weights = observations[sampled], weights[sampled]
        near = maximize_likelihood(
            lambda point: log_likelihood(point, sample, sample_weights), starts, float(sample_weights.sum())
        )
        starts = (tuple(near.log_parameters.tolist()),)
    return maximize_likelihood(
        lambda point: log_likelihood(point, observations, weights), starts, float(weights.sum())
    )


def _standard_errors(log_likelihood: LogLikelihood, log_parameters: FloatArray) -> FloatArray:
    """Square roots of the diagonal of the inverse of minus the Hessian; NaN unless that is a maximum."""
    steps = np.eye(log_parameters.size) * _DIFFERENCE_STEP
    hessian = np.array(
        [
            (log_likelihood(log_parameters + step)[1] - log_likelihood(log_parameters - step)[1])
            / (2 * _DIFFERENCE_STEP)
            for step in steps
        ]
    )
    information = -(hessian + hessian.T) / 2
    eigenvalues = np.linalg.eigvalsh(information)
    if eigenvalues[0] <= 1e-10 * eigenvalues[-1]:
        return np.full(log_parameters.shape, np.nan)
    return np.asarray(np.sqrt(np.diag(np.linalg.inv(information))), dtype=np.float64)
