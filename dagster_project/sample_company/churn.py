"""The true churn hazard and who decides to leave: the planted truth that models try to find.

Not here: what the offers do (`catalogue.HAZARD_MULTIPLIERS`, `offers`) and the billing that follows
(`billing`).
"""

import numpy as np

from dagster_project.sample_company import catalogue
from dagster_project.sample_company.billing import Billing
from dagster_project.sample_company.collection import PAYMENT_FAILURE, RETRY_AFTER_DAYS, RETRY_FAILURE
from dagster_project.sample_company.engagement import NOISE_PER_DAY, REVERSION_PER_DAY
from dagster_project.sample_company.population import Population
from dagster_project.sample_company.randomness import generator
from dagster_project.sample_company.state import PAST_DUE, State
from dagster_project.sample_company.timeline import Floats, Ints, unix_seconds

BASE_HAZARD_PER_DAY = 0.00012
ENGAGEMENT_SLOPE = 1.95
YOUNG_DAYS = 120
YOUNG_FACTOR = 1.5
PAST_DUE_FACTOR = 2.0
RENEWAL_WINDOW_DAYS = 60
RENEWAL_FACTOR = 2.6
FAR_FROM_RENEWAL_FACTOR = 0.45
HIGHEST_HAZARD = 0.06
AT_ONCE_SHARE = 0.25
"""Share of the decisions that end a monthly subscription at once; the rest gives notice."""
PROBABILITY_DAYS = 90


def daily_hazard(
    state: State,
    population: Population,
    day: int,
    known: int,
    engagement: Floats,
    offer_factor: Floats,
    days_left: Ints,
) -> Floats:
    """Chance per day that a subscriber decides to leave.

    Args:
        state: The customers now.
        population: Their fixed traits.
        day: The day the hazard is for, now or in the future.
        known: Number of customers.
        engagement: Latent engagement on that day, shape (known,).
        offer_factor: Factor of the running offer on that day, shape (known,).
        days_left: Days to the next end of a paid period on that day, shape (known,).

    Returns:
        Hazards, shape (known,), as if everybody were a subscriber without notice.
    """
    hazard = BASE_HAZARD_PER_DAY * catalogue.PLAN_HAZARD[state.plan[:known]]
    hazard = hazard * np.exp(-ENGAGEMENT_SLOPE * engagement) * offer_factor
    hazard *= np.where(day - state.started_day[:known] < YOUNG_DAYS, YOUNG_FACTOR, 1.0)
    hazard *= np.where(state.status[:known] == PAST_DUE, PAST_DUE_FACTOR, 1.0)
    hazard *= 1 + 0.5 * np.minimum(2.0, state.trouble[:known])
    hazard *= (state.seats[:known] / catalogue.PLAN_SEATS_MEDIAN[state.plan[:known]]) ** -0.2
    window = np.where(days_left <= RENEWAL_WINDOW_DAYS, RENEWAL_FACTOR, FAR_FROM_RENEWAL_FACTOR)
    hazard *= np.where(state.is_yearly[:known], window, 1.0)
    return np.asarray(np.minimum(HIGHEST_HAZARD, hazard))


def running_offer_factor(state: State, day: int, known: int) -> Floats:
    """Factor of the offers that still work on that day, shape (known,)."""
    runs = (state.offer_day[:known] >= 0) & (day - state.offer_day[:known] <= catalogue.OFFER_DAYS)
    return np.asarray(np.where(runs, state.offer_factor[:known], 1.0))


def hazard_now(state: State, population: Population, day: int, known: int) -> Floats:
    """Hazard of today, shape (known,)."""
    return daily_hazard(
        state, population, day, known, state.engagement[:known], running_offer_factor(state, day, known),
        state.period_end[:known] - day,
    )  # fmt: skip


