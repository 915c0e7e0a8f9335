"""What changes within a running subscription: seats, plan, interval, coupons, and extras bought once.

More takes effect at once: for monthly subscriptions the two lines of more seats (a credit and a charge for the
rest of the period) wait for the next bill, all else is billed in the same second. Less takes effect at the next
renewal, without lines. So the line of a period is always the price times the seats of the version in force when
it was billed. Not here: pauses (`pauses`) and a second subscription (`second_subscriptions`).
"""

import numpy as np

from dagster_project.sample_company import catalogue
from dagster_project.sample_company.billing import Billing
from dagster_project.sample_company.engagement import sigmoid
from dagster_project.sample_company.invoicing import (
    MANUAL,
    NO_SUBSCRIPTION,
    UPDATED,
    Lines,
    joined,
    some,
)
from dagster_project.sample_company.pricing import has_coupon, months_per_bill, unit_cents
from dagster_project.sample_company.randomness import generator
from dagster_project.sample_company.state import NEVER, State
from dagster_project.sample_company.timeline import Ints, add_months, unix_seconds

SEAT_CHANGE_PER_DAY = 0.005
UPGRADE_PER_DAY = 0.0004
DOWNGRADE_PER_DAY = 0.0002
YEARLY_PER_DAY = 0.00025
TRAINING_PER_DAY = 0.0003
SETTLED_IN_DAYS = 30


