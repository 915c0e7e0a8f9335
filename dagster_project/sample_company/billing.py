"""The life of subscriptions and invoices: trial, start, renewal, payment, dunning, end.

Every change is written to the log as a new version of the object, with the second at which the billing system
reported it. Not here: who decides to leave (`churn`), how seats change and who returns (`growth`), and how
Stripe writes it (`billing_records`).
"""

import numpy as np

from dagster_project.sample_company import catalogue
from dagster_project.sample_company.log import EventLog
from dagster_project.sample_company.population import Population
from dagster_project.sample_company.randomness import generator
from dagster_project.sample_company.state import (
    ACTIVE,
    ENDED,
    MAX_USERS,
    NEVER,
    NOT_YET,
    PAST_DUE,
    TRIALING,
    State,
)
from dagster_project.sample_company.timeline import Floats, Ints, add_months, unix_seconds

OPEN, PAID, UNCOLLECTIBLE, VOID = range(4)
CREATED, CYCLE = range(2)
RETRY_AFTER_DAYS = np.array([3, 4, 7, 7])
"""Days from each failed attempt to the next; after the last of them the invoice is given up."""
PAYMENT_FAILURE = 0.03
RETRY_FAILURE = 0.42
REFUND_SHARE = 0.012


class Billing:
    """The billing system at work on one population; its methods change the state and write the log."""

    def __init__(self, population: Population, state: State, log: EventLog) -> None:
        self.population = population
        self.state = state
        self.log = log
        self.unit_cents = population.unit_cents()
        self.months = catalogue.MONTHS_PER_INTERVAL[population.is_yearly.astype(np.int64)]

    def report_subscription(self, who: Ints, second: Ints) -> None:
        """Log a version of the subscriptions of these customers as they are now."""
        state = self.state
        self.log.add(
            "subscription",
            len(who),
            customer=who,
            number=state.subscription_number[who],
            status=state.status[who],
            seats=state.seats[who],
            started=state.subscription_start[who],
            period_start=state.period_start[who],
            period_end=state.period_end[who],
            has_notice=state.has_notice[who],
            notice_second=state.notice_second[who],
            ended_second=state.ended_second[who],
            reason=state.cancel_reason[who],
            second=second,
        )

    def add_users(self, who: Ints, second: Ints) -> None:
        """Let the number of product users follow the seats; users are added and never taken away."""
        state = self.state
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

    def open_with_history(self) -> None:
        """Bring in the customers of the time before the first day, with the paid period that they are in."""
        state, people = self.state, self.population
        who = np.flatnonzero(people.join_day < 0)
        state.status[who] = ACTIVE
        joined = people.join_day[who]
        state.subscription_start[who] = unix_seconds(joined, people.anchor_second[who])
        state.started_day[who] = joined
        state.period_start[who], state.period_end[who] = joined, add_months(joined, self.months[who])
        self.report_subscription(who, state.subscription_start[who])
        self.add_users(who, state.subscription_start[who])
        while (old := who[state.period_end[who] < 0]).size:
            state.period_start[old] = state.period_end[old]
            state.period_end[old] = add_months(state.period_end[old], self.months[old])
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
        self.report_subscription(trial, state.subscription_start[trial])
        self.add_users(trial, state.subscription_start[trial])

        due = join == day
        tried = due & ~people.is_paying[:known] & (state.status[:known] == TRIALING)
        self.end(np.flatnonzero(tried), day, people.anchor_second)
        start = np.flatnonzero(due & people.is_paying[:known])
        fresh = start[state.status[start] == NOT_YET]
        state.subscription_start[fresh] = unix_seconds(day, people.anchor_second[fresh])
        self.start_paying(start, day)

    def start_paying(self, who: Ints, day: int) -> None:
        """Start the first paid period of subscriptions and bill it."""
        state, people = self.state, self.population
        state.status[who] = ACTIVE
        state.started_day[who] = day
        state.period_start[who] = day
        state.period_end[who] = add_months(np.full(len(who), day), self.months[who])
        second = unix_seconds(day, people.anchor_second[who])
        self.report_subscription(who, second)
        self.add_users(who, second)
        self._bill(who, day, second, CREATED)

    def end(self, who: Ints, day: int, second_of_day: Ints) -> None:
        """End subscriptions now; `second_of_day` has one element per company of the population."""
        state = self.state
        second = unix_seconds(day, second_of_day[who])
        state.notice_second[who] = np.where(
            state.notice_second[who] == NEVER, second, state.notice_second[who]
        )
        state.status[who] = ENDED
        state.ended_second[who] = second
        state.ended_day[who] = day
        state.retry_day[who] = NEVER
        self.report_subscription(who, second)
        lost = who[state.has_open_renewal[who]]
        self.log.add(
            "renewal", len(lost), customer=lost, period_end=state.period_end[lost], seats=state.seats[lost],
            stage=2, second=unix_seconds(day, second_of_day[lost]) + 3600,
        )  # fmt: skip
        state.has_open_renewal[lost] = False

    def renew(self, day: int, known: int) -> None:
        """At the end of a paid period: end what has notice, bill the next period of the rest."""
        state, people = self.state, self.population
        due = state.is_subscriber(known) & (state.period_end[:known] == day)
        self.end(np.flatnonzero(due & state.has_notice[:known]), day, people.anchor_second)
        who = np.flatnonzero(due & ~state.has_notice[:known])
        second = unix_seconds(day, people.anchor_second[who])
        won = who[state.has_open_renewal[who]]
        self.log.add(
            "renewal", len(won), customer=won, period_end=state.period_end[won], seats=state.seats[won],
            stage=1, second=unix_seconds(day, people.anchor_second[won]) + 3600,
        )  # fmt: skip
        state.has_open_renewal[won] = False
        state.period_start[who] = day
        state.period_end[who] = add_months(np.full(len(who), day), self.months[who])
        self.report_subscription(who, second)
        self._bill(who, day, second, CYCLE)
        self._announce_renewals(day, known)

    def _announce_renewals(self, day: int, known: int) -> None:
        state = self.state
        soon = state.is_subscriber(known) & self.population.is_yearly[:known] & ~state.has_notice[:known]
        who = np.flatnonzero(soon & (state.period_end[:known] - day == 60))
        state.has_open_renewal[who] = True
        self.log.add(
            "renewal", len(who), customer=who, period_end=state.period_end[who], seats=state.seats[who],
            stage=0, second=unix_seconds(day, 36_000),
        )  # fmt: skip

    def _bill(self, who: Ints, day: int, second: Ints, reason: int) -> None:
        state = self.state
        state.invoice_number[who] += 1
        state.invoice_cents[who] = state.seats[who] * self.unit_cents[who]
        state.invoice_second[who] = second
        state.invoice_attempts[who] = 0
        state.invoice_reason[who] = reason
        state.retry_day[who] = day
        self._report_invoice(who, OPEN, second)

    def _report_invoice(self, who: Ints, status: Ints | int, second: Ints) -> None:
        state = self.state
        self.log.add(
            "invoice",
            len(who),
            customer=who,
            number=state.invoice_number[who],
            subscription=state.subscription_number[who],
            status=status,
            cents=state.invoice_cents[who],
            attempts=state.invoice_attempts[who],
            reason=state.invoice_reason[who],
            created=state.invoice_second[who],
            second=second,
        )

    def collect(self, day: int, known: int) -> None:
        """Try to take the money of every invoice that is due; give up after the last retry."""
        state, people = self.state, self.population
        draws = generator(people.seed, "collect", day)
        chance, second_draw, code = draws.random(known), draws.random(known), draws.random(known)
        refund, refund_lag, give_up = draws.random(known), draws.random(known), draws.random(known)
        due = np.flatnonzero(state.retry_day[:known] == day)
        last = state.invoice_attempts[due] >= len(RETRY_AFTER_DAYS)
        self._give_up(due[last], day, give_up)
        who = due[~last]
        first_failure = PAYMENT_FAILURE * np.exp(-0.5 * state.engagement[who])
        failure = np.where(state.invoice_attempts[who] == 0, np.minimum(0.3, first_failure), RETRY_FAILURE)
        fails = chance[who] < failure
        state.invoice_attempts[who] += 1
        second = unix_seconds(day, (30_000 + 6_000 * second_draw[who]).astype(np.int64))
        self.log.add(
            "charge",
            len(who),
            customer=who,
            number=state.invoice_number[who],
            attempt=state.invoice_attempts[who],
            cents=state.invoice_cents[who],
            fails=fails,
            code=(code[who] * len(catalogue.FAILURE_CODES)).astype(np.int64),
            second=second,
        )
        self._settle(who[~fails], second[~fails])
        self._fall_behind(who[fails], day, second[fails])
        back = ~fails & (refund[who] < REFUND_SHARE)
        lag = (1 + 9 * refund_lag[who]).astype(np.int64) * 86_400 + 7_000
        self.log.add(
            "refund",
            int(back.sum()),
            customer=who[back],
            number=state.invoice_number[who[back]],
            attempt=state.invoice_attempts[who[back]],
            half=code[who[back]] < 0.5,
            reason=give_up[who[back]] < 0.7,
            cents=state.invoice_cents[who[back]],
            second=second[back] + lag[back],
        )

    def _settle(self, who: Ints, second: Ints) -> None:
        state = self.state
        state.retry_day[who] = NEVER
        self._report_invoice(who, PAID, second + 2)
        was_late = state.status[who] == PAST_DUE
        late = who[was_late]
        state.status[late] = ACTIVE
        self.report_subscription(late, second[was_late] + 3)
        self.log.add(
            "delinquency", len(late), customer=late, is_delinquent=False, second=second[was_late] + 4
        )

    def _fall_behind(self, who: Ints, day: int, second: Ints) -> None:
        state = self.state
        state.retry_day[who] = day + RETRY_AFTER_DAYS[state.invoice_attempts[who] - 1]
        self._report_invoice(who, OPEN, second + 2)
        was_fine = state.status[who] == ACTIVE
        newly = who[was_fine]
        state.status[newly] = PAST_DUE
        self.report_subscription(newly, second[was_fine] + 3)
        self.log.add(
            "delinquency", len(newly), customer=newly, is_delinquent=True, second=second[was_fine] + 4
        )

    def _give_up(self, who: Ints, day: int, draw: Floats) -> None:
        status = np.where(draw[who] < 0.7, UNCOLLECTIBLE, VOID)
        self._report_invoice(who, status, unix_seconds(day, np.full(len(who), 43_200)))
        self.state.cancel_reason[who] = NEVER
        self.log.add("ended", len(who), customer=who, day=day, is_voluntary=False)
        self.end(who, day, np.full(self.population.size, 43_205))
