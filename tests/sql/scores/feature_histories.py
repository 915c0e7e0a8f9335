"""Random histories of customers, most of their moments on an edge of what some feature looks at.

Every record is one that silver may hold: versions of a subscription follow each other without a gap, an event is known
when it happens or later. A plain seeded generator, because five of six examples that hypothesis draws are mutations of
another one, and nothing is shrunk where all customers are built at once. Not here: what follows from a history.
"""

import datetime as dt
import random
from decimal import Decimal
from typing import Any

from dbt_in_process import OPEN_END
from feature_oracle import end_of

Row = dict[str, Any]
History = dict[str, list[Row]]

FIRST_DATE, LAST_DATE = dt.date(2025, 1, 1), dt.date(2026, 5, 31)
"""The days between which the systems were watched."""
DAYS = [
    dt.date(2024, 12, 31), dt.date(2025, 10, 31), dt.date(2025, 11, 30), dt.date(2026, 2, 28),
    dt.date(2026, 3, 2), dt.date(2026, 3, 3), dt.date(2026, 5, 31),
]  # fmt: skip
"""The days of the features: one before the data, the last one, some far apart and some side by side. What becomes of
the subscribers of 2 March is known with the last day, of those of 3 March a day too late."""
EDGE_DAYS = (
    0,
    0,
    1,
    7,
    29,
    30,
    30,
    59,
    60,
    60,
    83,
    84,
    84,
    89,
    90,
    90,
    179,
    180,
    180,
    364,
    365,
    365,
    -90,
    -89,
)
TICK = dt.timedelta(microseconds=1)
JITTERS = (dt.timedelta(0), dt.timedelta(0), -TICK, TICK, dt.timedelta(milliseconds=500))
AMOUNTS = tuple(Decimal(text) for text in ("0.01", "9.99", "10.00", "33.33", "250.00"))


