"""Who the customers are and when they come: traits that are fixed for life.

Customers are numbered by arrival, so that the customers known on a day are a prefix of every array,
whatever the last simulated day is. Not here: names (`directory`) and anything that changes (`state`).
"""

from dataclasses import dataclass

import numpy as np

from dagster_project.sample_company import catalogue, words
from dagster_project.sample_company.places import TAX_BASIS_POINTS, place_of
from dagster_project.sample_company.randomness import generator, pick, uniform
from dagster_project.sample_company.relations import NOBODY, family_leads
from dagster_project.sample_company.timeline import HISTORY_DAYS, Bools, Floats, Ints

TRIAL_DAYS = 14
START_SHARE = 0.55
"""Share of the paying customers of the default history who are there on its first day."""
PROSPECTS_PER_CUSTOMER = 0.25
"""Companies that try and never pay, per joining customer."""
OLDEST_CUSTOMER_DAYS = 1095
PERSON_SHARE = 0.12
"""Customers who are private persons and pay for themselves: one seat of the smallest plan."""
PERSON_YEARLY_SHARE = 0.15
TAXED_SHARE = 0.35
"""Companies that are billed tax; persons always are, where there is any."""
ONBOARDING_SHARE = np.array([0.0, 0.15, 0.45])
SECOND_SUBSCRIPTION_SHARE = 0.03
NEW_CURRENCY_SHARE = 0.015
LATE_COUPON_SHARE = 0.4
"""Coupons that come during the life of a subscription and not at its start."""
NEVER_DAY = -(10**6)


@dataclass(frozen=True)
class Population:
    """Fixed traits, one element per customer (company or private person), in order of arrival."""

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
    is_person: Bools
    opens_tickets: Bools
    tax_basis_points: Ints
    coupon: Ints  # position in the catalogue, -1 for none
    coupon_delay_days: Ints  # 0 when it comes with the subscription
    has_onboarding: Bools
    second_start_day: Ints  # first day of a second subscription that runs beside, or NEVER_DAY
    second_months: Ints
    new_currency: Ints  # currency from the first renewal on or after `new_currency_day`
    new_currency_day: Ints  # NEVER_DAY for most

    @property
    def size(self) -> int:
        """Number of customers."""
        return len(self.join_day)

    def known_on(self, day: int) -> int:
        """How many customers, counted from the first, are in any system on that day."""
        arrivals = self.join_day[self.start_count :]
        return self.start_count + int(np.searchsorted(arrivals, day + TRIAL_DAYS, side="right"))


