"""The return of some who left, with a new subscription.

Not here: billing itself (`billing`), changes within a subscription (`plan_changes`) and who leaves (`churn`).
"""

import numpy as np

from dagster_project.sample_company.billing import Billing
from dagster_project.sample_company.randomness import generator
from dagster_project.sample_company.state import ENDED, NEVER

RETURN_PER_DAY = 0.0002
RETURN_AFTER_DAYS = 45


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
    state.subscription_start[who] = billing.anchor(who, day)
    state.has_notice[who] = False
    for trait in (
        state.notice_second,
        state.ended_second,
        state.ended_day,
        state.cancel_reason,
        state.coupon,
    ):
        trait[who] = NEVER
    state.engagement[who] = np.maximum(state.engagement[who], 0.3)
    billing.start_paying(who, day)
