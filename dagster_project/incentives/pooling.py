"""Hazard ratios of several offers in several kinds of customers, estimated together from churned counts.

Here: the hierarchical hazard model and its posterior. Not here: where the counts come from (`effects.py`).
"""

import itertools
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_factor, cho_solve
from threadpoolctl import threadpool_limits

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

SPREAD_GRID = np.array([0.02, 0.1, 0.2, 0.35, 0.6, 1.0])
"""Standard deviations of log hazard ratios that are summed over: from nothing to a factor of e."""

COMMON_SHARE = 0.5
"""How much of the prior variance of an effect all offers have in common."""

LEVEL_SCALE = 1.5
"""Prior scale of how far kinds differ in their own log hazard: a factor of 20 either way is within two."""

LARGEST_LOG_HAZARD = 4.0
"""exp(-exp(4)) is 0 for every purpose; above it only floats would overflow."""


@dataclass(frozen=True)
class Fit:
    """Mode, covariance and Laplace log evidence of one pair of spreads."""

    mode: FloatArray
    covariance: FloatArray
    log_evidence: float


class PooledHazards:
    """Hierarchical complementary log-log regression of churned counts, with one control for all offers.

    Of n customers of kind s in arm a, c churned within the horizon: c ~ Binomial(n, 1 - exp(-exp(eta))), with
    eta = alpha[s] in the control and alpha[s] + mu[a] + delta[a, s] under offer a. This is the grouped form of
    Cox's proportional hazards (Prentice and Gloeckler 1978, Regression analysis of grouped survival data with
    application to breast cancer data, Biometrics 34): exp(mu + delta) multiplies the churn hazard.

    Priors: alpha[s] ~ N(overall level, 1.5^2), mu[a] ~ N(0, tau_offer^2), delta[a, s] ~ N(0, tau_segment^2). So
    an offer is pulled towards doing nothing, and a kind towards its offer, each as far as its noise asks. The
    mu of two offers are correlated by one half, and so are the delta of two offers in one kind: kinds that any
    offer drives away exist, and where the effects were independent a change common to all of eight offers
    would be taken for bad luck of the control (simulated: intervals that held the truth in 30 % of such cases).

    Given the two spreads the posterior is taken as normal around its mode, found by Newton steps with the
    expected information. The spreads are summed over on a grid, weighted by their Laplace marginal likelihood
    (Tierney and Kadane 1986, Accurate approximations for posterior moments and marginal densities; Rue,
    Martino and Chopin 2009, Approximate Bayesian inference for latent Gaussian models, section 3) and a weak
    half-normal prior (Gelman 2006, Prior distributions for variance parameters in hierarchical models). The
    single most likely pair would do for the estimates, but it is next to 0 in many experiments of this size,
    and intervals that believe it are far too narrow.

    Every offer of a kind is compared with the same control, so a control with bad luck flatters all of them
    at once (Dunnett 1955, A multiple comparison procedure for comparing several treatments with a control).
    Here the level of the kind is a parameter like the others: its noise is in the errors and covariances of
    all offers.

    Args:
        spread_scale: Scale of the half-normal prior of both spreads, in log hazard ratio.

    Attributes:
        level_: Log hazard of each kind without an offer, shape (kinds,).
        offer_: mu of each offer, shape (offers,).
        effect_: mu + delta of each cell with an offer, shape (cells,).
        covariance_: Joint covariance of the three, in this order, one after the other.
        segment_spread_: Root mean square of tau_segment in the posterior.
    """

    def __init__(self, spread_scale: float = 0.5) -> None:
        self.spread_scale = spread_scale

    def fit(self, arm: IntArray, segment: IntArray, count: FloatArray, churned: FloatArray) -> Self:
        """Fit to the cells of an experiment.

        Args:
            arm: 0 for the control, 1, 2, ... for the offers, shape (rows,); one row per arm and kind.
            segment: Number of the kind, from 0, shape (rows,).
            count: Customers, above 0 and not necessarily whole, shape (rows,).
            churned: How many of them churned, from 0 to count.

        Returns:
            The fitted estimator.

        Raises:
            ValueError: When there is no control.
        """
        if not (arm == 0).any():
            message = "no control to compare with"
            raise ValueError(message)
        design, level_count, kind_start = _design(arm, segment)
        control = arm == 0
        overall_share = (churned[control].sum() + 0.5) / (count[control].sum() + 1)
        prior_mean = np.zeros(design.shape[1])
        prior_mean[:level_count] = np.log(-np.log1p(-overall_share))
        precision = np.full(design.shape[1], LEVEL_SCALE**-2)

        to_result = _to_result(design, level_count, kind_start, control)
        pairs = list(itertools.product(range(SPREAD_GRID.size), repeat=2))
        spreads = SPREAD_GRID[np.array(pairs)]
        width = np.gradient(SPREAD_GRID)[np.array(pairs)].prod(axis=1)
        fits: list[Fit] = []
        mode = prior_mean
        # Threads cost more than such small matrices gain: with two busy cores fitting took ten times as long.
        with threadpool_limits(limits=1, user_api="blas"):
            for offer_spread, segment_spread in spreads:
                precision[level_count : level_count + 1] = 1 / (COMMON_SHARE * offer_spread**2)
                precision[level_count + 1 : kind_start] = 1 / ((1 - COMMON_SHARE) * offer_spread**2)
                precision[kind_start : kind_start + level_count] = 1 / (COMMON_SHARE * segment_spread**2)
                precision[kind_start + level_count :] = 1 / ((1 - COMMON_SHARE) * segment_spread**2)
                fits.append(_fit_mode(design, count, churned, prior_mean, precision, mode))
                mode = fits[-1].mode
        log_weight = np.array([fit.log_evidence for fit in fits]) + np.log(width)
        log_weight -= (spreads**2).sum(axis=1) / (2 * self.spread_scale**2)
        weight = np.exp(log_weight - log_weight.max())
        weight /= weight.sum()

        modes = np.array([fit.mode for fit in fits]) @ to_result.T
        centre = weight @ modes
        within = sum((share * fit.covariance for share, fit in zip(weight, fits, strict=True)), start=0.0)
        self.covariance_: FloatArray = to_result @ within @ to_result.T + (modes - centre).T @ (
            (modes - centre) * weight[:, None]
        )
        self.level_, self.offer_, self.effect_ = np.split(centre, [level_count, level_count + int(arm.max())])
        self.segment_spread_ = float(np.sqrt(weight @ spreads**2)[1])
        return self


