"""The life of subscriptions: trial, start, renewal, end, and their bills.

Every change is written to the log as a new version of the object, with the second at which the billing system
reported it. Not here: how bills are made (`invoicing`) and paid (`collection`), changes within a subscription
(`plan_changes`, `pauses`, `coupons`), who decides to leave (`churn`), and how Stripe writes it
(`billing_records`, `invoice_records`).
"""

import numpy as np

from dagster_project.sample_company import catalogue
from dagster_project.sample_company.invoicing import (
    CREATED,
    CYCLE,
    VOID,
    Invoices,
    Invoicing,
    Lines,
    joined,
)
from dagster_project.sample_company.log import EventLog
from dagster_project.sample_company.population import Population
from dagster_project.sample_company.pricing import has_coupon, months_per_bill, unit_cents
from dagster_project.sample_company.state import (
    ACTIVE,
    ENDED,
    MAX_USERS,
    NEVER,
    NOT_YET,
    TRIALING,
    State,
)
from dagster_project.sample_company.timeline import Bools, Ints, add_months, unix_seconds

VOIDED_AFTER = 3_600


class Billing:
    """The billing system at work on one population; its methods change the state and write the log."""

    def __init__(self, population: Population, state: State, log: EventLog) -> None:
        self.population = population
        self.state = state
        self.log = log
        self.invoicing = Invoicing(population, state, log)
        blank = np.zeros(population.size, dtype=np.int64)
        self.open = Invoices(*(blank.copy() for _ in range(9)))

    def report_subscription(self, who: Ints, second: Ints) -> None:
        """Log a version of the subscriptions of these customers as they are now."""
        state = self.state
        if not who.size:
            return
        shows_coupon = has_coupon(state, who, second)
        self.log.add(
            "subscription",
            len(who),
            customer=who,
            number=state.subscription_number[who],
            status=state.status[who],
            plan=state.plan[who],
            interval=state.is_yearly[who].astype(np.int64),
            currency=state.currency[who],
            unit=unit_cents(state, who),
            seats=state.seats[who],
            started=state.subscription_start[who],
            period_start=state.period_start[who],
            period_end=state.period_end[who],
            coupon=np.where(shows_coupon, state.coupon[who], NEVER),
            coupon_start=state.coupon_start[who],
            coupon_end=state.coupon_end[who],
            pause=state.pause_behavior[who],
            resume_day=state.resume_day[who],
            has_notice=state.has_notice[who],
            notice_second=state.notice_second[who],
            ended_second=state.ended_second[who],
            reason=state.cancel_reason[who],
            second=second,
        )

    def add_users(self, who: Ints, second: Ints) -> None:
        """Let the number of product users follow the seats; users are added and never taken away."""
        state = self.state
        if not who.size:
            return
        wanted = np.clip(np.ceil(0.6 * state.seats[who]).astype(np.int64), 1, MAX_USERS)
        new = np.maximum(0, wanted - state.users[who])
        customer = np.repeat(who, new)
        first = np.repeat(state.users[who] - np.cumsum(new) + new, new)
        self.log.add(
            "user",
            len(customer),
            customer=customer,
            slot=first + np.arange(len(customer)),
            second=np.repeat(second, new) + 600,
        )
        state.users[who] += new

    def anchor(self, who: Ints, day: int) -> Ints:
        """The second of a day at which each customer is billed, shape of `who`."""
        return unix_seconds(day, self.population.anchor_second[who])

    def give_coupon(self, who: Ints, second: Ints) -> None:
        """Put the coupon of these customers on their subscription, from that second on."""
        state, people = self.state, self.population
        who, second = who[people.coupon[who] >= 0], second[people.coupon[who] >= 0]
        coupon = people.coupon[who]
        state.coupon[who] = coupon
        state.coupon_start[who] = second
        day = (second - unix_seconds(0)) // 86_400
        last = unix_seconds(add_months(day, catalogue.COUPON_MONTHS[coupon]), second % 86_400)
        state.coupon_end[who] = np.where(catalogue.IS_REPEATING[coupon], last, NEVER)

    def open_with_history(self) -> None:
        """Bring in the customers of the time before the first day, with the paid period that they are in."""
        state, people = self.state, self.population
        who = np.flatnonzero(people.join_day < 0)
        state.status[who] = ACTIVE
        joined_day = people.join_day[who]
        state.subscription_start[who] = unix_seconds(joined_day, people.anchor_second[who])
        state.started_day[who] = joined_day
        months = months_per_bill(state, who)
        state.period_start[who], state.period_end[who] = joined_day, add_months(joined_day, months)
        coupon = people.coupon[who]
        lasting = who[(coupon >= 0) & ~catalogue.IS_ONCE[coupon] & (people.coupon_delay_days[who] == 0)]
        self.give_coupon(lasting, state.subscription_start[lasting])
        self.report_subscription(who, state.subscription_start[who])
        self.add_users(who, state.subscription_start[who])
        while (old := who[state.period_end[who] < 0]).size:
            state.period_start[old] = state.period_end[old]
            state.period_end[old] = add_months(state.period_end[old], months_per_bill(state, old))
        renewed = who[state.period_start[who] > people.join_day[who]]
        self.report_subscription(
            renewed, unix_seconds(state.period_start[renewed], people.anchor_second[renewed])
        )

    def arrive(self, day: int, known: int) -> None:
        """Start trials, turn trials into paid subscriptions or end them, and start those without trial."""
        state, people = self.state, self.population
        join, first = people.join_day[:known], people.first_day[:known]
        not_before = (join >= 0) & (first <= 0) if day == 0 else np.zeros(known, dtype=bool)
        trial = np.flatnonzero((not_before | (first == day)) & people.has_trial[:known] & (join > day))
        state.status[trial] = TRIALING
        state.subscription_start[trial] = unix_seconds(people.first_day[trial], people.anchor_second[trial])
        state.period_start[trial], state.period_end[trial] = people.first_day[trial], people.join_day[trial]
        self._welcome(trial, state.subscription_start[trial])
        self.report_subscription(trial, state.subscription_start[trial])
        self.add_users(trial, state.subscription_start[trial])

        due = join == day
        tried = due & ~people.is_paying[:known] & (state.status[:known] == TRIALING)
        self.end(np.flatnonzero(tried), day, people.anchor_second)
        start = np.flatnonzero(due & people.is_paying[:known])
        fresh = start[state.status[start] == NOT_YET]
        state.subscription_start[fresh] = self.anchor(fresh, day)
        self._welcome(fresh, state.subscription_start[fresh])
        self.start_paying(start, day, with_onboarding=True)

    def _welcome(self, who: Ints, second: Ints) -> None:
        at_once = self.population.coupon_delay_days[who] == 0
        self.give_coupon(who[at_once], second[at_once])

    def start_paying(self, who: Ints, day: int, with_onboarding: bool = False) -> None:
        """Start the first paid period of subscriptions and bill it."""
        state, people = self.state, self.population
        if not who.size:
            return
        state.status[who] = ACTIVE
        state.started_day[who] = day
        state.period_start[who] = day
        state.period_end[who] = add_months(np.full(len(who), day), months_per_bill(state, who))
        second = self.anchor(who, day)
        self.report_subscription(who, second)
        self.add_users(who, second)
        guided = with_onboarding & people.has_onboarding[who]
        extra = self.invoicing.one_off_lines(who[guided], catalogue.ONBOARDING, 1, second[guided])
        self.bill(who, day, second, CREATED, extra)

    def end(self, who: Ints, day: int, second_of_day: Ints) -> None:
        """End subscriptions now; `second_of_day` has one element per company of the population.

        What waited for the next bill is dropped, as nobody will be billed.
        """
        state = self.state
        if not who.size:
            return
        second = unix_seconds(day, second_of_day[who])
        state.notice_second[who] = np.where(
            state.notice_second[who] == NEVER, second, state.notice_second[who]
        )
        state.status[who] = ENDED
        state.ended_second[who] = second
        state.ended_day[who] = day
        for trait in (state.retry_day, state.pause_behavior, state.resume_day):
            trait[who] = NEVER
        for plan in (state.next_plan, state.next_seats):
            plan[who] = NEVER
        self.invoicing.take_waiting(who)
        self.report_subscription(who, second)
        self._decide_renewal(who[state.has_open_renewal[who]], 2, second[state.has_open_renewal[who]])

    def _decide_renewal(self, who: Ints, stage: int, second: Ints) -> None:
        state = self.state
        self._log_renewal(who, stage, second + 3_600)
        state.has_open_renewal[who] = False

    def _log_renewal(self, who: Ints, stage: int, second: Ints) -> None:
        state = self.state
        if not who.size:
            return
        yearly_cents = state.seats[who] * unit_cents(state, who) * 12 // months_per_bill(state, who)
        self.log.add(
            "renewal", len(who), customer=who, period_end=state.period_end[who], cents=yearly_cents,
            currency=state.currency[who], stage=stage, second=second,
        )  # fmt: skip

    def renew(self, day: int, known: int) -> None:
        """At the end of a paid period: end what has notice, bill the next period of the rest.

        Smaller plans and fewer seats that were asked for meanwhile begin here.
        """
        state, people = self.state, self.population
        due = state.is_subscriber(known) & (state.period_end[:known] == day)
        self.end(np.flatnonzero(due & state.has_notice[:known]), day, people.anchor_second)
        who = np.flatnonzero(due & ~state.has_notice[:known])
        second = self.anchor(who, day)
        open_renewal = state.has_open_renewal[who]
        self._decide_renewal(who[open_renewal], 1, second[open_renewal])
        for current, coming in ((state.plan, state.next_plan), (state.seats, state.next_seats)):
            current[who] = np.where(coming[who] == NEVER, current[who], coming[who])
            coming[who] = NEVER
        moves = self._moves_to_another_currency(who, day)
        self._move_to_another_currency(who[moves], day)
        who, second = who[~moves], second[~moves]
        state.period_start[who] = day
        state.period_end[who] = add_months(np.full(len(who), day), months_per_bill(state, who))
        self.report_subscription(who, second)
        paused = state.pause_behavior[who] != NEVER
        self._bill_paused(who[paused], second[paused])
        self.bill(who[~paused], day, second[~paused], CYCLE)
        self._announce_renewals(day, known)

    def _moves_to_another_currency(self, who: Ints, day: int) -> Bools:
        state, people = self.state, self.population
        wanted = (people.new_currency_day[who] >= 0) & (people.new_currency_day[who] <= day)
        free = (state.status[who] == ACTIVE) & (state.pause_behavior[who] == NEVER)
        free &= ~np.isin(who, self.invoicing.waiting["customer"])
        return np.asarray(wanted & free & (state.currency[who] != people.new_currency[who]))

    def _move_to_another_currency(self, who: Ints, day: int) -> None:
        """A currency cannot change within a subscription: one ends and another begins in the same second."""
        state = self.state
        if not who.size:
            return
        second = self.anchor(who, day)
        state.status[who], state.ended_second[who], state.notice_second[who] = ENDED, second, second
        self.report_subscription(who, second)
        state.subscription_number[who] += 1
        state.subscription_start[who] = second
        state.ended_second[who], state.notice_second[who], state.coupon[who] = NEVER, NEVER, NEVER
        state.currency[who] = self.population.new_currency[who]
        self.log.add("new currency", len(who), customer=who, currency=state.currency[who], second=second)
        started = state.started_day[who].copy()
        self.start_paying(who, day)
        state.started_day[who] = started  # the customer is no younger for it

    def _announce_renewals(self, day: int, known: int) -> None:
        state = self.state
        soon = state.is_subscriber(known) & state.is_yearly[:known] & ~state.has_notice[:known]
        who = np.flatnonzero(soon & (state.period_end[:known] - day == 60))
        state.has_open_renewal[who] = True
        self._log_renewal(who, 0, unix_seconds(day, np.full(len(who), 36_000)))

    def bill(self, who: Ints, day: int, second: Ints, reason: int, extra: Lines | None = None) -> None:
        """Bill the period that begins and all that waited for it; the money is due today."""
        state = self.state
        if not who.size:
            return
        lines = [self.invoicing.cycle_lines(who, second), self.invoicing.take_waiting(who)]
        lines += [] if extra is None else [extra]
        made = self.invoicing.make(who, joined(*lines), reason, second, state.subscription_number[who])
        self.open.put(who, made)
        state.invoice_attempts[who] = 0
        state.retry_day[who] = day
        used_up = who[(state.coupon[who] != NEVER) & catalogue.IS_ONCE[state.coupon[who]]]
        state.coupon[used_up] = NEVER

    def _bill_paused(self, who: Ints, second: Ints) -> None:
        """While collection is paused, bills are made and voided, or kept as drafts that nobody sees."""
        if not who.size:
            return
        voided = catalogue.PAUSE_BEHAVIORS.index("void")
        mask = self.state.pause_behavior[who] == voided
        who, second = who[mask], second[mask]
        lines = self.invoicing.cycle_lines(who, second)
        made = self.invoicing.make(who, lines, CYCLE, second, self.state.subscription_number[who])
        self.invoicing.report(made, VOID, 0, second + VOIDED_AFTER)
