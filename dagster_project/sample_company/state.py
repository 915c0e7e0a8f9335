"""What changes about the customers from day to day, as arrays over the population.

Here: the arrays and questions about them. Not here: the rules by which they change (`engagement`, `billing`,
`churn`, `offers`).
"""

from dataclasses import dataclass

import numpy as np

from dagster_project.sample_company.population import Population
from dagster_project.sample_company.randomness import generator
from dagster_project.sample_company.timeline import Bools, Floats, Ints

NOT_YET, TRIALING, ACTIVE, PAST_DUE, ENDED = range(5)
STATUS_NAMES = ("incomplete", "trialing", "active", "past_due", "canceled")
NEVER = -1
"""Marks a day, second, offer or reason that there is not."""

USAGE_WINDOW_DAYS = 30
MAX_USERS = 25


@dataclass
class State:
    """Changing traits, one element per company of the population."""

    engagement: Floats  # latent; 0 is typical, one unit is about one standard deviation
    trouble: Floats  # latent; 0 is a calm time, above 1 an incident
    active_days: Bools  # shape (size, 30): used the product on that day, a ring
    is_active_today: Bools
    status: Ints
    seats: Ints
    users: Ints
    subscription_number: Ints
    subscription_start: Ints  # unix seconds
    started_day: Ints
    period_start: Ints  # day
    period_end: Ints  # day
    has_notice: Bools
    notice_second: Ints
    ended_second: Ints
    ended_day: Ints
    cancel_reason: Ints
    plan: Ints
    is_yearly: Bools
    currency: Ints
    next_plan: Ints  # from the next renewal on, or NEVER
    next_seats: Ints  # from the next renewal on, or NEVER
    coupon: Ints  # position in the catalogue, or NEVER
    coupon_start: Ints  # unix seconds
    coupon_end: Ints  # unix seconds, NEVER for none
    pause_behavior: Ints  # NEVER while bills are collected
    resume_day: Ints
    invoice_count: Ints
    invoice_attempts: Ints  # of the open invoice
    retry_day: Ints
    offer: Ints
    offer_day: Ints
    offer_factor: Floats
    has_open_renewal: Bools

    def is_subscriber(self, known: int) -> Bools:
        """Has a paid subscription that runs, shape (known,)."""
        return np.asarray((self.status[:known] == ACTIVE) | (self.status[:known] == PAST_DUE))

    def is_settled(self, known: int) -> Bools:
        """Has a paid subscription without arrears, notice or pause, shape (known,)."""
        return np.asarray(
            (self.status[:known] == ACTIVE)
            & ~self.has_notice[:known]
            & (self.pause_behavior[:known] == NEVER)
            & (self.retry_day[:known] == NEVER)
        )

    def active_day_count(self, known: int) -> Ints:
        """Days with use among the last 30, shape (known,)."""
        return np.asarray(self.active_days[:known].sum(axis=1))


def initial_state(population: Population) -> State:
    """Everybody before the first simulated day: engagement at its long-run spread, nothing sold yet."""
    size = population.size

    def zeros() -> Ints:
        return np.zeros(size, dtype=np.int64)

    def never() -> Ints:
        return np.full(size, NEVER, dtype=np.int64)

    spread = generator(population.seed, "initial engagement").standard_normal(size)
    return State(
        engagement=population.base_engagement + 0.6 * spread,
        trouble=np.zeros(size),
        active_days=np.zeros((size, USAGE_WINDOW_DAYS), dtype=bool),
        is_active_today=np.zeros(size, dtype=bool),
        status=zeros(),
        seats=population.initial_seats.copy(),
        users=zeros(),
        subscription_number=zeros(),
        subscription_start=never(),
        started_day=never(),
        period_start=never(),
        period_end=never(),
        has_notice=np.zeros(size, dtype=bool),
        notice_second=never(),
        ended_second=never(),
        ended_day=never(),
        cancel_reason=never(),
        plan=population.plan.copy(),
        is_yearly=population.is_yearly.copy(),
        currency=population.currency.copy(),
        next_plan=never(),
        next_seats=never(),
        coupon=never(),
        coupon_start=never(),
        coupon_end=never(),
        pause_behavior=never(),
        resume_day=never(),
        invoice_count=zeros(),
        invoice_attempts=zeros(),
        retry_day=never(),
        offer=never(),
        offer_day=never(),
        offer_factor=np.ones(size),
        has_open_renewal=np.zeros(size, dtype=bool),
    )
