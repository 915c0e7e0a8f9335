"""The true churn hazard and who decides to leave: the planted truth that models try to find.

Not here: what the offers do (`catalogue.VOLUNTARY_HAZARD_MULTIPLIERS`, `offers`) and the billing that follows
(`billing`).
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from dagster_project.sample_company import catalogue
from dagster_project.sample_company.billing import Billing
from dagster_project.sample_company.collection import PAYMENT_FAILURE, RETRY_AFTER_DAYS, RETRY_FAILURE
from dagster_project.sample_company.engagement import (
    BAD_SHOCK,
    BAD_SHOCK_PER_DAY,
    GOOD_SHOCK,
    GOOD_SHOCK_PER_DAY,
    INCIDENT,
    NOISE_PER_DAY,
    REVERSION_PER_DAY,
    TROUBLE_DECAY,
    TROUBLE_DRAG,
    TROUBLE_PER_DAY,
)
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


@dataclass(frozen=True)
class Leaving:
    """Chances that a subscription has ended 90 days later, and what they are made of."""

    probability: Floats  # shape (known,)
    with_offers: Floats  # shape (known, offers): the same, were each offer made tomorrow
    voluntary: Floats  # shape (known,): to decide to leave, were every bill paid
    payment: (
        Floats  # shape (known,): to lose the subscription over an unpaid bill, did nobody decide to leave
    )


def daily_hazard(
    state: State,
    population: Population,
    day: int,
    known: int,
    engagement: Floats,
    trouble: Floats,
    arrears: Floats,
    days_left: Ints,
) -> Floats:
    """Chance per day that a subscriber decides to leave, before any offer and above no highest.

    Args:
        state: The customers now.
        population: Their fixed traits.
        day: The day the hazard is for, now or in the future.
        known: Number of customers.
        engagement: Latent engagement on that day, shape (known,).
        trouble: What is left of incidents on that day, shape (known,).
        arrears: Chance to be behind with a bill on that day, shape (known,).
        days_left: Days to the next end of a paid period on that day, shape (known,).

    Returns:
        Hazards, shape (known,), as if everybody were a subscriber without notice.
    """
    hazard = BASE_HAZARD_PER_DAY * catalogue.PLAN_HAZARD[state.plan[:known]]
    hazard = hazard * np.exp(-ENGAGEMENT_SLOPE * engagement)
    hazard *= np.where(day - state.started_day[:known] < YOUNG_DAYS, YOUNG_FACTOR, 1.0)
    hazard *= 1 + (PAST_DUE_FACTOR - 1) * arrears
    hazard *= 1 + 0.5 * np.minimum(2.0, trouble)
    hazard *= (state.seats[:known] / catalogue.PLAN_SEATS_MEDIAN[state.plan[:known]]) ** -0.2
    window = np.where(days_left <= RENEWAL_WINDOW_DAYS, RENEWAL_FACTOR, FAR_FROM_RENEWAL_FACTOR)
    hazard *= np.where(state.is_yearly[:known], window, 1.0)
    return np.asarray(hazard)


def running_offer_factor(state: State, day: int, known: int) -> Floats:
    """Factor of the offers that still work on that day, shape (known,)."""
    runs = (state.offer_day[:known] >= 0) & (day - state.offer_day[:known] <= catalogue.OFFER_DAYS)
    return np.asarray(np.where(runs, state.offer_factor[:known], 1.0))


def hazard_now(state: State, population: Population, day: int, known: int) -> Floats:
    """Hazard of today, shape (known,)."""
    hazard = daily_hazard(
        state, population, day, known, state.engagement[:known], state.trouble[:known],
        np.where(state.status[:known] == PAST_DUE, 1.0, 0.0), state.period_end[:known] - day,
    )  # fmt: skip
    return np.asarray(np.minimum(HIGHEST_HAZARD, hazard * running_offer_factor(state, day, known)))


def churn_probability(
    state: State, population: Population, day: int, known: int, offer_factors: Floats, step_days: int = 5
) -> Leaving:
    """Chance that the subscription has ended 90 days later, given the latent state today.

    It ends by a decision to leave or over a bill that is given up. Offers multiply the hazard of decisions alone: an
    unpaid bill ends a subscription all the same. An offer of tomorrow works for all of the 90 days, on top of one that
    still runs (the experiment never makes two at a time); where one has given notice, none helps.

    Engagement reverts to its mean and incidents drag it down. Noise and shocks to come enter through the mean and the
    spread of the hazard that they make; bills still to come, through the chance that they are given up. Offers still
    to be made are left out of `probability`.

    Args:
        state: The customers at the end of `day`.
        population: Their fixed traits.
        day: Day number.
        known: Number of customers.
        offer_factors: Factor of each offer on the hazard of each customer, shape (known, offers).
        step_days: Length of the steps of the integral.

    Returns:
        Probabilities; meaningful for subscribers only.
    """
    base = population.base_engagement[:known]
    yearly = state.is_yearly[:known]
    end = state.period_end[:known]
    engagement, trouble = state.engagement[:known].copy(), state.trouble[:known].copy()
    rise = _rise_of_mean_hazard(PROBABILITY_DAYS)
    # The first column is without a new offer.
    factors = np.column_stack([np.ones(known), offer_factors])
    decided, unpaid = np.zeros_like(factors), np.zeros(known)
    behind = np.where(state.status[:known] == PAST_DUE, 1.0, 0.0)
    retries_left = np.maximum(0, len(RETRY_AFTER_DAYS) - state.invoice_attempts[:known])
    unpaid += behind * RETRY_FAILURE**retries_left
    for ahead in range(1, PROBABILITY_DAYS + 1):
        trouble = TROUBLE_DECAY * trouble + TROUBLE_PER_DAY * INCIDENT.mean()
        engagement += REVERSION_PER_DAY * (base - engagement) - TROUBLE_DRAG * trouble
        if ahead % step_days != step_days // 2 + 1:
            continue
        future = day + ahead
        left = np.where(end >= future, end - future, end + 365 - future)
        hazard = daily_hazard(
            state, population, future, known, engagement - rise[ahead] / ENGAGEMENT_SLOPE, trouble,
            behind * RETRY_FAILURE ** (ahead / RETRY_AFTER_DAYS.mean()), left,
        ) * running_offer_factor(state, future, known)  # fmt: skip
        still_in_time = np.where(left <= PROBABILITY_DAYS - ahead, 1.0, 0.0)
        far = left > RENEWAL_WINDOW_DAYS
        monthly_in_time = AT_ONCE_SHARE + (1 - AT_ONCE_SHARE) * min(1.0, (PROBABILITY_DAYS - ahead) / 30)
        in_time = np.where(yearly, np.where(far, 1.0, still_in_time), monthly_in_time)
        decided += step_days * np.minimum(HIGHEST_HAZARD, hazard[:, None] * factors) * in_time[:, None]
        bills = np.where(yearly, np.where(left <= step_days, 1.0, 0.0), step_days / 30)
        fails = np.minimum(0.3, PAYMENT_FAILURE * np.exp(-0.5 * engagement))
        unpaid += bills * fails * RETRY_FAILURE ** (len(RETRY_AFTER_DAYS) - 1)
    # Who meets a shock leaves once, however high the hazard: the mean over what the days may bring.
    futures = [
        np.exp(-np.minimum(decided * share, HIGHEST_HAZARD * PROBABILITY_DAYS))
        for share in _futures(PROBABILITY_DAYS)
    ]
    undecided, paid = np.mean(futures, axis=0), np.exp(-unpaid)
    leaves = state.has_notice[:known] & (end - day <= PROBABILITY_DAYS)
    chances = np.where(leaves[:, None], 1.0, 1 - undecided * paid[:, None])
    return Leaving(
        probability=chances[:, 0],
        with_offers=chances[:, 1:],
        voluntary=np.where(leaves, 1.0, 1 - undecided[:, 0]),
        payment=1 - paid,
    )


def _rise_of_mean_hazard(days: int) -> Floats:
    """Logarithm of the factor that noise and shocks of the coming days put on the mean hazard, shape (days + 1,).

    A normal disturbance raises the mean of an exponential by half its variance; shocks that come at random (a compound
    Poisson process) by the mean of what each would do. All of them fade as engagement reverts.
    """
    fading = (1 - REVERSION_PER_DAY) ** np.arange(days)[:, None]
    grid = (np.arange(100) + 0.5) / 100
    noise = (ENGAGEMENT_SLOPE * NOISE_PER_DAY * fading[:, 0]) ** 2 / 2
    bad = np.exp(ENGAGEMENT_SLOPE * fading * BAD_SHOCK.at(grid)).mean(axis=1) - 1
    good = np.exp(-ENGAGEMENT_SLOPE * fading * GOOD_SHOCK.at(grid)).mean(axis=1) - 1
    per_day = noise + BAD_SHOCK_PER_DAY * bad + GOOD_SHOCK_PER_DAY * good
    return np.concatenate([[0.0], np.cumsum(per_day)])


@cache
def _futures(days: int, paths: int = 20_000, kept: int = 50) -> tuple[float, ...]:
    """What noise and shocks of the coming days make of the mean hazard: factors that are equally likely.

    They act alike on everybody, so that one set of drawn futures serves for all; each factor kept is the mean of a
    part of them, from the luckiest to the worst.
    """
    draws = np.random.default_rng(0)
    fallen, hazard = np.zeros(paths), np.zeros(paths)
    for _ in range(days):
        fallen *= 1 - REVERSION_PER_DAY
        fallen += NOISE_PER_DAY * draws.standard_normal(paths)
        fallen += (draws.random(paths) < BAD_SHOCK_PER_DAY) * BAD_SHOCK.at(draws.random(paths))
        fallen -= (draws.random(paths) < GOOD_SHOCK_PER_DAY) * GOOD_SHOCK.at(draws.random(paths))
        hazard += np.exp(ENGAGEMENT_SLOPE * fallen)
    parts = np.sort(hazard / hazard.mean()).reshape(kept, -1)
    return tuple(parts.mean(axis=1).tolist())


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
