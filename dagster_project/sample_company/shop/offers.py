"""The randomised offers: who gets which, how it changes shopping, what it costs, and whether the person bought again.

Offers are tried on the persons of a panel alone, on the first day of a quarter, and work for sixty days. They help some
kinds of customers and not others. Not here: the loop over days (`life`).
"""

import numpy as np

from dagster_project.sample_company.log import EventLog
from dagster_project.sample_company.randomness import generator, pick
from dagster_project.sample_company.shop.people import People
from dagster_project.sample_company.timeline import Floats, Ints, unix_seconds

OFFERS = ("no_offer", "voucher_10", "voucher_20", "free_shipping", "double_points")
PROPENSITIES = (0.40, 0.15, 0.15, 0.15, 0.15)
ACCEPT_SHARES = np.array([0.0, 0.5, 0.6, 0.4, 0.7])
"""Of those who buy while the offer stands, how many use it."""
COSTS = np.array([0.0, 2.50, 5.00, 3.90, 1.50])
KINDS = ("frequent", "regular", "rare")
"""By baskets in the 180 days before: from six on, from two on, fewer."""
FREQUENT_FROM, REGULAR_FROM, KIND_DAYS = 6, 2, 180
RATE_MULTIPLIERS = np.array(
    [
        # no    10 %  20 %  post  points
        [1.00, 1.00, 1.05, 1.00, 1.25],  # frequent: buys anyway, collects points
        [1.00, 1.20, 1.35, 1.10, 1.15],  # regular
        [1.00, 1.40, 2.00, 1.15, 1.00],  # rare: the price decides
    ]
)
"""Factor on the rate of shopping while the offer stands, by kind of customer and offer: the planted truth."""
FIRST_OFFER_DAY = 180
WORKS_DAYS, OBSERVED_DAYS = 60, 90
ENTRY_SHARE = 0.5
LEAST_TENURE_DAYS = 60
NEVER = -10_000


class Experiment:
    """Which offer each person has, and since when."""

    def __init__(self, people: People, log: EventLog) -> None:
        self._people, self._log = people, log
        self._offered_day = np.full(people.size, NEVER)
        self._factor = np.ones(people.size)

    def factor_on(self, day: int) -> Floats:
        """Factor on the rate of shopping today, shape (n,)."""
        works = (day > self._offered_day) & (day <= self._offered_day + WORKS_DAYS)
        return np.asarray(np.where(works, self._factor, 1.0))

    def make_offers(self, day: int, known: int) -> None:
        """Draw half of the panel who are free and not new, and an offer for each."""
        if day < FIRST_OFFER_DAY:
            return
        draws = generator(self._people.seed, "shop offers", day)
        enters, arm_draw, use, minute = (draws.random(known) for _ in range(4))
        free = day - self._offered_day[:known] > OBSERVED_DAYS
        old_enough = day - self._people.join_day[:known] >= LEAST_TENURE_DAYS
        who = np.flatnonzero(self._people.is_in_panel[:known] & free & old_enough & (enters < ENTRY_SHARE))
        arm = pick(arm_draw[who], PROPENSITIES)
        kind = self._kinds(day, known)[who]
        self._offered_day[who] = day
        self._factor[who] = RATE_MULTIPLIERS[kind, arm]
        self._log.add(
            "offer",
            len(who),
            customer=who,
            day=day,
            arm=arm,
            kind=kind,
            uses=use[who] < ACCEPT_SHARES[arm],
            offered=unix_seconds(day, 28_800 + (3_600 * minute[who]).astype(np.int64)),
        )

    def _kinds(self, day: int, known: int) -> Ints:
        baskets = self._log.frame("basket", ("customer", "day"))
        recent = baskets.filter((baskets["day"] >= day - KIND_DAYS) & (baskets["day"] < day))["customer"]
        count = np.bincount(recent.to_numpy().astype(np.int64), minlength=known)
        return np.select([count >= FREQUENT_FROM, count >= REGULAR_FROM], [0, 1], 2)