def _to_result(design: FloatArray, level_count: int, kind_start: int, control: BoolArray) -> FloatArray:
    """Matrix from the parameters to levels, mu of the offers and mu + delta of the cells."""
    offers = np.zeros((kind_start - level_count - 1, design.shape[1]))
    offers[:, level_count] = 1.0
    offers[:, level_count + 1 : kind_start] = np.eye(offers.shape[0])
    effects = design[~control].copy()
    effects[:, :level_count] = 0.0
    return np.vstack([np.eye(level_count, design.shape[1]), offers, effects])


def _design(arm: IntArray, segment: IntArray) -> tuple[FloatArray, int, int]:
    """Rows x (levels, common to all offers, offers, common to all offers of a kind, cells).

    Returns:
        The matrix, the number of levels, and where the columns begin that differ between kinds.
    """
    level_count, offer_count = int(segment.max()) + 1, int(arm.max())
    treated = np.flatnonzero(arm > 0)
    kind_start = level_count + 1 + offer_count
    design = np.zeros((arm.size, kind_start + level_count + treated.size))
    design[np.arange(arm.size), segment] = 1.0
    design[treated, level_count] = 1.0
    design[treated, level_count + arm[treated]] = 1.0
    design[treated, kind_start + segment[treated]] = 1.0
    design[treated, kind_start + level_count + np.arange(treated.size)] = 1.0
    return design, level_count, kind_start


def _log_posterior(
    eta: FloatArray, count: FloatArray, churned: FloatArray, deviation: FloatArray, precision: FloatArray
) -> float:
    hazard = np.exp(np.minimum(eta, LARGEST_LOG_HAZARD))
    likelihood = churned * np.log(-np.expm1(-hazard)) - (count - churned) * hazard
    return float(likelihood.sum() - 0.5 * (precision * deviation**2).sum())


def _fit_mode(
    design: FloatArray,
    count: FloatArray,
    churned: FloatArray,
    prior_mean: FloatArray,
    precision: FloatArray,
    start: FloatArray,
) -> Fit:
    """Newton steps with the expected information n h^2 (1 - p) / p, halved while they do not climb."""
    mode = start
    value = _log_posterior(design @ mode, count, churned, mode - prior_mean, precision)
    for _ in range(100):
        score, information = _score_and_information(design, count, churned, mode)
        score = score - precision * (mode - prior_mean)
        step = cho_solve(cho_factor(information + np.diag(precision)), score)
        for _ in range(30):
            proposed = mode + step
            climbed = _log_posterior(design @ proposed, count, churned, proposed - prior_mean, precision)
            if climbed >= value:
                break
            step = step / 2
        else:
            break
        mode, value = proposed, climbed
        if np.abs(step).max() < 1e-7:
            break
    _, information = _score_and_information(design, count, churned, mode)
    factor = cho_factor(information + np.diag(precision))
    half_log_determinant = float(np.log(np.diag(factor[0])).sum())
    return Fit(
        mode=mode,
        covariance=cho_solve(factor, np.eye(mode.size)),
        log_evidence=value + 0.5 * float(np.log(precision).sum()) - half_log_determinant,
    )


def _score_and_information(
    design: FloatArray, count: FloatArray, churned: FloatArray, mode: FloatArray
) -> tuple[FloatArray, FloatArray]:
    hazard = np.exp(np.minimum(design @ mode, LARGEST_LOG_HAZARD))
    probability = -np.expm1(-hazard)
    score = hazard * (churned - count * probability) / probability
    weight = count * hazard**2 * np.exp(-hazard) / probability
    return design.T @ score, (design.T * weight) @ design
