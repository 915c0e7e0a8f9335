"""What a subscription costs: unit price, coupon, the unused share of a period, monthly recurring revenue.

All in whole cents of the subscription's currency, rounded half away from zero. Not here: bills (`invoicing`).
"""

import numpy as np

from dagster_project.sample_company import catalogue
from dagster_project.sample_company.state import NEVER, State
from dagster_project.sample_company.timeline import Bools, Ints

BASIS_POINTS = 10_000


def rounded_share(cents: Ints, part: Ints | int, whole: Ints | int) -> Ints:
    """`cents * part / whole`, rounded half away from zero; the whole is positive."""
    numerator = np.abs(cents) * part * 2 + whole
    return np.asarray(np.sign(cents) * (numerator // (2 * np.asarray(whole))), dtype=np.int64)


def unit_cents(state: State, who: Ints) -> Ints:
    """Price of one seat for one interval, shape of `who`."""
    return np.asarray(
        catalogue.UNIT_CENTS[state.plan[who], state.is_yearly[who].astype(np.int64), state.currency[who]]
    )


def months_per_bill(state: State, who: Ints) -> Ints:
    """Months from one bill to the next, shape of `who`."""
    return np.asarray(catalogue.MONTHS_PER_INTERVAL[state.is_yearly[who].astype(np.int64)])


def has_coupon(state: State, who: Ints, second: Ints) -> Bools:
    """A coupon is there and has not run out by that second, shape of `who`."""
    lasts = (state.coupon_end[who] == NEVER) | (second < state.coupon_end[who])
    return np.asarray((state.coupon[who] != NEVER) & lasts)


def discount_cents(state: State, who: Ints, second: Ints, cents: Ints, with_once: bool = True) -> Ints:
    """What the coupon takes off a bill of the given amount.

    Args:
        state: The customers.
        who: Customers, shape (n,).
        second: Unix second of the bill, shape (n,).
        cents: Amount of the bill, shape (n,).
        with_once: Also coupons that are good for one bill only; those are no recurring discount.

    Returns:
        Cents from 0 to the amount, shape (n,).
    """
    runs = has_coupon(state, who, second) & (with_once | ~catalogue.IS_ONCE[state.coupon[who]])
    percent = rounded_share(cents, catalogue.COUPON_BASIS_POINTS[state.coupon[who]], BASIS_POINTS)
    off = np.minimum(cents, percent + catalogue.COUPON_CENTS[state.coupon[who]])
    return np.asarray(np.where(runs, off, 0))


def seat_cents(state: State, who: Ints, second: Ints, cents: Ints) -> Ints:
    """An amount after the recurring percentage off it: what prorations are reckoned from."""
    runs = has_coupon(state, who, second) & ~catalogue.IS_ONCE[state.coupon[who]]
    percent = rounded_share(cents, catalogue.COUPON_BASIS_POINTS[state.coupon[who]], BASIS_POINTS)
    return np.asarray(cents - np.where(runs, percent, 0))


def monthly_cents(state: State, who: Ints, second: Ints) -> Ints:
    """Monthly recurring revenue after recurring discounts; 0 while paused, shape of `who`."""
    cents = state.seats[who] * unit_cents(state, who)
    net = cents - discount_cents(state, who, second, cents, with_once=False)
    monthly = rounded_share(net, 1, months_per_bill(state, who))
    return np.asarray(np.where(state.pause_behavior[who] == NEVER, monthly, 0))
