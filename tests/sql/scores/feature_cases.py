"""Features that people would argue about, worked out by hand: what one customer had, and what that makes at the end of
2 March 2026. The systems are watched from 1 January 2025 to 31 May 2026, the horizon of the label is 90 days.

So the day ends at 2026-03-03 00:00, the last 30, 90, 180 and 365 days begin at 2026-02-01, 2025-12-03, 2025-09-04 and
2025-03-03 00:00, and the horizon ends at 2026-06-01 00:00. Not here: random histories.
"""

import datetime as dt
from decimal import Decimal
from typing import Any, NamedTuple

from dbt_in_process import OPEN_END

Row = dict[str, Any]

DAY = dt.date(2026, 3, 2)


class Case(NamedTuple):
    """The rows of one customer by table, and some of the columns that follow."""

    history: dict[str, list[Row]]
    columns: Row
    day: dt.date = DAY


def at(moment: str | None) -> dt.datetime | None:
    return None if moment is None else dt.datetime.fromisoformat(moment)


def subscription(
    started: str = "2025-06-01", known: str | None = None, until: str | None = None, **more: Any
) -> Row:
    """A version, known from its begin on, or between two moments."""
    clocks = ("paid_from_at", "ended_at", "period_ends_at", "pause_resumes_at")
    return {
        "subscription_id": "stripe:1", "plan": "Growth", "billing_interval": "month", "is_paid_status": True,
        "mrr_amount": Decimal(100), "list_mrr_amount": Decimal(100), "seat_count": 5,
        "is_cancel_at_period_end": False, "started_at": at(started), "paid_from_at": at(started), "ended_at": None,
        "period_ends_at": None, "valid_from": at(known or started), "valid_to": at(until) or OPEN_END,
    } | {name: at(value) if name in clocks else value for name, value in more.items()}  # fmt: skip


def paid(moment: str, amount: str = "30.00", first: str | None = None, **more: Any) -> Row:
    """Money that came in for an invoice, all of it or after a first part of it."""
    return {
        "kind": "invoice", "is_purchase": True, "changed_at": at(moment), "purchased_at": at(first or moment),
        "spend_change_amount": Decimal(amount),
    } | more  # fmt: skip


def refund(moment: str, amount: str = "30.00") -> Row:
    return paid(moment, f"-{amount}", kind="refund", is_purchase=False)


def ticket(opened: str, **more: Any) -> Row:
    """A ticket that is still open."""
    row = dict.fromkeys(("solved_at", "escalated_at", "rated_at", "csat_rating", "sentiment_polarity"))
    return (
        row
        | {name: at(value) if name.endswith("_at") else value for name, value in more.items()}
        | {"opened_at": at(opened)}
    )


def answer(responded: str, rating: float, kind: str = "nps", ref: str = "files:1") -> Row:
    return {"responded_at": at(responded), "rating": rating, "survey_kind": kind, "response_id": ref}


def touch(occurred: str, direction: str | None = "outbound", outcome: str | None = "sent") -> Row:
    return {"occurred_at": at(occurred), "direction": direction, "outcome": outcome}


def use(occurred: str, known: str | None = None, **more: Any) -> Row:
    row = {"user_ref": "u1", "feature": "reports", "error_count": 0}
    return row | {"occurred_at": at(occurred), "known_at": at(known or occurred)} | more


def subscribed(*versions: Row, day: dt.date = DAY, **columns: Any) -> Case:
    return Case({"subscription_versions": list(versions)}, columns, day)


def spent(*changes: Row, **columns: Any) -> Case:
    return Case({"spend_changes": list(changes)}, columns)


def owes(changed: str, amount: str = "30") -> Row:
    """So much more is open, or less."""
    return {"changed_at": at(changed), "open_change_amount": Decimal(amount)}


def owed(*changes: Row, open_invoice_amount: float) -> Case:
    return Case(
        {"open_amount_changes": list(changes)}, {"open_invoice_amount": Decimal(str(open_invoice_amount))}
    )


def helped(*tickets: Row, **columns: Any) -> Case:
    return Case({"tickets": list(tickets)}, columns)


def asked(*answers: Row, **columns: Any) -> Case:
    return Case({"survey_responses": list(answers)}, columns)


def touched(*touches: Row, **columns: Any) -> Case:
    return Case({"touchpoints": list(touches)}, columns)


def used(*events: Row, **columns: Any) -> Case:
    return Case({"usage_events": list(events)}, columns)


