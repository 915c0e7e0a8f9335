"""A second subscription beside the first: a few seats of the smallest plan for some months.

It ends while the first one goes on, so that an end of a subscription is not yet the loss of a customer; where
the first ends earlier, both end. Not here: the first subscription (`billing`).
"""

import numpy as np

from dagster_project.sample_company import catalogue
from dagster_project.sample_company.billing import Billing
from dagster_project.sample_company.invoicing import CREATED, CYCLE, SUBSCRIPTION_LINE, Lines
from dagster_project.sample_company.state import ACTIVE, ENDED, NEVER
from dagster_project.sample_company.timeline import Ints, add_months, unix_seconds

SECOND_NUMBER = 50
"""Number of the second subscription in ids; first ones and their successors count from 0."""
PLAN, MONTHLY = 0, 0
START_AFTER = 5_000
NOTICE_SECOND = 44_000
END_SECOND = 72_000


class SecondSubscriptions:
    """The second subscriptions of one population, from day to day."""

    def __init__(self, billing: Billing) -> None:
        size = billing.population.size
        self.billing = billing
        self.seats = 1 + np.arange(size) % 4
        self.is_running = np.zeros(size, dtype=bool)
        self.started_day = np.full(size, NEVER, dtype=np.int64)
        self.period_start = np.full(size, NEVER, dtype=np.int64)
        self.period_end = np.full(size, NEVER, dtype=np.int64)
        self.currency = np.zeros(size, dtype=np.int64)
        self.notice_second = np.full(size, NEVER, dtype=np.int64)

    def _unit(self, who: Ints) -> Ints:
        return np.asarray(catalogue.UNIT_CENTS[PLAN, MONTHLY, self.currency[who]])

    def monthly_cents(self, who: Ints) -> Ints:
        """Monthly recurring revenue of the second subscription, 0 for those without, shape of `who`."""
        return np.asarray(np.where(self.is_running[who], self.seats[who] * self._unit(who), 0))

    def _report(self, who: Ints, second: Ints, has_ended: bool) -> None:
        if not who.size:
            return
        anchor = self.billing.population.anchor_second[who] + START_AFTER
        self.billing.log.add(
            "subscription", len(who), customer=who, number=SECOND_NUMBER,
            status=ENDED if has_ended else ACTIVE, plan=PLAN, interval=MONTHLY, currency=self.currency[who],
            unit=self._unit(who), seats=self.seats[who], started=unix_seconds(self.started_day[who], anchor),
            period_start=self.period_start[who], period_end=self.period_end[who], coupon=NEVER,
            coupon_start=NEVER, coupon_end=NEVER, pause=NEVER, resume_day=NEVER,
            has_notice=self.notice_second[who] != NEVER,
            notice_second=np.where(has_ended & (self.notice_second[who] == NEVER), second, self.notice_second[who]),
            ended_second=second if has_ended else NEVER, reason=NEVER, second=second,
        )  # fmt: skip

    def _bill(self, who: Ints, second: Ints, reason: int) -> None:
        if not who.size:
            return
        invoicing = self.billing.invoicing
        zero = np.zeros(len(who), dtype=np.int64)
        number = zero + SECOND_NUMBER
        anchor = self.billing.population.anchor_second[who] + START_AFTER
        lines: Lines = {
            "customer": who, "kind": zero + SUBSCRIPTION_LINE, "item": zero + PLAN, "interval": zero + MONTHLY,
            "currency": self.currency[who], "quantity": self.seats[who],
            "cents": self.seats[who] * self._unit(who), "discount": zero, "is_proration": zero,
            "subscription": number, "start": second, "end": unix_seconds(self.period_end[who], anchor),
            "created": second,
        }  # fmt: skip
        invoicing.pay_at_once(invoicing.make(who, lines, reason, second, number))

    def live(self, day: int, known: int) -> None:
        """One day: begin, renew, give notice before the last renewal, end."""
        billing, people = self.billing, self.billing.population
        running = self.is_running[:known]
        lost = running & (
            ~billing.state.is_subscriber(known) | (billing.state.currency[:known] != self.currency[:known])
        )
        gone = np.flatnonzero(lost)
        self._end(gone, unix_seconds(day, np.full(len(gone), END_SECOND)))
        due = np.flatnonzero(self.is_running[:known] & (self.period_end[:known] == day))
        second = unix_seconds(day, people.anchor_second[due] + START_AFTER)
        is_last = self.notice_second[due] != NEVER
        self._end(due[is_last], second[is_last])
        self._renew(due[~is_last], day, second[~is_last], CYCLE)
        asked = people.second_start_day[:known] == day
        new = np.flatnonzero(asked & billing.state.is_settled(known))
        self.is_running[new] = True
        self.started_day[new] = day
        self.currency[new] = billing.state.currency[new]
        self._renew(new, day, unix_seconds(day, people.anchor_second[new] + START_AFTER), CREATED)
        self._give_notice(day, known)

    def _renew(self, who: Ints, day: int, second: Ints, reason: int) -> None:
        self.period_start[who] = day
        self.period_end[who] = add_months(np.full(len(who), day), 1)
        self._report(who, second, has_ended=False)
        self._bill(who, second, reason)

    def _give_notice(self, day: int, known: int) -> None:
        people = self.billing.population
        ten_days_left = self.is_running[:known] & (self.period_end[:known] - day == 10)
        who = np.flatnonzero(ten_days_left)
        last = add_months(self.started_day[who], people.second_months[who])
        who = who[self.period_end[who] >= last]
        self.notice_second[who] = unix_seconds(day, np.full(len(who), NOTICE_SECOND))
        self._report(who, self.notice_second[who], has_ended=False)

    def _end(self, who: Ints, second: Ints) -> None:
        self.is_running[who] = False
        self._report(who, second, has_ended=True)
