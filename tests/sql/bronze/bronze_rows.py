"""Hand-made landing rows: good ones, and one per rule that a row can break. Not here: what is asserted of them."""

import json
from dataclasses import dataclass
from typing import Any

UNIX = 1_790_000_000  # 2026-09-21 14:13:20 UTC
NO_CENTS_ABOVE = 10**17  # more digits than an amount has


@dataclass(frozen=True)
class Bad:
    """One landing row that must go to quarantine: its changed fields, the column that is named, words of the reason."""

    changes: dict[str, Any]
    column: str
    words: tuple[str, ...]


def bad(column: str, *words: str, **changes: Any) -> Bad:
    return Bad(changes, column, (column, *words))


TRANSACTION = {
    "transaction_ref": "t0",
    "customer_ref": "c1",
    "occurred_at": "2026-09-30T10:00:00Z",
    "amount": "12.50",
    "currency": "EUR",
    "status": "paid",
    "kind": "invoice",
}
TICKET = {"ticket_ref": "k0", "customer_ref": "c1", "opened_at": "2026-09-30"}
CUSTOMER = {
    "customer_ref": "u0",
    "created_at": "2026-09-30 08:00:00",
    "kind": "person",
    "birth_date": "1980-02-29",
}
OUTCOME = {
    "outcome_ref": "o0",
    "customer_ref": "c1",
    "offered_at": "2026-01-01",
    "incentive_id": "discount_5",
}
CONSENT = {
    "customer_ref": "c1",
    "purpose": "news",
    "is_granted": "yes",
    "recorded_at": "2026-09-30T10:00:00Z",
}
CHARGE = {
    "id": "ch0",
    "customer": "cus1",
    "status": "succeeded",
    "currency": "usd",
    "amount": 1999,
    "created": UNIX,
    "event_created": UNIX,
    "payment_method_details": '{"type": "card"}',
}
INVOICE = {
    "id": "in0",
    "customer": "cus1",
    "status": "paid",
    "currency": "eur",
    "total": 1,
    "amount_paid": 1,
    "amount_remaining": 0,
    "created": UNIX,
    "event_created": UNIX,
}
SUBSCRIPTION = {
    "id": "sub0",
    "customer": "cus1",
    "status": "active",
    "currency": "usd",
    "items": '{"data": [{"price": {"id": "p1", "product": "pr1", "unit_amount": 4950}, "quantity": 3}]}',
    "start_date": UNIX,
    "created": UNIX,
    "event_created": UNIX,
}
VISIT = {
    "visit_ref": "v0",
    "customer_ref": "c1",
    "occurred_at": "2026-09-12T10:00:00Z",
    "location": "Harbour Street",
    "duration_seconds": "1260",
    "party_size": "2",
}
LOYALTY_EVENT = {
    "event_ref": "l0",
    "customer_ref": "c1",
    "occurred_at": "2026-09-12T10:21:00Z",
    "kind": "earn",
    "points": "120",
}
PRODUCT = {
    "product_ref": "p0",
    "name": "Green tea",
    "category": "tea",
    "list_price_amount": "4.90",
    "cost_amount": "2.1",
}
ZENDESK_TICKET = {
    "id": 1,
    "requester_id": 7,
    "status": "solved",
    "via": '{"channel": "email"}',
    "metric_set": '{"reply_time_in_minutes": {"calendar": 35}, "reopens": 0, "escalated": true,'
    ' "solved_at": "2026-03-29T03:30:00+02:00"}',
    "created_at": "2026-03-29T01:30:00+02:00",
    "updated_at": "2026-03-29T23:30:00-11:30",
}
ZEROS = "00000000-0000-0000-0000-000000000000"
USAGE = {"event_ref": "e0", "customer_ref": "c1", "occurred_at": "2026-09-12T10:00:00Z", "event_name": "open"}
EVENT = {
    "event_id": "p0",
    "workspace_id": "w1",
    "event_name": "open",
    "occurred_at": "2026-09-12T10:00:00Z",
    "received_at": "2026-09-12T10:00:01Z",
}
ORGANIZATION = {
    "id": 1,
    "name": "Acme",
    "domain_names": '["acme.example"]',
    "created_at": "2026-01-01T00:00:00Z",
    "updated_at": "2026-01-01T00:00:00Z",
}