BIG = {
    "subscription_id": "stripe:2",
    "plan": "Scale",
    "mrr_amount": Decimal(250),
    "list_mrr_amount": Decimal(250),
}
PAUSED = {"mrr_amount": Decimal(0), "is_paused": True}
FREE = {"mrr_amount": Decimal(0), "list_mrr_amount": Decimal(0)}
OTHER = {"subscription_id": "stripe:2"}

CASES = {
    # The next paid period
    "it renews when its period ends": subscribed(
        subscription(period_ends_at="2026-03-12 08:00"), days_until_renewal=10
    ),
    "it renews later today": subscribed(subscription(period_ends_at="2026-03-02 23:00"), days_until_renewal=0),
    "it should have renewed": subscribed(subscription(period_ends_at="2026-02-20"), days_until_renewal=-10),
    "nobody says when it renews": subscribed(subscription(), days_until_renewal=None),
    "the largest does not say when it renews": subscribed(
        subscription(period_ends_at="2026-03-12"), subscription(**BIG), days_until_renewal=None, plan="Scale"
    ),
    "of two of one size the older renews": subscribed(
        subscription("2025-07-01", **OTHER, period_ends_at="2026-03-12"),
        subscription("2025-08-01", period_ends_at="2026-03-22"),
        days_until_renewal=10,
    ),
    "of two of one size and age the first id renews": subscribed(
        subscription(**OTHER, period_ends_at="2026-03-12"), subscription(period_ends_at="2026-03-22"),
        days_until_renewal=20,
    ),
    "a trial has no next paid period": subscribed(
        subscription("2026-02-20", paid_from_at="2026-03-03", period_ends_at="2026-03-06"),
        days_until_renewal=None, is_subscriber=False, has_ever_subscribed=False, subscription_tenure_days=None,
    ),
    # Renewals
    "who never bought has not renewed": spent(renewal_count=0, purchase_count=0, spend_amount=0),
    "the first invoice is no renewal": spent(paid("2026-01-02"), renewal_count=0, purchase_count=1),
    "every later paid invoice is one": spent(
        paid("2025-11-02"), paid("2025-12-02"), paid("2026-03-02 23:59:59"), renewal_count=2,
    ),
    "invoices that are paid tomorrow, orders and refunds are none": spent(
        paid("2025-11-02"), paid("2026-03-03"), paid("2026-01-05", kind="order"), refund("2026-01-09"),
        renewal_count=0, purchase_count=2, spend_amount=30, gross_spend_amount=60,
    ),
    "a bill below 0 is none, one that the balance paid is": spent(
        paid("2025-11-02"), paid("2025-12-01", "0", is_purchase=False), paid("2026-01-01", "0"),
        renewal_count=1, purchase_count=2, spend_amount=30, days_since_last_purchase=60,
    ),
    "an invoice is one from its first part on, and each part is spent on its day": spent(
        paid("2025-11-02"), paid("2025-12-02", "10"), paid("2026-01-05", "15", first="2025-12-02"),
        paid("2026-03-03", "5", first="2025-12-02"),
        renewal_count=1, purchase_count=2, purchase_day_count=2, spend_amount=55, gross_spend_amount=55,
        first_day_spend_amount=30, spend_last_90_days_amount=15, spend_prior_90_days_amount=40,
        days_since_last_purchase=90,
    ),
    "what came later for the first purchase belongs to its day": spent(
        paid("2025-12-02", "10"), paid("2026-01-05", "15", first="2025-12-02"), paid("2026-02-01", "7"),
        first_day_spend_amount=25, spend_amount=32, purchase_day_count=2,
    ),
    # Spend
    "the 90 days before the last 90": spent(
        paid("2025-09-03 23:59:59", "1"), paid("2025-09-04", "2"), paid("2025-12-02 23:59:59", "4"),
        paid("2025-12-03", "8"), refund("2026-03-02", "1"),
        spend_prior_90_days_amount=6, spend_last_90_days_amount=7, first_day_spend_amount=1, spend_amount=14,
        days_since_last_purchase=89, purchase_span_days=91,
    ),
    # Open invoices
    "billed and paid in part": owed(owes("2026-02-20"), owes("2026-02-25", "-12.34"), open_invoice_amount=17.66),
    "paid at midnight was open at the end of the day": owed(
        owes("2026-02-20"), owes("2026-03-03", "-30"), open_invoice_amount=30
    ),
    "paid just before midnight was not": owed(
        owes("2026-02-20"), owes("2026-03-02 23:59:59.999999", "-30"), open_invoice_amount=0
    ),
    "billed at midnight is billed tomorrow": owed(owes("2026-03-03"), open_invoice_amount=0),
    "what changes at one moment": owed(owes("2026-02-20"), owes("2026-02-20", "7"), open_invoice_amount=37),
    # Revenue then and now
    "an upgrade since": subscribed(
        subscription(until="2026-02-01"), subscription(known="2026-02-01", mrr_amount=Decimal(150), seat_count=8),
        mrr_amount=150, mrr_90_days_ago_amount=100, seat_count=8, seat_90_days_ago_count=5,
    ),
    "begun exactly 90 days ago is not yet there": subscribed(
        subscription("2025-12-03"), mrr_amount=100, mrr_90_days_ago_amount=0, subscribed_days=89
    ),
    "begun just before is": subscribed(
        subscription("2025-12-02 23:59:59.999999"), mrr_90_days_ago_amount=100, seat_90_days_ago_count=5
    ),
    "ended exactly 90 days ago is still there": subscribed(
        subscription(ended_at="2025-12-03"), mrr_amount=0, mrr_90_days_ago_amount=100, is_subscriber=False
    ),
    "what was told later of that time was not known then": subscribed(
        subscription(until="2026-01-10"), subscription(known="2026-01-10", ended_at="2025-11-01"),
        mrr_90_days_ago_amount=100, mrr_amount=0, subscribed_days=153,
    ),
    "who pauses pays nothing and keeps the seats": subscribed(
        subscription(until="2025-11-01"), subscription(known="2025-11-01", **PAUSED),
        is_subscriber=True, mrr_amount=0, mrr_90_days_ago_amount=0, seat_count=5, seat_90_days_ago_count=5,
        paused_mrr_amount=100, days_until_resumption=None,
    ),
    "of two that are paused the first to resume counts": subscribed(
        subscription(**PAUSED, pause_resumes_at="2026-05-01"),
        subscription(**OTHER, **PAUSED, pause_resumes_at="2026-04-01 12:00"),
        paused_mrr_amount=200, days_until_resumption=30,
    ),
    "a free one that is paused costs nothing again": subscribed(
        subscription(**(PAUSED | FREE), pause_resumes_at="2026-05-01"), paused_mrr_amount=0,
        days_until_resumption=None,
    ),
    "a free one makes no subscriber": subscribed(
        subscription(**FREE), is_subscriber=False, has_ever_subscribed=False, seat_count=0, plan=None
    ),
    "a version of midnight is of tomorrow": subscribed(
        subscription(until="2026-03-03"), subscription(known="2026-03-03", mrr_amount=Decimal(150)), mrr_amount=100
    ),
    # Days subscribed, and those of them that nobody could watch
    "days before the data": subscribed(
        subscription("2024-10-01"), subscribed_days=517, subscription_tenure_days=517, unseen_subscribed_days=92
    ),
    "begun with the data": subscribed(subscription("2025-01-01"), unseen_subscribed_days=0, subscribed_days=425),
    "over before the data": subscribed(
        subscription("2024-10-01", ended_at="2024-12-01"), subscribed_days=61, unseen_subscribed_days=61
    ),
    "on a day before the data": subscribed(
        subscription("2024-12-01"), subscribed_days=30, unseen_subscribed_days=30, day=dt.date(2024, 12, 31)
    ),
    "never subscribed": subscribed(subscribed_days=None, unseen_subscribed_days=0, has_ever_subscribed=False),
    "a gap between two counts": subscribed(
        subscription("2025-06-01", ended_at="2025-07-01"), subscription("2026-02-01", **OTHER),
        subscribed_days=274, ended_subscription_count=1, active_subscription_count=1,
    ),
    "both are over": subscribed(
        subscription("2025-06-01", ended_at="2025-09-01"), subscription("2025-07-01", ended_at="2025-08-01", **OTHER),
        subscribed_days=92, ended_subscription_count=2,
    ),
    "a trial does not count": subscribed(subscription("2025-06-01", paid_from_at="2025-06-15"), subscribed_days=260),
    # Notice
    "notice for one of two": subscribed(
        subscription(), subscription(**OTHER, is_cancel_at_period_end=True), is_cancel_at_period_end=True
    ),
    "no notice, as far as one of two says": subscribed(
        subscription(), subscription(**OTHER, is_cancel_at_period_end=None), is_cancel_at_period_end=False
    ),
    "nobody says": subscribed(subscription(is_cancel_at_period_end=None), is_cancel_at_period_end=None),
    "notice for what is over": subscribed(
        subscription(ended_at="2026-03-01", is_cancel_at_period_end=True), is_cancel_at_period_end=None
    ),
    "notice that becomes an end at midnight": subscribed(
        subscription(ended_at="2026-03-03", is_cancel_at_period_end=True), is_cancel_at_period_end=True
    ),
    # What became of subscribers by the end of the horizon
    "left within the horizon": subscribed(
        subscription(ended_at="2026-05-31 23:59"), is_churned=True, label_known_date=dt.date(2026, 5, 31)
    ),
    "left as the horizon ended": subscribed(subscription(ended_at="2026-06-01"), is_churned=False),
    "told just too late of an end within it": subscribed(
        subscription(until="2026-06-01"), subscription(known="2026-06-01", ended_at="2026-05-20"), is_churned=False
    ),
    "told just too late that it goes on": subscribed(
        subscription(ended_at="2026-05-20", until="2026-06-01"), subscription(known="2026-06-01"), is_churned=True
    ),
    "left and came back": subscribed(
        subscription(ended_at="2026-04-01"), subscription("2026-05-31 23:00", **OTHER), is_churned=False
    ),
    "came back too late": subscribed(
        subscription(ended_at="2026-04-01"), subscription("2026-06-01", **OTHER), is_churned=True
    ),
    "came back for a trial": subscribed(
        subscription(ended_at="2026-04-01"), subscription("2026-05-25", **OTHER, paid_from_at="2026-06-01"),
        is_churned=True,
    ),
    "paused": subscribed(
        subscription(until="2026-04-01"), subscription(known="2026-04-01", **PAUSED), is_churned=False
    ),
    "pays nothing any more": subscribed(
        subscription(until="2026-04-01"), subscription(known="2026-04-01", **FREE), is_churned=True
    ),
    "no subscriber, no label": subscribed(
        subscription(ended_at="2026-03-01"), is_churned=None, label_known_date=dt.date(2026, 5, 31)
    ),
    "the horizon ends a day after the data": subscribed(
        subscription(ended_at="2026-04-01"), is_churned=None, label_known_date=dt.date(2026, 6, 1),
        day=dt.date(2026, 3, 3),
    ),
    # Satisfaction
    "ratings of the last 180 days": helped(
        ticket("2025-01-05", rated_at="2025-09-04", csat_rating=1.0),
        ticket("2026-03-01", rated_at="2026-03-02 23:59:59.999999", csat_rating=4.0),
        csat_last_180_days_rating=2.5, csat_last_180_days_count=2,
    ),
    "ratings before and after": helped(
        ticket("2025-09-03", rated_at="2025-09-03 23:59:59.999999", csat_rating=1.0),
        ticket("2026-03-01", rated_at="2026-03-03", csat_rating=4.0), ticket("2026-03-01", rated_at="2026-03-01"),
        csat_last_180_days_rating=None, csat_last_180_days_count=0,
    ),
    "the rating of a ticket that counts in no measure": helped(
        ticket("2026-03-01", rated_at="2026-03-02", csat_rating=1.0, exclusion_reason="merged"),
        ticket("2026-03-01", rated_at="2026-03-02", csat_rating=4.0),
        csat_last_180_days_rating=4.0, csat_last_180_days_count=1, ticket_last_90_days_count=2,
    ),
    "the mood of tickets opened in the last 180 days": helped(
        ticket("2025-09-03 23:59:59", sentiment_polarity=-1.0), ticket("2025-09-04", sentiment_polarity=-0.5),
        ticket("2026-03-02", sentiment_polarity=0.25), ticket("2026-03-02"),
        ticket_sentiment_last_180_days_polarity=-0.125, ticket_last_90_days_count=2,
    ),
    "open tickets": helped(
        ticket("2026-02-01"), ticket("2026-02-01", solved_at="2026-03-03"),
        ticket("2026-02-01", solved_at="2026-03-02"), ticket("2026-03-03"),
        open_ticket_count=2, ticket_last_90_days_count=3,
    ),
    "escalated tickets": helped(
        ticket("2025-12-03", escalated_at="2026-03-02"), ticket("2025-12-02 23:59", escalated_at="2026-03-02"),
        ticket("2026-02-01", escalated_at="2026-03-03"), ticket("2026-02-01"),
        escalated_ticket_last_90_days_count=1,
    ),
    # The recommendation
    "the later answer counts": asked(
        answer("2026-01-01", 9.0), answer("2026-02-01", 3.0, ref="files:0"), nps_rating=3.0, days_since_last_survey=29
    ),
    "later by half a second counts too": asked(
        answer("2026-01-01 12:00:00.5", 3.0, ref="files:1"), answer("2026-01-01 12:00:00", 9.0, ref="files:2"),
        nps_rating=3.0,
    ),
    "of one moment the later id counts": asked(
        answer("2026-01-01", 3.0, ref="files:2"), answer("2026-01-01", 9.0, ref="files:1"), nps_rating=3.0
    ),
    "365 days": asked(answer("2025-03-03", 8.0), nps_rating=8.0, days_since_last_survey=364),
    "more than 365 days": asked(
        answer("2025-03-02 23:59:59.999999", 8.0), nps_rating=None, days_since_last_survey=365
    ),
    "an answer of tomorrow and one to another question": asked(
        answer("2026-03-03", 8.0), answer("2026-02-28", 5.0, kind="csat"), nps_rating=None, days_since_last_survey=2
    ),
    # Use
    "use that was reported late is not known": used(
        use("2026-02-20", known="2026-03-03"), has_usage_data=False, usage_event_last_30_days_count=0
    ),
    "use that was reported late, but in time": used(
        use("2026-02-20", known="2026-03-02"), days_since_last_usage=10, usage_event_last_30_days_count=1
    ),
    "the last 30 days and those before": used(
        use("2026-02-01"), use("2026-01-31 23:59"), use("2026-01-02"), use("2026-01-01 23:59"),
        active_day_last_30_days_count=1, active_day_prior_30_days_count=2, usage_event_prior_30_days_count=2,
    ),
    "twelve weeks back from the day": used(
        use("2026-03-02"), use("2026-02-24"), use("2026-02-23"), use("2025-12-09"), use("2025-12-08 23:59"),
        active_week_last_12_weeks_count=3,
    ),
    "persons and features": used(
        use("2026-03-01", error_count=2), use("2026-03-01", user_ref=None, feature="api", error_count=1),
        use("2026-03-01", user_ref="u2", feature=None), use("2026-01-15", user_ref="u3", feature="x", error_count=9),
        active_user_last_30_days_count=2, feature_last_30_days_count=2, error_last_30_days_count=3,
    ),
    # Marketing, and the last sign of life
    "without a direction it was a message": touched(
        touch("2025-09-04", None, "clicked"), touch("2026-01-01", "outbound", "opened"), touch("2025-09-03 23:59"),
        message_last_180_days_count=2, message_opened_last_180_days_count=2, message_clicked_last_180_days_count=1,
        web_visit_last_90_days_count=0, days_since_last_interaction=60,
    ),
    "a visit needs no outcome": touched(
        touch("2026-02-20", "inbound", None), touch("2025-12-03", "inbound", "clicked"), touch("2026-03-01"),
        web_visit_last_90_days_count=2, message_last_180_days_count=1, days_since_last_interaction=10,
    ),
    "a message that nobody opened is no sign of life": touched(
        touch("2026-03-01"), touch("2026-03-01", outcome="bounced"), days_since_last_interaction=None
    ),
    "failed payments": Case(
        {"payments": [
            {"status": "failed", "attempted_at": at("2025-12-03")},
            {"status": "failed", "attempted_at": at("2025-12-02 23:59")},
            {"status": "failed", "attempted_at": at("2026-03-03")},
            {"status": "succeeded", "attempted_at": at("2026-01-01")},
        ]},
        {"failed_payment_last_90_days_count": 1},
    ),
}  # fmt: skip


def history_of(case: Case) -> dict[str, list[Row]]:
    """The rows of a case, with a customer who is known since 2024 and nothing in the other tables."""
    customer = {
        "kind": "organization", "industry": None, "country": None, "employee_count": None,
        "customer_since_date": dt.date(2024, 1, 1),
    }  # fmt: skip
    others = (
        "spend_changes", "open_amount_changes", "payments", "subscription_versions", "usage_events", "tickets",
        "survey_responses", "touchpoints",
    )  # fmt: skip
    return {"customers": [customer]} | {name: [] for name in others} | case.history
