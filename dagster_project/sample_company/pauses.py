"""Pauses of one to three months: use may go on, bills are voided or not made, revenue stops meanwhile.

Not here: the bills of that time (`billing`).
"""

import numpy as np

from dagster_project.sample_company import catalogue
from dagster_project.sample_company.billing import Billing
from dagster_project.sample_company.randomness import generator
from dagster_project.sample_company.state import NEVER
from dagster_project.sample_company.timeline import unix_seconds

PAUSE_PER_DAY = 0.0003
LEAST_TENURE_DAYS = 60
RESUME_SECOND = 45_000


def resume(billing: Billing, day: int, known: int) -> None:
    """Take up collection again where a pause ends today; the next bill is that of the next period."""
    state = billing.state
    who = np.flatnonzero(state.resume_day[:known] == day)
    state.pause_behavior[who] = NEVER
    state.resume_day[who] = NEVER
    billing.report_subscription(who, unix_seconds(day, np.full(len(who), RESUME_SECOND)))


def pause(billing: Billing, day: int, known: int) -> None:
    """Let some monthly subscribers pause, those in low spirits more often."""
    state, people = billing.state, billing.population
    draws = generator(people.seed, "pauses", day)
    happens, months, manner = draws.random(known), draws.random(known), draws.random(known)
    chance = PAUSE_PER_DAY * np.exp(-0.4 * np.clip(state.engagement[:known], -2, 2))
    old_enough = day - state.started_day[:known] >= LEAST_TENURE_DAYS
    free = state.is_settled(known) & ~state.is_yearly[:known] & old_enough
    who = np.flatnonzero(free & (happens < chance))
    state.pause_behavior[who] = (manner[who] * len(catalogue.PAUSE_BEHAVIORS)).astype(np.int64)
    state.resume_day[who] = day + 30 * (1 + (3 * months[who]).astype(np.int64))
    billing.report_subscription(who, unix_seconds(day, 56_000 + (900 * manner[who]).astype(np.int64)))