GOOD_ROWS: dict[str, list[dict[str, Any]]] = {
    "files__transactions": [
        TRANSACTION,
        TRANSACTION
        | {"transaction_ref": " t1 ", "currency": "gbp", "occurred_at": "2026-09-30T01:30:00+02:00"},
        TRANSACTION | {"transaction_ref": "t2", "currency": "", "status": " ", "kind": None, "amount": "0"},
        TRANSACTION | {"transaction_ref": "t3", "amount": "1000000000", "occurred_at": "2026-09-30"},
        TRANSACTION | {"transaction_ref": "t4", "amount": "-5"},
    ],
    "files__tickets": [
        TICKET,
        TICKET | {"ticket_ref": "k1", "reopen_count": " 12 ", "is_escalated": "yes", "csat_score": "4.5"},
        TICKET | {"ticket_ref": "k2", "reopen_count": "12.0", "is_escalated": "0", "csat_score": "1"},
    ],
    "files__customers": [CUSTOMER, CUSTOMER | {"customer_ref": "u1", "kind": "", "birth_date": "1900-01-02"}],
    "files__incentive_outcomes": [
        OUTCOME,
        OUTCOME | {"outcome_ref": "o1", "propensity": "1", "is_retained": "TRUE"},
    ],
    "files__consents": [
        CONSENT,
        CONSENT | {"recorded_at": "2026-09-30T10:00:01Z"},
        CONSENT | {"purpose": "sms"},
    ],
    "stripe__charges": [
        CHARGE,
        CHARGE,  # delivered twice: both are versions
        CHARGE | {"id": "ch1", "amount": 0, "currency": "EUR", "payment_method_details": None},
        CHARGE
        | {"id": "ch2", "amount": 100_000_000_000, "created": UNIX * 1000, "payment_method_details": "{}"},
        CHARGE | {"id": "ch3", "amount": 500, "currency": "jpy"},  # has no smaller coin
        CHARGE | {"id": "ch4", "amount": 5120, "currency": "kwd"},  # a thousand make one
    ],
    "stripe__invoices": [
        INVOICE,
        INVOICE
        | {
            "status_transitions": json.dumps({"paid_at": UNIX, "void_at": None}),
            "total_discount_amounts": json.dumps([{"amount": 150}, {"amount": 25}]),
        },
        INVOICE | {"total_discount_amounts": "[]"},
    ],
    "files__usage_events": [
        USAGE,
        USAGE | {"event_name": "close"},  # one id, two events
        USAGE | {"occurred_at": "2026-09-12T10:00:00.250Z"},
        USAGE | {"event_ref": "e1", "occurred_at": "1789207200000", "user_ref": "NULL"},
        USAGE | {"event_ref": "e2", "occurred_at": "1789207200", "user_ref": "'undefined'"},
        USAGE | {"event_ref": "e3", "occurred_at": "1789207200000000", "user_ref": "0"},
        USAGE | {"event_ref": "e4", "occurred_at": "1789207200000000000", "user_ref": "Nan"},
    ],
    "files__visits": [
        VISIT,
        VISIT | {"visit_ref": "v1", "location": None, "duration_seconds": "0", "party_size": "1.0"},
    ],
    "files__loyalty_events": [
        LOYALTY_EVENT,
        LOYALTY_EVENT | {"event_ref": "l1", "points": "-120"},
        LOYALTY_EVENT | {"event_ref": "l2", "kind": "tier", "points": "", "tier": "gold"},
    ],
    "files__products": [PRODUCT, {"product_ref": "p1"}],
    "product__events": [
        EVENT,
        EVENT,  # delivered twice: both are versions
        EVENT | {"event_id": "p1", "user_id": "[object Object]", "device_id": ZEROS},
        EVENT
        | {
            "event_id": "p2",
            "user_id": "Anonymous",
            "device_id": "d1",
            "occurred_at": "2026-09-13T10:00:00Z",
        },
    ],
    "stripe__subscriptions": [SUBSCRIPTION],
    "zendesk__tickets": [ZENDESK_TICKET, ZENDESK_TICKET | {"id": 2, "via": None, "metric_set": None}],
}

