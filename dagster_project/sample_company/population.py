"""Who the customers are and when they come: traits that are fixed for life.

Customers are numbered by arrival, so that the customers known on a day are a prefix of every array,
whatever the last simulated day is. Not here: names (`directory`) and anything that changes (`state`).
"""

from dataclasses import dataclass

import numpy as np

from dagster_project.sample_company import catalogue, words
from dagster_project.sample_company.randomness import generator, pick, uniform
from dagster_project.sample_company.timeline import HISTORY_DAYS, Bools, Floats, Ints

TRIAL_DAYS = 14
START_SHARE = 0.55
"""Share of the paying customers of the default history who are there on its first day."""
PROSPECTS_PER_CUSTOMER = 0.25
"""Companies that try and never pay, per joining customer."""
OLDEST_CUSTOMER_DAYS = 1095


@dataclass(frozen=True)
class Population:
    """Fixed traits, one element per company, in order of arrival."""

    seed: int
    start_count: int
    is_paying: Bools
    join_day: Ints  # first paid day; for companies that never pay the day on which their trial ends
    lead_day: Ints  # first day in the CRM
    first_day: Ints  # first day of a subscription, trial included
    has_trial: Bools
    plan: Ints
    is_yearly: Bools
    currency: Ints
    place: Ints
    industry: Ints
    initial_seats: Ints
    base_engagement: Floats
    anchor_second: Ints  # second of the day at which the company is billed
    payment_method: Ints
    has_consent: Bools
    consent_withdrawn_day: Ints

    @property
    def size(self) -> int:
        """Number of companies."""
        return len(self.join_day)

    def known_on(self, day: int) -> int:
        """How many companies, counted from the first, are in any system on that day."""
        arrivals = self.join_day[self.start_count :]
        return self.start_count + int(np.searchsorted(arrivals, day + TRIAL_DAYS, side="right"))

    def unit_cents(self) -> Ints:
        """Cents per seat and interval, shape (size,)."""
        return np.asarray(catalogue.UNIT_CENTS[self.plan, self.is_yearly.astype(np.int64), self.currency])


def _arrivals(seed: int, purpose: str, per_history: float, last_day: int) -> Ints:
    """Join days of a steady stream: one company per equal slot of time, at a random day of the slot."""
    if per_history <= 0:
        return np.empty(0, dtype=np.int64)
    slot_days = HISTORY_DAYS / per_history
    slots = int(np.ceil((last_day + 1) / slot_days)) + 1
    days = np.floor((np.arange(slots) + uniform(seed, purpose, slots)) * slot_days).astype(np.int64)
    return days[days <= last_day]


def _place(seed: int, currency: Ints) -> Ints:
    draws = uniform(seed, "place", len(currency))
    us, gb, euro = words.US_PLACES, words.GB_PLACES, len(words.PLACES) - words.US_PLACES - words.GB_PLACES
    in_us = np.floor(draws * us)
    in_gb = us + np.floor(draws * gb)
    in_euro = us + gb + np.floor(draws * euro)
    return np.choose(currency, [in_us, in_euro, in_gb]).astype(np.int64)


def draw_population(customer_count: int, seed: int, last_day: int) -> Population:
    """Draw everybody who is known by `last_day`.

    Args:
        customer_count: Paying companies over the default history of 730 days.
        seed: Seed of the company.
        last_day: Last simulated day number.

    Returns:
        The population; a later `last_day` only appends to it.
    """
    start_count = round(START_SHARE * customer_count)
    joining = customer_count - start_count
    start_join = -1 - np.floor(uniform(seed, "start", start_count) * OLDEST_CUSTOMER_DAYS).astype(np.int64)
    payers = _arrivals(seed, "arrivals", joining, last_day + TRIAL_DAYS)
    prospects = _arrivals(seed, "prospects", joining * PROSPECTS_PER_CUSTOMER, last_day + TRIAL_DAYS)
    arrival_day = np.concatenate([payers, prospects])
    arrival_pays = np.concatenate([np.ones(len(payers), dtype=bool), np.zeros(len(prospects), dtype=bool)])
    order = np.lexsort((~arrival_pays, arrival_day))
    join_day = np.concatenate([start_join, arrival_day[order]])
    is_paying = np.concatenate([np.ones(start_count, dtype=bool), arrival_pays[order]])
    size = len(join_day)

    plan = pick(uniform(seed, "plan", size), catalogue.PLAN_SHARES)
    has_trial = (uniform(seed, "trial", size) < 0.6) | ~is_paying
    currency = pick(uniform(seed, "currency", size), catalogue.CURRENCY_SHARES)
    seat_noise = generator(seed, "seats").standard_normal(size)
    seats = catalogue.PLAN_SEATS_MEDIAN[plan] * np.exp(catalogue.PLAN_SEATS_SPREAD[plan] * seat_noise)
    withdrawn_after = -np.log1p(-uniform(seed, "withdrawal", size)) * 2500
    return Population(
        seed=seed,
        start_count=start_count,
        is_paying=is_paying,
        join_day=join_day,
        lead_day=join_day - TRIAL_DAYS,
        first_day=np.where(has_trial, join_day - TRIAL_DAYS, join_day),
        has_trial=has_trial,
        plan=plan,
        is_yearly=uniform(seed, "interval", size) < catalogue.PLAN_YEARLY_SHARE[plan],
        currency=currency,
        place=_place(seed, currency),
        industry=np.floor(uniform(seed, "industry", size) * len(words.INDUSTRIES)).astype(np.int64),
        initial_seats=np.maximum(1, np.round(seats)).astype(np.int64),
        base_engagement=0.7 * generator(seed, "base").standard_normal(size),
        anchor_second=18_000 + np.floor(uniform(seed, "anchor", size) * 7_200).astype(np.int64),
        payment_method=np.where(currency == 1, 1, 2 * (uniform(seed, "method", size) < 0.15)).astype(np.int64)
        * (uniform(seed, "card", size) < 0.5),
        has_consent=uniform(seed, "consent", size) < 0.88,
        consent_withdrawn_day=join_day + 20 + withdrawn_after.astype(np.int64),
    )
