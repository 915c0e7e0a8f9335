"""How bills are made: lines with discount and tax, items that wait for the next bill, and their reports.

An invoice is the sum of its lines to the cent: subtotal less discount plus tax is the total. A change in the
middle of a period gives two lines (a credit for the unused rest and a charge for the new price), which either
wait here for the next bill or are billed at once. Not here: when there is a bill (`billing`, `plan_changes`),
and whether it is paid (`collection`).
"""

from dataclasses import dataclass, fields

import numpy as np

from dagster_project.sample_company import catalogue
from dagster_project.sample_company.log import EventLog
from dagster_project.sample_company.population import Population
from dagster_project.sample_company.pricing import (
    BASIS_POINTS,
    discount_cents,
    rounded_share,
    seat_cents,
    unit_cents,
)
from dagster_project.sample_company.state import State
from dagster_project.sample_company.timeline import Bools, Ints, unix_seconds

OPEN, PAID, UNCOLLECTIBLE, VOID = range(4)
CREATED, CYCLE, UPDATED, MANUAL = range(4)
SUBSCRIPTION_LINE, ITEM_LINE = range(2)
NO_SUBSCRIPTION = -1
PLAN_COUNT = len(catalogue.PLANS)

Lines = dict[str, Ints]
LINE_FIELDS = (
    "customer", "kind", "item", "interval", "currency", "quantity", "cents", "discount", "is_proration",
    "subscription", "start", "end", "created",
)  # fmt: skip
"""`item` counts the plans first and then the one-offs; money is in cents, times are unix seconds."""


def joined(*parts: Lines) -> Lines:
    """Lines of several makers in one, in their order."""
    return {name: np.concatenate([part[name] for part in parts]) for name in LINE_FIELDS}


def some(lines: Lines, mask: Bools) -> Lines:
    """The lines under the mask."""
    return {name: values[mask] for name, values in lines.items()}


def _no_lines() -> Lines:
    return {name: np.empty(0, dtype=np.int64) for name in LINE_FIELDS}


@dataclass
class Invoices:
    """Invoices as equally long arrays; money in cents."""

    customer: Ints
    number: Ints
    subscription: Ints
    currency: Ints
    subtotal: Ints
    discount: Ints
    tax: Ints
    reason: Ints
    created: Ints

    @property
    def total(self) -> Ints:
        """What is to be paid."""
        return np.asarray(self.subtotal - self.discount + self.tax)

    def take(self, position: Ints | Bools) -> "Invoices":
        """Those at the positions."""
        return Invoices(*(getattr(self, field.name)[position] for field in fields(self)))

    def put(self, position: Ints, other: "Invoices") -> None:
        """Write others at the positions."""
        for field in fields(self):
            getattr(self, field.name)[position] = getattr(other, field.name)


