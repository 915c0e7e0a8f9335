"""What changes between the start and the end of a subscription: seats, and the return of some who left.

Not here: billing itself (`billing`) and who leaves (`churn`).
"""

import numpy as np

from dagster_project.sample_company.billing import Billing
from dagster_project.sample_company.engagement import sigmoid
from dagster_project.sample_company.randomness import generator
from dagster_project.sample_company.state import ACTIVE, ENDED, NEVER
from dagster_project.sample_company.timeline import Bools, unix_seconds

RETURN_PER_DAY = 0.0002
RETURN_AFTER_DAYS = 45
SEAT_CHANGE_PER_DAY = 0.005


def change_seats(billing: Billing, day: int, known: int) -> None:
    """Let seats grow with engagement and shrink without it; the next invoice follows."""
    state, people = billing.state, billing.population
    draws = generator(people.seed, "seats", day)
    happens, direction, size = draws.random(known), draws.random(known), draws.random(known)
    settled = (state.status[:known] == ACTIVE) & ~state.has_notice[:known]
    who = np.flatnonzero(settled & (happens < SEAT_CHANGE_PER_DAY))
    grows = direction[who] < sigmoid(0.25 + 1.1 * state.engagement[who])
    change = np.ceil(state.seats[who] * (0.05 + 0.2 * size[who])).astype(np.int64)
    before = state.seats[who]
    state.seats[who] = np.maximum(1, before + np.where(grows, change, -change))
    moved: Bools = state.seats[who] != before
    who, before = who[moved], before[moved]
    second = unix_seconds(day, 46_800 + (10_000 * size[who]).astype(np.int64))
    billing.report_subscription(who, second)
    billing.add_users(who, second)
    more = state.seats[who] > before
    billing.log.add(
        "expansion", int(more.sum()), customer=who[more], number=state.subscription_number[who[more]],
        seats=(state.seats[who] - before)[more], second=second[more],
    )  # fmt: skip


def win_back(billing: Billing, day: int, known: int) -> None:
    """A few who left return with a new subscription."""
    state, people = billing.state, billing.population
    draw = generator(people.seed, "return", day).random(known)
    gone = (
        (state.status[:known] == ENDED)
        & people.is_paying[:known]
        & (day - state.ended_day[:known] > RETURN_AFTER_DAYS)
    )
    who = np.flatnonzero(gone & (draw < RETURN_PER_DAY))
    state.subscription_number[who] += 1
    state.subscription_start[who] = unix_seconds(day, people.anchor_second[who])
    state.has_notice[who] = False
    for trait in (state.notice_second, state.ended_second, state.ended_day, state.cancel_reason):
        trait[who] = NEVER
    state.engagement[who] = np.maximum(state.engagement[who], 0.3)
    billing.log.add("returned", len(who), customer=who, day=day)
    billing.start_paying(who, day)
