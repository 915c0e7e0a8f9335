"""What the cases of real Stripe accounts are made of, and how they become one account. Not here: the cases."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from stripe_account import Record, seconds

LATER = seconds(2026, 9, 10)
KINDS = ("prices", "subscriptions", "invoices", "charges", "refunds", "credit_notes", "disputes")


@dataclass
class Case:
    """One customer: what Stripe has of it, recurring revenue at the month-ends, and what became of its bills.

    Attributes:
        prices ... disputes: Objects of KINDS; ids and customers are filled in.
        mrr: Recurring revenue at the end of July to November 2026; empty when it is not looked at.
        ledger: Sums over all transactions: billed, paid, open, refunded, written_off, credited, balance, net_spend.
        customer: Fields of the customer itself.
        named: The customer whose sums are looked at, where it is another one.
    """

    prices: list[Record] = field(default_factory=list)
    subscriptions: list[Record] = field(default_factory=list)
    invoices: list[Record] = field(default_factory=list)
    charges: list[Record] = field(default_factory=list)
    refunds: list[Record] = field(default_factory=list)
    credit_notes: list[Record] = field(default_factory=list)
    disputes: list[Record] = field(default_factory=list)
    mrr: list[float] = field(default_factory=list)
    ledger: dict[str, float] = field(default_factory=dict)
    customer: Record = field(default_factory=dict)
    named: str = ""


def account(cases: Mapping[str, Case]) -> dict[str, list[Record]]:
    """All cases as one account; ids that a case leaves out are counted."""
    objects: dict[str, list[Record]] = defaultdict(list)
    for number, (name, case) in enumerate(cases.items()):
        customer = f"cus_{number}"
        objects["customers"].append(
            {
                "id": customer,
                "object": "customer",
                "name": name,
                "created": seconds(2026, 1, 1),
                **case.customer,
            }
        )
        for kind in KINDS:
            for place, record in enumerate(getattr(case, kind)):
                found = {"id": f"{kind}_{number}_{place}", "customer": customer, **record}
                if kind == "invoices":
                    parts = [
                        {"id": f"il_{number}_{place}_{position}", **part}
                        for position, part in enumerate(record["lines"]["data"])
                    ]
                    if case.subscriptions:
                        found["subscription"] = f"subscriptions_{number}_0"
                        parts = [{"subscription": found["subscription"], **part} for part in parts]
                    found["lines"] = {**record["lines"], "data": parts}
                objects[kind].append(found)
    return objects