class HistoryMaker:
    """Draws the rows of one customer after another from a seed."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)

    def moment(self) -> dt.datetime:
        """A moment around an edge, or anywhere in two and a half years."""
        day = self.draw.choice(DAYS)
        if self.draw.random() < 0.75:
            jitter = self.draw.choice(JITTERS)
            return end_of(day) - dt.timedelta(self.draw.choice(EDGE_DAYS)) + jitter
        return end_of(day) - dt.timedelta(self.draw.randrange(-30, 900), self.draw.randrange(86_400))

    def later(self, moment: dt.datetime, none_share: float = 0.0) -> Any:
        """That moment or a later one; sometimes none."""
        return None if self.draw.random() < none_share else max(moment, self.moment())

    def customer(self) -> Row:
        """A profile; half of the customers are known since long ago, the others begin on an edge."""
        since = self.draw.choice(
            [*DAYS, *(day + dt.timedelta(1) for day in DAYS), *[dt.date(2023, 6, 1)] * 14]
        )
        return {
            "kind": self.draw.choice(["organization", "person"]), "industry": self.draw.choice([None, "Energy"]),
            "country": self.draw.choice([None, "GB"]), "employee_count": self.draw.choice([None, 1, 50]),
            "customer_since_date": since,
        }  # fmt: skip

    def spend_changes(self) -> list[Row]:
        """A bill, an order or a refund; of a bill the money may come in parts, or from the balance."""
        first_at, amount = self.moment(), self.draw.choice(AMOUNTS)
        kind = self.draw.choice(["invoice", "invoice", "order", "shipment", "refund"])
        is_purchase = kind != "refund" and self.draw.random() < 0.9  # else a downgrade, below 0
        parts = [(first_at, -amount if kind == "refund" else amount * is_purchase)]
        if kind == "invoice" and is_purchase and self.draw.random() < 0.3:
            later = self.later(first_at)
            parts += [(later, Decimal("0.01"))] if later > first_at else []
        return [
            {"kind": kind, "is_purchase": is_purchase, "changed_at": moment, "purchased_at": first_at,
             "spend_change_amount": part}
            for moment, part in parts
        ]  # fmt: skip

    def open_amount_changes(self) -> list[Row]:
        """A bill, which is settled in part or in two parts, or stays open."""
        billed_at, amount = self.moment(), self.draw.choice(AMOUNTS)
        parts = self.draw.choice(
            [[], [-amount], [-Decimal("0.01")], [-Decimal("0.01"), Decimal("0.01") - amount]]
        )
        changes = [(billed_at, amount), *((self.later(billed_at), part) for part in parts)]
        return [{"changed_at": moment, "open_change_amount": part} for moment, part in changes]

    def payment(self) -> Row:
        """An attempt to take money."""
        return {"status": self.draw.choice(["failed", "failed", "succeeded"]), "attempted_at": self.moment()}

    def usage_event(self) -> Row:
        """Use of the product; half of it is known at once."""
        occurred_at = self.moment()
        return {
            "user_ref": self.draw.choice([None, "u1", "u2"]), "feature": self.draw.choice([None, "reports", "api"]),
            "error_count": self.draw.randrange(3), "occurred_at": occurred_at,
            "known_at": self.draw.choice([occurred_at, self.later(occurred_at)]),
        }  # fmt: skip

    def ticket(self) -> Row:
        """A call for help; what happens to it may happen on any later day, or never."""
        opened_at = self.moment()
        return {
            "opened_at": opened_at, "solved_at": self.later(opened_at, none_share=0.3),
            "escalated_at": self.later(opened_at, none_share=0.5),
            "rated_at": self.later(opened_at, none_share=0.3), "csat_rating": self.draw.choice([None, 1.0, 3.5, 5.0]),
            "sentiment_polarity": self.draw.choice([None, -0.75, 0.125, 0.5]),
            "exclusion_reason": self.draw.choice([None, None, "merged"]),
        }  # fmt: skip

    def survey_response(self) -> Row:
        """An answer; many fall into one second."""
        second = self.draw.choice([self.moment(), dt.datetime(2025, 10, 31, 12)])
        return {
            "responded_at": second + self.draw.choice(JITTERS),
            "survey_kind": self.draw.choice(["nps", "nps", "nps", "csat"]),
            "rating": float(self.draw.randrange(11)),
        }  # fmt: skip

    def touchpoint(self) -> Row:
        """A message of ours or a visit of theirs."""
        return {
            "occurred_at": self.moment(), "direction": self.draw.choice([None, "outbound", "inbound"]),
            "outcome": self.draw.choice([None, "sent", "opened", "clicked", "converted", "bounced"]),
        }  # fmt: skip

    def subscription(self, subscription_id: str) -> list[Row]:
        """Its versions: the last is the newest for good; of two of one moment only the later was ever the newest."""
        started_at = self.moment()
        begins = sorted(
            self.draw.choices([started_at, self.moment(), self.moment()], k=self.draw.randint(1, 3))
        )
        versions = []
        for begin, end in zip(begins, [*begins[1:], OPEN_END], strict=True):
            paid_from_at = self.draw.choice([started_at, started_at, self.later(started_at)])
            ended_at = self.later(started_at, none_share=0.6)
            list_mrr = self.draw.choice([Decimal(0), Decimal(20), Decimal(20), Decimal(50)])
            versions.append({
                "subscription_id": subscription_id, "valid_from": begin, "valid_to": end,
                "plan": self.draw.choice(["Basic", "Growth"]), "billing_interval": self.draw.choice(["month", "year"]),
                "seat_count": self.draw.randrange(9), "list_mrr_amount": list_mrr,
                "mrr_amount": list_mrr * self.draw.choice([1, 1, Decimal("0.5"), 0]),
                "is_cancel_at_period_end": self.draw.choice([None, False, False, True]),
                "is_paid_status": self.draw.random() < 0.85 and (ended_at is None or ended_at > paid_from_at),
                "started_at": started_at, "paid_from_at": paid_from_at, "ended_at": ended_at,
                "period_ends_at": self.draw.choice([None, self.moment()]),
                "is_paused": self.draw.choice([False, False, True]),
                "pause_resumes_at": self.draw.choice([None, self.moment()]),
            })  # fmt: skip
        return versions

    def history(self) -> History:
        """Everything of one customer; the more rows a table may have, the more do customers have in it."""
        makers = {
            "payments": (self.payment, 4), "tickets": (self.ticket, 5),
            "usage_events": (self.usage_event, 10), "touchpoints": (self.touchpoint, 8),
        }  # fmt: skip
        history = {
            name: [make() for _ in range(self.draw.randint(0, most))] for name, (make, most) in makers.items()
        }
        history["customers"] = [self.customer()]
        history["spend_changes"] = [
            change for _ in range(self.draw.randint(0, 8)) for change in self.spend_changes()
        ]
        history["open_amount_changes"] = [
            change for _ in range(self.draw.randint(0, 3)) for change in self.open_amount_changes()
        ]
        history["survey_responses"] = [
            self.survey_response() | {"response_id": f"files:{number}"}
            for number in range(self.draw.randint(0, 4))
        ]
        history["subscription_versions"] = [
            version
            for number in range(self.draw.choice([0, 1, 1, 2, 3]))
            for version in self.subscription(f"stripe:{number}")
        ]
        return history


def random_histories(count: int, seed: int = 1) -> dict[str, History]:
    """So many histories, by customer."""
    maker = HistoryMaker(seed)
    return {f"c{number:04}": maker.history() for number in range(count)}