def churn_probability(
    state: State, population: Population, day: int, known: int, step_days: int = 5
) -> Floats:
    """Chance that the subscription has ended 90 days later, given the latent state today.

    Engagement is taken to revert to its mean; the noise to come enters through the mean of the log-normal
    hazard. Rare shocks and coming offers are left out, so the figure is close but not exact.

    Args:
        state: The customers at the end of `day`.
        population: Their fixed traits.
        day: Day number.
        known: Number of customers.
        step_days: Length of the steps of the integral.

    Returns:
        Probabilities, shape (known,); meaningful for subscribers only.
    """
    base = population.base_engagement[:known]
    yearly = state.is_yearly[:known]
    end = state.period_end[:known]
    total = np.zeros(known)
    for ahead in range(step_days // 2 + 1, PROBABILITY_DAYS + 1, step_days):
        engagement = base + (state.engagement[:known] - base) * (1 - REVERSION_PER_DAY) ** ahead
        future = day + ahead
        left = np.where(end >= future, end - future, end + 365 - future)
        variance = NOISE_PER_DAY**2 * (1 - (1 - REVERSION_PER_DAY) ** (2 * ahead)) / (2 * REVERSION_PER_DAY)
        hazard = daily_hazard(
            state, population, future, known, engagement - ENGAGEMENT_SLOPE * variance / 2,
            running_offer_factor(state, future, known), left,
        )  # fmt: skip
        still_in_time = np.where(left <= PROBABILITY_DAYS - ahead, 1.0, 0.0)
        far = left > RENEWAL_WINDOW_DAYS
        monthly_in_time = AT_ONCE_SHARE + (1 - AT_ONCE_SHARE) * min(1.0, (PROBABILITY_DAYS - ahead) / 30)
        reaches = np.where(yearly, np.where(far, 1.0, still_in_time), monthly_in_time)
        total += step_days * hazard * reaches
        given_up = PAYMENT_FAILURE * RETRY_FAILURE ** (len(RETRY_AFTER_DAYS) - 1) * np.exp(-0.5 * engagement)
        total += np.where(yearly, 0.0, step_days / 30 * given_up)
    leaves = end - day <= PROBABILITY_DAYS
    return np.asarray(np.where(state.has_notice[:known] & leaves, 1.0, 1 - np.exp(-total)))


def decide(billing: Billing, day: int, known: int) -> None:
    """Draw who leaves today: at once, or by notice to the end of the paid period."""
    state, population = billing.state, billing.population
    draws = generator(population.seed, "churn", day)
    chance, manner, reason = draws.random(known), draws.random(known), draws.random(known)
    at_risk = state.is_subscriber(known) & ~state.has_notice[:known]
    who = np.flatnonzero(at_risk & (chance < hazard_now(state, population, day, known)))
    state.cancel_reason[who] = _reason(state, who, reason)
    days_left = state.period_end[who] - day
    far = state.is_yearly[who] & (days_left > RENEWAL_WINDOW_DAYS)
    at_once = far | (~state.is_yearly[who] & (manner[who] < AT_ONCE_SHARE))
    billing.log.add("ended", len(who), customer=who, day=day)
    second_of_day = 61_200 + (10_000 * manner).astype(np.int64)
    notice = who[~at_once]
    state.has_notice[notice] = True
    state.notice_second[notice] = unix_seconds(day, second_of_day[notice])
    billing.report_subscription(notice, state.notice_second[notice])
    billing.end(who[at_once], day, np.resize(second_of_day, population.size))


def _reason(state: State, who: Ints, draw: Floats) -> Ints:
    """Reasons that fit: the unengaged do not use it, the troubled complain, the rest find it dear."""
    any_reason = (draw[who] * len(catalogue.CANCEL_REASONS)).astype(np.int64)
    unused = catalogue.CANCEL_REASONS.index("unused")
    service = catalogue.CANCEL_REASONS.index("customer_service")
    fitting = np.select(
        [state.trouble[who] > 0.5, state.engagement[who] < -0.8], [service, unused], default=0
    )
    return np.where((draw[who] * 997) % 1 < 0.6, fitting, any_reason).astype(np.int64)
