"""Whether bills are paid: attempts, arrears, giving up, and money given back.

Not here: the bills (`invoicing`) and what else ends a subscription (`churn`).
"""

import numpy as np

from dagster_project.sample_company import catalogue
from dagster_project.sample_company.billing import Billing
from dagster_project.sample_company.invoicing import OPEN, PAID, UNCOLLECTIBLE, VOID
from dagster_project.sample_company.randomness import generator
from dagster_project.sample_company.state import ACTIVE, NEVER, PAST_DUE
from dagster_project.sample_company.timeline import Floats, Ints, unix_seconds

RETRY_AFTER_DAYS = np.array([3, 4, 7, 7])
"""Days from each failed attempt to the next; after the last of them the invoice is given up."""
GIVEN_UP_SECOND = 43_205
"""Second of the day at which a subscription ends whose bill is given up."""
PAYMENT_FAILURE = 0.03
RETRY_FAILURE = 0.42
REFUND_SHARE = 0.012


def collect(billing: Billing, day: int, known: int) -> None:
    """Try to take the money of every invoice that is due; give up after the last retry."""
    state, people = billing.state, billing.population
    draws = generator(people.seed, "collect", day)
    chance, second_draw, code = draws.random(known), draws.random(known), draws.random(known)
    refund, refund_lag, give_up = draws.random(known), draws.random(known), draws.random(known)
    due = np.flatnonzero(state.retry_day[:known] == day)
    last = state.invoice_attempts[due] >= len(RETRY_AFTER_DAYS)
    _give_up(billing, due[last], day, give_up)
    who = due[~last]
    first_failure = PAYMENT_FAILURE * np.exp(-0.5 * state.engagement[who])
    failure = np.where(state.invoice_attempts[who] == 0, np.minimum(0.3, first_failure), RETRY_FAILURE)
    fails = chance[who] < failure
    state.invoice_attempts[who] += 1
    second = unix_seconds(day, (30_000 + 6_000 * second_draw[who]).astype(np.int64))
    bills = billing.open.take(who)
    billing.log.add(
        "charge",
        len(who),
        customer=who,
        number=bills.number,
        attempt=state.invoice_attempts[who],
        cents=bills.total,
        currency=bills.currency,
        fails=fails,
        code=(code[who] * len(catalogue.FAILURE_CODES)).astype(np.int64),
        second=second,
    )
    _settle(billing, who[~fails], second[~fails])
    _fall_behind(billing, who[fails], day, second[fails])
    back = ~fails & (refund[who] < REFUND_SHARE)
    lag = (1 + 9 * refund_lag[who]).astype(np.int64) * 86_400 + 7_000
    returned = bills.take(back)
    billing.log.add(
        "refund",
        int(back.sum()),
        customer=who[back],
        number=returned.number,
        attempt=state.invoice_attempts[who[back]],
        half=code[who[back]] < 0.5,
        reason=give_up[who[back]] < 0.7,
        cents=returned.total,
        currency=returned.currency,
        second=second[back] + lag[back],
    )


def _report(billing: Billing, who: Ints, status: Ints | int, second: Ints) -> None:
    billing.invoicing.report(billing.open.take(who), status, billing.state.invoice_attempts[who], second)


def _settle(billing: Billing, who: Ints, second: Ints) -> None:
    if not who.size:
        return
    state = billing.state
    state.retry_day[who] = NEVER
    _report(billing, who, PAID, second + 2)
    was_late = state.status[who] == PAST_DUE
    late = who[was_late]
    state.status[late] = ACTIVE
    billing.report_subscription(late, second[was_late] + 3)
    billing.log.add("delinquency", len(late), customer=late, is_delinquent=False, second=second[was_late] + 4)


def _fall_behind(billing: Billing, who: Ints, day: int, second: Ints) -> None:
    if not who.size:
        return
    state = billing.state
    state.retry_day[who] = day + RETRY_AFTER_DAYS[state.invoice_attempts[who] - 1]
    _report(billing, who, OPEN, second + 2)
    was_fine = state.status[who] == ACTIVE
    newly = who[was_fine]
    state.status[newly] = PAST_DUE
    billing.report_subscription(newly, second[was_fine] + 3)
    billing.log.add(
        "delinquency", len(newly), customer=newly, is_delinquent=True, second=second[was_fine] + 4
    )


def _give_up(billing: Billing, who: Ints, day: int, draw: Floats) -> None:
    if not who.size:
        return
    status = np.where(draw[who] < 0.7, UNCOLLECTIBLE, VOID)
    _report(billing, who, status, unix_seconds(day, np.full(len(who), 43_200)))
    billing.state.cancel_reason[who] = NEVER
    billing.log.add("ended", len(who), customer=who, day=day)
    billing.end(who, day, np.full(billing.population.size, GIVEN_UP_SECOND))
