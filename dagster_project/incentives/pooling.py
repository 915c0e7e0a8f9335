"""Noisy effects of several groups, each pulled towards their common mean as far as its noise asks.

Here: the normal hierarchical model. Not here: where the effects come from (`effects.py`).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

GRID_SIZE = 201


@dataclass(frozen=True)
class PooledEffects:
    """Effects after pooling.

    Attributes:
        effect: Effect of each group, shape (groups,).
        standard_error: Its standard error, with the noise of the common mean and of the spread, shape
            (groups,).
        mean: Common mean of the groups.
        mean_standard_error: Its standard error.
        new_group_standard_error: Standard error of the mean as a guess for a group without data.
    """

    effect: FloatArray
    standard_error: FloatArray
    mean: float
    mean_standard_error: float
    new_group_standard_error: float


def pool_effects(raw: FloatArray, variance: FloatArray, spread_scale: float) -> PooledEffects:
    """Partial pooling: y_i ~ N(theta_i, v_i), theta_i ~ N(mu, tau^2), flat prior on mu, half-normal on tau.

    Gelman et al., Bayesian Data Analysis (3rd ed.), section 5.4: given tau everything is closed form (eq.
    5.17 and 5.20), and tau is summed over on a grid (eq. 5.21). A plugged-in moment estimate of tau
    (DerSimonian and Laird 1986) is 0 in many samples of few groups, which makes intervals far too narrow;
    summing over tau keeps that doubt in the standard errors. The half-normal prior only matters with few
    groups (Gelman 2006, Prior distributions for variance parameters in hierarchical models).

    Args:
        raw: Effect seen in each group, shape (groups,), at least one.
        variance: Its sampling variance, shape (groups,), all above 0.
        spread_scale: Scale of the half-normal prior on the spread between groups, in units of the effect.

    Returns:
        Pooled effects in the order of `raw`.
    """
    tau = np.linspace(0.0, 4 * spread_scale, GRID_SIZE)[:, None]
    total = variance[None, :] + tau**2
    weight = 1 / total
    mean = (weight * raw).sum(axis=1) / weight.sum(axis=1)
    mean_variance = 1 / weight.sum(axis=1)
    log_density = (
        0.5 * np.log(mean_variance)
        - 0.5 * np.log(total).sum(axis=1)
        - 0.5 * ((raw - mean[:, None]) ** 2 / total).sum(axis=1)
        - 0.5 * (tau[:, 0] / spread_scale) ** 2
    )
    density = np.exp(log_density - log_density.max())
    density /= density.sum()
    pull = variance / total  # 1: all from the mean, 0: all from the group itself
    effect = pull * mean[:, None] + (1 - pull) * raw
    effect_variance = (1 - pull) * variance + pull**2 * mean_variance[:, None]
    pooled, pooled_variance = _mixture(density, effect, effect_variance)
    overall, overall_variance = _mixture(density, mean[:, None], mean_variance[:, None])
    between = float(density @ tau[:, 0] ** 2)
    return PooledEffects(
        effect=pooled,
        standard_error=np.sqrt(pooled_variance),
        mean=float(overall[0]),
        mean_standard_error=float(np.sqrt(overall_variance[0])),
        new_group_standard_error=float(np.sqrt(overall_variance[0] + between)),
    )


def _mixture(density: FloatArray, mean: FloatArray, variance: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean and variance over the grid: the variance within, and that of the means."""
    centre = density @ mean
    return centre, density @ variance + density @ (mean - centre) ** 2
