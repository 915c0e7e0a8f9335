"""Who shops: traits of persons that never change. Persons of one household share address and surname.

Not here: how they are written down (`records`), and how their interest changes (`life`).
"""

from dataclasses import dataclass

import numpy as np

from dagster_project.sample_company.randomness import generator, mixed_uniform, pick, uniform
from dagster_project.sample_company.shop.assortment import CATEGORIES
from dagster_project.sample_company.timeline import HISTORY_DAYS, Bools, Floats, Ints

START_SHARE = 0.45
OLDEST_CUSTOMER_DAYS = 900
"""Those of before the first day came within so many days before it; their orders of then are not exported."""
HOUSEHOLD_SHARE = 0.25
CARD, ACCOUNT, BOTH = range(3)
"""How a person is known: by a card of the stores, by an account of the web shop, by both as two records."""

LEAVING_PER_DAY = np.exp(np.linspace(np.log(1 / 4000), np.log(1 / 160), 8))
"""Chance per day to drift away for good or for long, one per class of customers."""
RETURN_PER_DAY = np.array([0.0, 1 / 300])
"""Chance per day that one who has drifted away is back, one per class; most never come back."""
RETURN_SHARES = (0.6, 0.4)
MEAN_RATE, RATE_SHAPE = 0.034, 1.4
LEAST_RATE, HIGHEST_RATE = 0.003, 0.14


@dataclass(frozen=True)
class People:
    """Traits by person, arrays of shape (n,) unless said otherwise, sorted by the day on which they join."""

    seed: int
    join_day: Ints
    base_rate: Floats  # baskets per day at middle interest on an average day
    web_share: Floats
    taste: Floats  # shape (n, categories), mean 1 over persons
    leaving_class: Ints
    return_class: Ints
    is_in_panel: Bools  # offers are tried on these persons alone
    known_by: Ints  # CARD, ACCOUNT or BOTH
    is_member: Bools  # of the loyalty programme
    has_consent: Bools
    has_app: Bools
    household: Ints  # position of the first of the household, which is the person's own where alone

    @property
    def size(self) -> int:
        """Number of persons."""
        return len(self.join_day)

    def known_on(self, day: int) -> int:
        """How many persons, counted from the first, have joined by the end of a day."""
        return int(np.searchsorted(self.join_day, day, side="right"))


def draw_people(customer_count: int, seed: int, last_day: int) -> People:
    """Draw everybody who has joined by `last_day`; a later one only appends.

    Args:
        customer_count: Persons over the default history of 730 days.
        seed: Seed of the company.
        last_day: Last simulated day number.
    """
    start_count = round(START_SHARE * customer_count)
    slot_days = HISTORY_DAYS / (customer_count - start_count)
    slots = int(np.ceil((last_day + 1) / slot_days))
    arrival = np.floor((np.arange(slots) + uniform(seed, "shop arrival", slots)) * slot_days).astype(np.int64)
    arrival = arrival[arrival <= last_day]
    before = -1 - np.floor(uniform(seed, "shop start", start_count) * OLDEST_CUSTOMER_DAYS).astype(np.int64)
    join_day = np.concatenate([np.sort(before), arrival])
    size, pair = len(join_day), np.arange(len(join_day)) // 2
    shares_home = mixed_uniform(seed, "shop household", pair) < HOUSEHOLD_SHARE
    rate = generator(seed, "shop rate").gamma(RATE_SHAPE, MEAN_RATE / RATE_SHAPE, size)
    taste = generator(seed, "shop taste").gamma(1.5, 1 / 1.5, (size, len(CATEGORIES)))
    consent = uniform(seed, "shop consent", size) < 0.72
    return People(
        seed=seed,
        join_day=join_day,
        base_rate=np.clip(rate, LEAST_RATE, HIGHEST_RATE),
        web_share=np.asarray(generator(seed, "shop web").beta(0.6, 1.1, size)),
        taste=taste,
        leaving_class=np.floor(uniform(seed, "shop leaving", size) * len(LEAVING_PER_DAY)).astype(np.int64),
        return_class=pick(uniform(seed, "shop return", size), RETURN_SHARES),
        is_in_panel=uniform(seed, "shop panel", size) < 0.4,
        known_by=pick(uniform(seed, "shop known by", size), (0.55, 0.37, 0.08)),
        is_member=uniform(seed, "shop member", size) < 0.8,
        has_consent=consent,
        has_app=consent & (uniform(seed, "shop app", size) < 0.4),
        household=np.where(shares_home, 2 * pair, np.arange(size)),
    )