class Invoicing:
    """Makes invoices for one population and writes them to the log."""

    def __init__(self, population: Population, state: State, log: EventLog) -> None:
        self.population = population
        self.state = state
        self.log = log
        self.waiting = _no_lines()

    def wait(self, lines: Lines) -> None:
        """Keep lines for the next bill of their customers."""
        self.waiting = joined(self.waiting, lines)

    def take_waiting(self, who: Ints) -> Lines:
        """The lines that wait for these customers; they wait no longer."""
        if not self.waiting["customer"].size:
            return self.waiting
        mask = np.isin(self.waiting["customer"], who)
        taken = some(self.waiting, mask)
        self.waiting = some(self.waiting, ~mask)
        return taken

    def cycle_lines(self, who: Ints, second: Ints) -> Lines:
        """One line per customer for the period that the subscription is in now."""
        state, people = self.state, self.population
        cents = state.seats[who] * unit_cents(state, who)
        return {
            "customer": who,
            "kind": np.full(len(who), SUBSCRIPTION_LINE),
            "item": state.plan[who],
            "interval": state.is_yearly[who].astype(np.int64),
            "currency": state.currency[who],
            "quantity": state.seats[who],
            "cents": cents,
            "discount": discount_cents(state, who, second, cents),
            "is_proration": np.zeros(len(who), dtype=np.int64),
            "subscription": state.subscription_number[who],
            "start": second,
            "end": unix_seconds(state.period_end[who], people.anchor_second[who]),
            "created": second,
        }

    def rest_lines(self, who: Ints, second: Ints, is_credit: bool) -> Lines:
        """One line per customer for the rest of the period: what is given back, or what is charged anew.

        A running percentage is taken off the amount itself, as Stripe does; the line has no discount then.
        """
        state, people = self.state, self.population
        lines = self.cycle_lines(who, second)
        start = unix_seconds(state.period_start[who], people.anchor_second[who])
        net = seat_cents(state, who, second, lines["cents"])
        rest = rounded_share(net, lines["end"] - second, lines["end"] - start)
        lines["kind"] = np.full(len(who), ITEM_LINE)
        lines["cents"] = -rest if is_credit else rest
        lines["discount"] = np.zeros(len(who), dtype=np.int64)
        lines["is_proration"] = np.ones(len(who), dtype=np.int64)
        return lines

    def one_off_lines(self, who: Ints, one_off: int, quantity: Ints | int, second: Ints) -> Lines:
        """One line per customer for something sold once."""
        zero = np.zeros(len(who), dtype=np.int64)
        currency = self.state.currency[who]
        pieces = zero + quantity
        return {
            "customer": who,
            "kind": zero + ITEM_LINE,
            "item": zero + PLAN_COUNT + one_off,
            "interval": zero,
            "currency": currency,
            "quantity": pieces,
            "cents": pieces * catalogue.ONE_OFF_CENTS[one_off, currency],
            "discount": zero,
            "is_proration": zero,
            "subscription": zero + NO_SUBSCRIPTION,
            "start": second,
            "end": second,
            "created": second,
        }

    def make(self, who: Ints, lines: Lines, reason: int, second: Ints, subscription: Ints) -> Invoices:
        """Make one invoice per customer from all of their lines, and report it as open.

        Args:
            who: Customers, each once, shape (n,).
            lines: Their lines, at least one each.
            reason: Why it is made.
            second: Unix second, shape (n,).
            subscription: Number of the subscription that is billed or `NO_SUBSCRIPTION`, shape (n,).

        Returns:
            The invoices, shape (n,).
        """
        state, size = self.state, self.population.size
        state.invoice_count[who] += 1
        customer = lines["customer"]
        rate = self.population.tax_basis_points[customer]
        tax = rounded_share(lines["cents"] - lines["discount"], rate, BASIS_POINTS)
        sums = {}
        for name, values in (("subtotal", lines["cents"]), ("discount", lines["discount"]), ("tax", tax)):
            sums[name] = np.zeros(size, dtype=np.int64)
            np.add.at(sums[name], customer, values)
        made = np.zeros(size, dtype=np.int64)
        made[who] = second
        order = np.argsort(customer, kind="stable")
        sorted_customer = customer[order]
        position = np.empty(len(customer), dtype=np.int64)
        first = np.searchsorted(sorted_customer, sorted_customer, side="left")
        position[order] = np.arange(len(customer)) - first
        self.log.add(
            "line", len(customer), **lines, number=state.invoice_count[customer], line=position, tax=tax,
            second=made[customer],
        )  # fmt: skip
        invoices = Invoices(
            customer=who,
            number=state.invoice_count[who],
            subscription=subscription,
            currency=state.currency[who],
            subtotal=sums["subtotal"][who],
            discount=sums["discount"][who],
            tax=sums["tax"][who],
            reason=np.full(len(who), reason),
            created=second,
        )
        self.report(invoices, OPEN, 0, second)
        return invoices

    def report(self, invoices: Invoices, status: Ints | int, attempts: Ints | int, second: Ints) -> None:
        """Log a version of invoices."""
        columns = {field.name: getattr(invoices, field.name) for field in fields(invoices)}
        self.log.add(
            "invoice", len(second), **columns, cents=invoices.total, status=status, attempts=attempts,
            second=second,
        )  # fmt: skip

    def pay_at_once(self, invoices: Invoices) -> None:
        """Take the money in the same minute: a change or an extra that cannot be paid does not come about."""
        second = invoices.created + 30
        self.log.add(
            "charge", len(second), customer=invoices.customer, number=invoices.number, attempt=1,
            cents=invoices.total, currency=invoices.currency, fails=False, code=0, second=second,
        )  # fmt: skip
        self.report(invoices, PAID, 1, second + 2)