BAD_ROWS: dict[str, list[Bad]] = {
    "files__transactions": [
        bad("customer_ref", "required", "empty", customer_ref=None),
        bad("customer_ref", "required", "empty", customer_ref="  "),
        bad("transaction_ref", "required", "empty", transaction_ref=""),
        bad("amount", "required", "empty", amount=""),
        bad("occurred_at", "required", "empty", occurred_at=None),
        bad("amount", "'twelve' is not a number", amount="twelve"),
        bad("amount", "'1,000.00' is not a number", amount="1,000.00"),
        bad("amount", "'nan' is not a number", amount="nan"),
        bad("amount", "'1_000' is not a number", amount="1_000"),
        bad("occurred_at", "'epoch' is not a time", occurred_at="epoch"),
        bad("amount", "'1e30' is not a number", amount="1e30"),
        bad("amount", "-1000000000.01 is below -1000000000", amount="-1000000000.01"),
        bad("amount", "1000000000.01 is above 1000000000", amount="1000000000.01"),
        bad("amount", "9999999999999.00 is above 1000000000", amount="9999999999999"),
        bad("currency", "'XXX' has no rate in dbt/seeds/currency_rates.csv", currency="XXX"),
        bad("currency", "'€' has no rate in dbt/seeds/currency_rates.csv", currency="€"),
        bad("status", "'Paid' is none of paid, open, failed, refunded, void", status="Paid"),
        bad("kind", "'it''s' is none of invoice, order, shipment, refund".replace("''", "'"), kind="it's"),
        bad("occurred_at", "'last week' is not a time", occurred_at="last week"),
        bad("occurred_at", "'2026-02-30' is not a time", occurred_at="2026-02-30"),
        bad("occurred_at", "9999-12-30", "not between the years 1900 and 2099", occurred_at="9999-12-30"),
        bad("occurred_at", "'infinity' is not a time", occurred_at="infinity"),
        bad(
            "occurred_at",
            "1899-12-29",
            "not between the years 1900 and 2099",
            occurred_at="1899-12-29T23:59:59Z",
        ),
        bad("transaction_ref", "duplicate", "first seen in line 2", transaction_ref="t0"),
        bad("transaction_ref", "duplicate", "first seen in line 3", transaction_ref="t1", amount="99"),
    ],
    "files__usage_events": [
        bad("customer_ref", "'undefined' stands for nobody", customer_ref="undefined"),
        bad("customer_ref", "'00000000-0000-0000-0000-000000000000' stands", customer_ref=ZEROS),
        bad("customer_ref", "required, and empty", customer_ref=" "),
        bad("occurred_at", "is before 1990", occurred_at="1970-01-02T00:00:00Z"),
        bad("occurred_at", "0000086400 is before 1990", occurred_at="0000086400"),
        bad("occurred_at", "lies ahead of its loading on 2026-10-01", occurred_at="2031-01-01"),
        bad("event_ref", "duplicate event_ref, occurred_at, event_name", event_ref="e0", user_ref="other"),
    ],
    "files__visits": [
        bad("visit_ref", "required", "empty", visit_ref=" "),
        bad("customer_ref", "required", "empty", customer_ref=None),
        bad("occurred_at", "'yesterday' is not a time", occurred_at="yesterday"),
        bad("occurred_at", "is before 1990", occurred_at="1989-12-31T23:59:59Z"),
        bad("occurred_at", "lies ahead of its loading on 2026-10-01", occurred_at="2026-11-01"),
        bad("visit_ref", "duplicate", "first seen in line 2", visit_ref="v0"),
    ],
    "files__loyalty_events": [
        bad("kind", "'gift' is none of earn, redeem, expire, tier", kind="gift"),
        bad("kind", "required", "empty", kind=""),
        bad("occurred_at", "required", "empty", occurred_at=None),
        bad("event_ref", "duplicate", "first seen in line 2", event_ref="l0", points="5"),
    ],
    "files__products": [
        bad("product_ref", "required", "empty", product_ref=None),
        bad("product_ref", "duplicate", "first seen in line 2", product_ref="p0", name="Black tea"),
    ],
    "product__events": [
        bad("workspace_ref", "'null' stands for nobody", workspace_id="null"),
        bad("occurred_at", "lies ahead of received_at on 2026-09-12", occurred_at="2026-09-14T10:00:01Z"),
        bad("occurred_at", "is before 1990", occurred_at="1989-12-31T23:59:59Z"),
        bad("received_at", "lies ahead of its loading on 2026-10-01", received_at="2026-10-02T06:00:01Z"),
    ],
    "files__tickets": [
        bad("opened_at", "'epoch' is not a time", opened_at="epoch"),
        bad("solved_at", "'never' is not a time", solved_at="never"),
    ],
    "files__customers": [
        bad("created_at", "'soon' is not a time", created_at="soon"),
    ],
    "files__incentive_outcomes": [
        bad("accepted_at", "'perhaps' is not a time", accepted_at="perhaps"),
    ],
    "files__consents": [
        bad(
            "customer_ref",
            "duplicate customer_ref, purpose, recorded_at",
            recorded_at="2026-09-30T12:00:00+02:00",
        ),
        bad("is_granted", "required", "empty", is_granted=None),
    ],
    "stripe__charges": [
        bad("amount", "-0.01 is below 0", amount=-1),
        bad("amount", "10000000000000.01 is above 10000000000000", amount=10**15 + 1),
        bad("amount", f"'{NO_CENTS_ABOVE}' is not a number", amount=NO_CENTS_ABOVE),
        bad("amount", "required", "empty", amount=None),
        bad("created_at", "9999999999999", "not between the years 1900 and 2099", created=9_999_999_999_999),
        bad("created_at", "0 is before 1990", created=0),
        bad("created_at", "lies ahead of its loading on 2026-10-01", created=UNIX + 30 * 86_400),
        bad("created_at", "253402300799", "not between the years 1900 and 2099", created=253_402_300_799),
        bad("created_at", "required", "empty", created=None),
        bad("currency", "'xyz' has no rate in dbt/seeds/currency_rates.csv", currency="xyz"),
    ],
    "stripe__invoices": [
        bad("total_amount", "-10000000000000.01 is below -10000000000000", total=-(10**15) - 1),
        bad(
            "discount_amount",
            "'5, free' is not a number",
            total_discount_amounts='[{"amount": 5}, {"amount": "free"}]',
        ),
    ],
    "stripe__subscriptions": [
        bad("status", "'gone' is none of trialing, active", status="gone"),
        bad("status", "required", "empty", "currency", status=None, currency=None),
    ],
    "zendesk__tickets": [
        bad("solved_at", "'today' is not a time", metric_set='{"solved_at": "today"}'),
        bad("status", "'won''t do' is none of new, open".replace("''", "'"), status="won't do"),
    ],
}
FAULTY_ROWS: dict[str, list[Bad]] = {
    "files__customers": [
        bad("birth_date", "'31.12.1980' is not a date", birth_date="31.12.1980"),
        bad("birth_date", "'epoch' is not a date", birth_date="epoch"),
        bad("birth_date", "9999-12-30", "not between the years 1900 and 2099", birth_date="9999-12-30"),
        bad("birth_date", "1899-12-29", "not between the years 1900 and 2099", birth_date="1899-12-29"),
        bad("kind", "'company' is none of organization, person", kind="company"),
    ],
    "files__tickets": [
        bad("reopen_count", "'12.7' is not a whole number", reopen_count="12.7"),
        bad("reopen_count", "'.5' is not a whole number", reopen_count=".5"),
        bad("reopen_count", "'some' is not a whole number", reopen_count="some"),
        bad("reopen_count", "'0x1F' is not a whole number", reopen_count="0x1F"),
        bad(
            "reopen_count",
            "'99999999999999999999' is not a whole number",
            reopen_count="99999999999999999999",
        ),
        bad("reopen_count", "-1 is below 0", reopen_count="-1"),
        bad("is_escalated", "'maybe' is neither true nor false", is_escalated="maybe"),
        bad("csat_rating", "'5 stars' is not a number", csat_score="5 stars"),
        bad("csat_rating", "'inf' is not a number", csat_score="inf"),
        bad("csat_rating", "'1e999' is not a finite number", csat_score="1e999"),
        bad("csat_rating", "0.9 is below 1", csat_score="0.9"),
        bad("csat_rating", "5.1 is above 5", csat_score="5.1"),
    ],
    "files__visits": [
        bad("duration_seconds", "-1 is below 0", duration_seconds="-1"),
        bad("duration_seconds", "'20 min' is not a whole number", duration_seconds="20 min"),
        bad("party_size", "0 is below 1", party_size="0"),
    ],
    "files__loyalty_events": [
        bad("points", "'many' is not a whole number", points="many"),
        bad("points", "12.5' is not a whole number", points="12.5"),
    ],
    "files__products": [
        bad("list_price_amount", "-1.00 is below 0", list_price_amount="-1"),
        bad("cost_amount", "'cheap' is not a number", cost_amount="cheap"),
    ],
    "files__incentive_outcomes": [
        bad("propensity_probability", "1.5 is above 1", propensity="1.5"),
        bad("propensity_probability", "-0.1 is below 0", propensity="-0.1"),
        bad("is_retained", "'perhaps' is neither true nor false", is_retained="perhaps"),
    ],
    "stripe__invoices": [
        bad("paid_at", "'soon' is not a time", status_transitions='{"paid_at": "soon"}'),
    ],
    "zendesk__tickets": [
        bad(
            "first_reply_calendar_minutes",
            "'12.7' is not a whole number",
            metric_set='{"reply_time_in_minutes": {"calendar": 12.7}}',
        ),
        bad("is_escalated", "'maybe' is neither true nor false", metric_set='{"escalated": "maybe"}'),
    ],
}
"""Landing rows that are kept without the one value that is bad."""

NO_BAD_ROWS = ["files__contacts", "files__survey_responses"]
SURVEY = {
    "response_ref": "s1",
    "customer_ref": "c1",
    "responded_at": "2026-09-30",
    "survey_kind": "nps",
    "score": "10",
}
ORGANIZATIONS = [
    ORGANIZATION,
    ORGANIZATION | {"id": 2, "domain_names": "[]"},
    ORGANIZATION | {"id": 3, "domain_names": "not json"},
]
PADDED_TICKETS = [
    TICKET | {"ticket_ref": f"padded{number}"} | cell
    for number, cell in enumerate(
        [
            {"customer_ref": " c1 "},
            {"opened_at": " 2026-09-30 "},
            {"opened_at": " 2026-09-30T00:00:00Z "},
            {"reopen_count": " 1 "},
            {"csat_score": " 4.5 "},
            {"is_escalated": " yes "},
        ]
    )
]