def _yearly_cents(state: State, who: Ints) -> Ints:
    return np.asarray(state.seats[who] * unit_cents(state, who) * 12 // months_per_bill(state, who))


def _log_expansion(billing: Billing, who: Ints, before: Ints, second: Ints) -> None:
    state = billing.state
    billing.log.add(
        "expansion", len(who), customer=who, number=state.subscription_number[who],
        cents=_yearly_cents(state, who) - before, currency=state.currency[who], second=second,
    )  # fmt: skip


def _bill_now(billing: Billing, who: Ints, lines: Lines, second: Ints) -> None:
    if not who.size:
        return
    invoicing = billing.invoicing
    number = billing.state.subscription_number[who]
    invoicing.pay_at_once(invoicing.make(who, lines, UPDATED, second, number))


def change_seats(billing: Billing, day: int, known: int) -> None:
    """Let seats grow with engagement and shrink without it."""
    state, people = billing.state, billing.population
    draws = generator(people.seed, "seats", day)
    happens, direction, size = draws.random(known), draws.random(known), draws.random(known)
    settled = state.is_settled(known) & ~people.is_person[:known]
    who = np.flatnonzero(settled & (happens < SEAT_CHANGE_PER_DAY))
    if not who.size:
        return
    grows = direction[who] < sigmoid(0.25 + 1.1 * state.engagement[who])
    change = np.ceil(state.seats[who] * (0.05 + 0.2 * size[who])).astype(np.int64)
    fewer = np.maximum(1, state.seats[who] - change)
    state.next_seats[who] = np.where(grows | (fewer == state.seats[who]), NEVER, fewer)

    who, change = who[grows], change[grows]
    second = unix_seconds(day, 46_800 + (6_000 * size[who]).astype(np.int64))
    before = _yearly_cents(state, who)
    credit = billing.invoicing.rest_lines(who, second, is_credit=True)
    state.seats[who] += change
    billing.report_subscription(who, second)
    billing.add_users(who, second)
    lines = joined(credit, billing.invoicing.rest_lines(who, second, is_credit=False))
    is_yearly = state.is_yearly[lines["customer"]]
    billing.invoicing.wait(some(lines, ~is_yearly))
    at_once = state.is_yearly[who]
    _bill_now(billing, who[at_once], some(lines, is_yearly), second[at_once])
    _log_expansion(billing, who, before, second)


def change_plan(billing: Billing, day: int, known: int) -> None:
    """Let the engaged move up at once, and the disengaged down at the next renewal."""
    state, people = billing.state, billing.population
    draws = generator(people.seed, "plan changes", day)
    happens, minute = draws.random(known), draws.random(known)
    engagement = np.clip(state.engagement[:known], -2, 2)
    free = state.is_settled(known) & ~people.is_person[:known]
    free &= day - state.started_day[:known] >= SETTLED_IN_DAYS
    up = free & (happens < UPGRADE_PER_DAY * np.exp(0.5 * engagement))
    who = np.flatnonzero(up & (state.plan[:known] < len(catalogue.PLANS) - 1))
    _upgrade(billing, who, unix_seconds(day, 53_000 + (2_900 * minute[who]).astype(np.int64)))
    down = free & (1 - happens < DOWNGRADE_PER_DAY * np.exp(-0.5 * engagement))
    who = np.flatnonzero(down & (state.plan[:known] > 0))
    state.next_plan[who] = state.plan[who] - 1


def _upgrade(billing: Billing, who: Ints, second: Ints) -> None:
    if not who.size:
        return
    state = billing.state
    before = _yearly_cents(state, who)
    credit = billing.invoicing.rest_lines(who, second, is_credit=True)
    state.plan[who] += 1
    state.next_plan[who] = NEVER
    billing.report_subscription(who, second)
    charge = billing.invoicing.rest_lines(who, second, is_credit=False)
    _bill_now(billing, who, joined(credit, charge), second)
    _log_expansion(billing, who, before, second)


def change_interval(billing: Billing, day: int, known: int) -> None:
    """Let some turn from monthly to yearly: the rest of the month is given back, the year is billed at once."""
    state, people = billing.state, billing.population
    draw = generator(people.seed, "interval", day).random(known)
    free = state.is_settled(known) & ~state.is_yearly[:known] & ~people.is_person[:known]
    free &= (state.period_start[:known] < day) & (day - state.started_day[:known] >= SETTLED_IN_DAYS)
    engagement = np.clip(state.engagement[:known], -2, 2)
    who = np.flatnonzero(free & (draw < YEARLY_PER_DAY * np.exp(0.5 * engagement)))
    if not who.size:
        return
    second = billing.anchor(who, day)
    temporary = has_coupon(state, who, second) & catalogue.IS_REPEATING[state.coupon[who]]
    who, second = who[~temporary], second[~temporary]
    credit = billing.invoicing.rest_lines(who, second, is_credit=True)
    waiting = billing.invoicing.take_waiting(who)
    state.is_yearly[who] = True
    for current, coming in ((state.plan, state.next_plan), (state.seats, state.next_seats)):
        current[who] = np.where(coming[who] == NEVER, current[who], coming[who])
        coming[who] = NEVER
    state.period_start[who] = day
    state.period_end[who] = add_months(np.full(len(who), day), 12)
    billing.report_subscription(who, second)
    year = billing.invoicing.cycle_lines(who, second)
    _bill_now(billing, who, joined(year, credit, waiting), second)


def grant_coupons(billing: Billing, day: int, known: int) -> None:
    """Put the coupons that come later in a life on the subscription."""
    state, people = billing.state, billing.population
    begin = np.maximum(people.join_day[:known], 0)
    delay = people.coupon_delay_days[:known]
    due = (delay > 0) & (begin + delay == day) & state.is_settled(known) & (people.coupon[:known] >= 0)
    # A coupon for some months of a monthly subscription would take too much off a year.
    fits = ~state.is_yearly[:known] | (catalogue.COUPON_MONTHS[people.coupon[:known]] % 12 == 0)
    who = np.flatnonzero(due & fits)
    if not who.size:
        return
    second = unix_seconds(day, 57_000 + who % 1_000)
    billing.give_coupon(who, second)
    billing.report_subscription(who, second)


def sell_trainings(billing: Billing, day: int, known: int) -> None:
    """Sell trainings to companies, each on a bill of its own that no subscription is named on."""
    state, people = billing.state, billing.population
    draws = generator(people.seed, "training", day)
    happens, size = draws.random(known), draws.random(known)
    who = np.flatnonzero(state.is_settled(known) & ~people.is_person[:known] & (happens < TRAINING_PER_DAY))
    if not who.size:
        return
    second = unix_seconds(day, 58_100 + (800 * size[who]).astype(np.int64))
    pieces = 1 + (3 * size[who]).astype(np.int64)
    invoicing = billing.invoicing
    lines = invoicing.one_off_lines(who, catalogue.TRAINING, pieces, second)
    nothing = np.full(len(who), NO_SUBSCRIPTION)
    invoicing.pay_at_once(invoicing.make(who, lines, MANUAL, second, nothing))