def _arrivals(seed: int, purpose: str, per_history: float, last_day: int) -> Ints:
    """Join days of a steady stream: one company per equal slot of time, at a random day of the slot."""
    if per_history <= 0:
        return np.empty(0, dtype=np.int64)
    slot_days = HISTORY_DAYS / per_history
    slots = int(np.ceil((last_day + 1) / slot_days)) + 1
    days = np.floor((np.arange(slots) + uniform(seed, purpose, slots)) * slot_days).astype(np.int64)
    return days[days <= last_day]


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

    is_person = uniform(seed, "person", size) < PERSON_SHARE
    plan = np.where(is_person, 0, pick(uniform(seed, "plan", size), catalogue.PLAN_SHARES))
    yearly_share = np.where(is_person, PERSON_YEARLY_SHARE, catalogue.PLAN_YEARLY_SHARE[plan])
    is_yearly = uniform(seed, "interval", size) < yearly_share
    has_trial = (uniform(seed, "trial", size) < 0.6) | ~is_paying
    currency = pick(uniform(seed, "currency", size), catalogue.CURRENCY_SHARES)
    place = place_of(catalogue.CURRENCIES, currency, uniform(seed, "place", size))
    lead = family_leads(is_person)
    home = np.where(lead == NOBODY, np.arange(size), lead)
    place, currency = place[home], currency[home]
    seat_noise = generator(seed, "seats").standard_normal(size)
    seats = catalogue.PLAN_SEATS_MEDIAN[plan] * np.exp(catalogue.PLAN_SEATS_SPREAD[plan] * seat_noise)
    withdrawn_after = -np.log1p(-uniform(seed, "withdrawal", size)) * 2500
    is_taxed = is_person | (uniform(seed, "tax", size) < TAXED_SHARE)
    return Population(
        seed=seed,
        start_count=start_count,
        is_paying=is_paying,
        join_day=join_day,
        lead_day=join_day - TRIAL_DAYS,
        first_day=np.where(has_trial, join_day - TRIAL_DAYS, join_day),
        has_trial=has_trial,
        plan=plan,
        is_yearly=is_yearly,
        currency=currency,
        place=place,
        industry=np.floor(uniform(seed, "industry", size) * len(words.INDUSTRIES)).astype(np.int64),
        initial_seats=np.where(is_person, 1, np.maximum(1, np.round(seats))).astype(np.int64),
        base_engagement=0.7 * generator(seed, "base").standard_normal(size),
        anchor_second=18_000 + np.floor(uniform(seed, "anchor", size) * 7_200).astype(np.int64),
        payment_method=np.where(currency == 1, 1, 2 * (uniform(seed, "method", size) < 0.15)).astype(np.int64)
        * (uniform(seed, "card", size) < 0.5),
        has_consent=uniform(seed, "consent", size) < 0.88,
        consent_withdrawn_day=join_day + 20 + withdrawn_after.astype(np.int64),
        is_person=is_person,
        opens_tickets=~is_person | (uniform(seed, "support user", size) < 0.75),
        tax_basis_points=np.where(is_taxed, np.array(TAX_BASIS_POINTS)[place], 0),
        has_onboarding=~is_person & (uniform(seed, "onboarding", size) < ONBOARDING_SHARE[plan]),
        **_agreements(seed, is_yearly, currency, join_day, is_paying & ~is_person),
    )


def _agreements(
    seed: int, is_yearly: Bools, currency: Ints, join_day: Ints, is_company: Bools
) -> dict[str, Ints]:
    """What is agreed once in a life: coupon, a second subscription, another currency."""
    size = len(join_day)
    shares = (*catalogue.COUPON_SHARES, 1.0 - sum(catalogue.COUPON_SHARES))
    coupon = pick(uniform(seed, "coupon", size), shares)
    coupon = np.where(coupon == len(catalogue.COUPON_SHARES), -1, coupon)
    coupon = np.where(
        is_yearly & catalogue.IS_REPEATING[coupon] & (coupon >= 0), catalogue.YEARLY_COUPON, coupon
    )
    is_late = (uniform(seed, "late coupon", size) < LATE_COUPON_SHARE) & ~catalogue.IS_ONCE[coupon]
    delay = 60 + np.floor(uniform(seed, "coupon delay", size) * 500).astype(np.int64)
    has_second = is_company & (uniform(seed, "second subscription", size) < SECOND_SUBSCRIPTION_SHARE)
    second_delay = 40 + np.floor(uniform(seed, "second delay", size) * 500).astype(np.int64)
    moves = is_company & (uniform(seed, "new currency", size) < NEW_CURRENCY_SHARE)
    move_delay = 90 + np.floor(uniform(seed, "currency delay", size) * 500).astype(np.int64)
    begin = np.maximum(join_day, 0)
    return {
        "coupon": coupon,
        "coupon_delay_days": np.where(is_late, delay, 0),
        "second_start_day": np.where(has_second, begin + second_delay, NEVER_DAY),
        "second_months": 2 + np.floor(uniform(seed, "second months", size) * 10).astype(np.int64),
        "new_currency": np.where(currency == 0, 1, 0),
        "new_currency_day": np.where(moves, begin + move_delay, NEVER_DAY),
    }
