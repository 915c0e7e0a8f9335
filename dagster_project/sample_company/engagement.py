"""How the latent engagement of customers drifts, and on which days they use the product.

Not here: what follows from engagement (`churn`, `usage`, `support_records`, `marketing_records`).
"""

from typing import NamedTuple

import numpy as np

from dagster_project.sample_company.population import Population
from dagster_project.sample_company.randomness import generator
from dagster_project.sample_company.state import NOT_YET, USAGE_WINDOW_DAYS, State
from dagster_project.sample_company.timeline import Floats, date_of

REVERSION_PER_DAY = 0.02
NOISE_PER_DAY = 0.10
TROUBLE_DECAY = 0.93
TROUBLE_PER_DAY = 0.003
TROUBLE_DRAG = 0.03
BAD_SHOCK_PER_DAY = 0.0012
GOOD_SHOCK_PER_DAY = 0.0008


class Size(NamedTuple):
    """Of something that is as likely to be small as large."""

    smallest: float
    width: float

    def at(self, share: Floats) -> Floats:
        """The size below which a share of them lies, 0 to 1."""
        return self.smallest + self.width * share

    def mean(self) -> float:
        """In the middle."""
        return self.smallest + self.width / 2


INCIDENT = Size(0.8, 1.2)
BAD_SHOCK = Size(0.8, 1.0)
GOOD_SHOCK = Size(0.6, 0.6)


def sigmoid(value: Floats) -> Floats:
    """The logistic function."""
    return np.asarray(1.0 / (1.0 + np.exp(-value)))


def drift(state: State, population: Population, day: int, known: int) -> None:
    """One day of a mean-reverting random walk with rare shocks; incidents drag it down while they last."""
    draws = generator(population.seed, "engagement", day)
    noise = draws.standard_normal(known)
    incident, incident_size = draws.random(known), draws.random(known)
    shock, shock_size = draws.random(known), draws.random(known)
    trouble = TROUBLE_DECAY * state.trouble[:known]
    trouble += (incident < TROUBLE_PER_DAY) * INCIDENT.at(incident_size)
    state.trouble[:known] = trouble
    step = REVERSION_PER_DAY * (population.base_engagement[:known] - state.engagement[:known])
    step += NOISE_PER_DAY * noise - TROUBLE_DRAG * trouble
    step -= (shock < BAD_SHOCK_PER_DAY) * BAD_SHOCK.at(shock_size)
    step += (shock > 1 - GOOD_SHOCK_PER_DAY) * GOOD_SHOCK.at(shock_size)
    state.engagement[:known] += step


def use_product_today(state: State, population: Population, day: int, known: int) -> None:
    """Draw who uses the product today: more with engagement, more users and on weekdays."""
    weekday = date_of(day).weekday()
    weight = 1.0 if weekday < 5 else 0.22
    chance = weight * sigmoid(
        -0.35 + 1.0 * state.engagement[:known] + 0.25 * np.log(np.maximum(1, state.users[:known]))
    )
    subscribed = (state.status[:known] > NOT_YET) & (state.ended_day[:known] < 0)
    draw = generator(population.seed, "active", day).random(known)
    today = subscribed & (draw < chance)
    state.is_active_today[:known] = today
    state.active_days[:known, day % USAGE_WINDOW_DAYS] = today
