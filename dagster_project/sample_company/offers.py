"""The randomised incentive experiment: who enters, which arm is drawn, what it costs, and what came of it.

Not here: the planted effects themselves (`catalogue`) and the hazard that they change (`churn`).
"""

import numpy as np

from dagster_project.sample_company import catalogue
from dagster_project.sample_company.billing import Billing
from dagster_project.sample_company.pricing import months_per_bill, unit_cents
from dagster_project.sample_company.randomness import generator, pick
from dagster_project.sample_company.state import State
from dagster_project.sample_company.timeline import Floats, Ints, date_of, unix_seconds

FIRST_OFFER_DAY = 92
"""2025-01-01, the first day of the fourth month."""
ENTRY_SHARE = 0.30
LEAST_TENURE_DAYS = 30
REST_DAYS = 89
"""Days between two offers: three months, of which February to April are the shortest."""


def kind_of_customer(state: State, known: int) -> Ints:
    """Position in `catalogue.KINDS`, from what a company can see: plan, interval and days with use."""
    low = state.active_day_count(known) < catalogue.LOW_USAGE_ACTIVE_DAYS
    kind = 2 * state.plan[:known] + np.where(low, 0, 1)
    return np.asarray(np.where(low & state.is_yearly[:known], catalogue.YEARLY_LOW_USAGE, kind))


def monthly_revenue_usd(billing: Billing, known: int) -> Floats:
    """Monthly recurring revenue in US dollars, shape (known,)."""
    state, who = billing.state, np.arange(known)
    cents = state.seats[who] * unit_cents(state, who) / months_per_bill(state, who)
    return np.asarray(cents / 100 * catalogue.USD_PER_UNIT[state.currency[who]])


def make_offers(billing: Billing, day: int, known: int) -> None:
    """On the first day of a month, draw about 30 % of the subscribers into the experiment.

    Who had an offer in the last three months or has given notice stays out, so that offers do not
    overlap.
    """
    if day < FIRST_OFFER_DAY or date_of(day).day != 1:
        return
    state, population = billing.state, billing.population
    draws = generator(population.seed, "offers", day)
    enters, arm_draw, accepts = draws.random(known), draws.random(known), draws.random(known)
    minute = draws.random(known)
    subscribed = state.is_subscriber(known)
    free = (state.offer_day[:known] < 0) | (day - state.offer_day[:known] >= REST_DAYS)
    old_enough = day - state.started_day[:known] >= LEAST_TENURE_DAYS
    eligible = subscribed & ~state.has_notice[:known] & free & old_enough
    share = min(1.0, ENTRY_SHARE * subscribed.sum() / max(1, eligible.sum()))
    who = np.flatnonzero(eligible & (enters < share))
    arm = pick(arm_draw[who], catalogue.PROPENSITIES)
    kind = kind_of_customer(state, known)[who]
    state.offer[who] = arm
    state.offer_day[who] = day
    state.offer_factor[who] = catalogue.VOLUNTARY_HAZARD_MULTIPLIERS[kind, arm]
    accepted = accepts[who] < catalogue.INCENTIVE_ACCEPT_SHARE[arm]
    revenue = monthly_revenue_usd(billing, known)[who]
    cost = catalogue.INCENTIVE_MRR_SHARE[arm] * revenue * catalogue.INCENTIVE_MONTHS
    cost = np.where(arm == catalogue.INCENTIVES.index("fixed_credit"), catalogue.FIXED_CREDIT_USD, cost)
    offered = unix_seconds(day, 32_400 + (7_200 * minute[who]).astype(np.int64))
    accepted_after = 3_600 + (8 * 86_400 * minute[who] * accepts[who]).astype(np.int64)
    billing.log.add(
        "offer",
        len(who),
        customer=who,
        day=day,
        arm=arm,
        kind=kind,
        offered=offered,
        accepted=np.where(accepted, offered + accepted_after, -1),
        cost=np.round(np.where(accepted, cost, 0.0), 2),
    )


def record_retention(billing: Billing, day: int, known: int) -> None:
    """Log who is a subscriber at the end of the day on which some offer's observation ends."""
    offered = day - catalogue.OFFER_DAYS
    if offered < FIRST_OFFER_DAY or date_of(offered).day != 1:
        return
    billing.log.add(
        "retention",
        known,
        customer=np.arange(known),
        day=offered,
        is_retained=billing.state.is_subscriber(known),
    )
