"""How interest comes and goes, who shops on which day, and what offers change: the loop over days.

Interest is one of four levels, a Markov chain per person: GONE (drifted away, silently), LOW, MIDDLE, HIGH. Each
person's chance to leave and to come back is that of a class, so that what is expected of the future has a closed form
(`expected_rates`). Not here: traits (`people`), what is in a basket (`baskets`).
"""

from dataclasses import dataclass

import numpy as np

from dagster_project.sample_company.log import EventLog
from dagster_project.sample_company.randomness import generator, pick
from dagster_project.sample_company.shop import offers
from dagster_project.sample_company.shop.baskets import draw_lines
from dagster_project.sample_company.shop.people import LEAVING_PER_DAY, RETURN_PER_DAY, People, draw_people
from dagster_project.sample_company.shop.rhythm import STORE, WEB, day_factors, month_ends, quarter_starts
from dagster_project.sample_company.timeline import Floats, Ints

GONE, LOW, MIDDLE, HIGH = range(4)
RATE_OF_LEVEL = np.array([0.0, 0.45, 1.0, 1.8])
LEAVING_OF_LEVEL = np.array([0.0, 2.0, 1.0, 0.5])
"""Factor on the chance to leave: who has lost interest leaves sooner."""
SWITCHES = np.array(
    [
        [0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.006, 0.0],
        [0.0, 0.004, 0.0, 0.003],
        [0.0, 0.0, 0.007, 0.0],
    ]
)
"""Chance per day to go from one level to another while interested."""
LEVEL_SHARES = (0.0, 0.3, 0.5, 0.2)
"""Levels of those who are customers on the first day, or join."""
BROWSING_RATIO = 0.5
"""Visits to a store that end without a basket, per basket bought there."""
FORECAST_DAYS = 365


@dataclass(frozen=True)
class Life:
    """Everything that happened up to a day.

    `log` has `basket` (one row per basket with something in it), `line`, `browse`, `spell` (changes of level), `state`
    (levels at month-ends) and `offer`.
    """

    people: People
    log: EventLog
    last_day: int


def transitions() -> Floats:
    """Daily chances from level to level, shape (leaving classes, return classes, 4, 4)."""
    chances = np.zeros((len(LEAVING_PER_DAY), len(RETURN_PER_DAY), 4, 4))
    leaving = LEAVING_PER_DAY[:, None] * LEAVING_OF_LEVEL
    stays = (1 - leaving)[:, None, :, None]
    within = SWITCHES + np.diag(1 - SWITCHES.sum(axis=1))
    chances[:] = stays * within
    chances[:, :, LOW:, GONE] = leaving[:, None, LOW:]
    chances[:, :, GONE, :] = 0.0
    chances[:, :, GONE, MIDDLE] = RETURN_PER_DAY
    chances[:, :, GONE, GONE] = 1 - RETURN_PER_DAY
    return chances


def expected_rates() -> Floats:
    """Expected factor on the rate of shopping 1 ... 365 days ahead, by classes and today's level.

    Returns:
        Shape (leaving classes, return classes, 4, 365).
    """
    chances, ahead = transitions(), []
    expected = np.broadcast_to(RATE_OF_LEVEL, (*chances.shape[:2], 4))[..., None]
    for _ in range(FORECAST_DAYS):
        expected = chances @ expected
        ahead.append(expected[..., 0])
    return np.stack(ahead, axis=-1)


def live(customer_count: int, seed: int, last_day: int) -> Life:
    """Run the shop from its first day to `last_day`; the log up to any day does not depend on `last_day`."""
    people, log = draw_people(customer_count, seed, last_day), EventLog()
    steps = np.cumsum(transitions(), axis=-1)[people.leaving_class, people.return_class]
    level = np.maximum(LOW, pick(generator(seed, "shop level").random(people.size), LEVEL_SHARES))
    experiment = offers.Experiment(people, log)
    factors = day_factors(np.arange(last_day + 1))
    marks, quarters = set(month_ends(last_day)), set(quarter_starts(last_day))
    known = 0
    for day in range(last_day + 1):
        before, known = known, people.known_on(day)
        draws = generator(seed, "shop day", day)
        chance, shops, browses, channel = (draws.random(known) for _ in range(4))
        # Who joins today begins with the level that was drawn.
        old = np.where(np.arange(known) < before, level[:known], -1)
        moved = (chance[:before, None] >= steps[np.arange(before), level[:before], :3]).sum(axis=1)
        level[:before] = moved
        changed = np.flatnonzero(old != level[:known])
        log.add("spell", len(changed), customer=changed, day=day, level=level[changed])
        if day in quarters:
            experiment.make_offers(day, known)
        _shop(
            people, log, day, level[:known], experiment.factor_on(day)[:known], factors[day], shops, channel
        )
        _browse(people, log, day, level[:known], factors[day], browses)
        if day in marks:
            log.add("state", known, customer=np.arange(known), day=day, level=level[:known].copy())
    return Life(people, log, last_day)


def _shop(
    people: People, log: EventLog, day: int, level: Ints, offer_factor: Floats, factor: Floats,
    draw: Floats, channel_draw: Floats,
) -> None:  # fmt: skip
    known = len(level)
    web = people.web_share[:known] * factor[WEB]
    store = (1 - people.web_share[:known]) * factor[STORE]
    rate = people.base_rate[:known] * RATE_OF_LEVEL[level] * offer_factor * (web + store)
    # People join with a basket in their hands.
    who = np.flatnonzero((draw < rate) | (people.join_day[:known] == day))
    is_web = channel_draw[who] * (web + store)[who] < web[who]
    draw_lines(people, log, day, who, is_web)


def _browse(people: People, log: EventLog, day: int, level: Ints, factor: Floats, draw: Floats) -> None:
    known = len(level)
    rate = BROWSING_RATIO * people.base_rate[:known] * RATE_OF_LEVEL[level]
    who = np.flatnonzero(draw < rate * (1 - people.web_share[:known]) * factor[STORE])
    log.add("browse", len(who), customer=who, day=day)
