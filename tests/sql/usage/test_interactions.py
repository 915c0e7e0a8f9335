"""The timeline of interactions, and the dimensions that give its words a meaning."""

import csv
import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from dbt_in_process import OPEN_END

from dagster_project.contracts import gold_tables
from dagster_project.settings import DBT_DIR
from dagster_project.value.rfm import SEGMENT_GRID

NOW = dt.datetime(2026, 9, 1, 12)
LATER = dt.datetime(2026, 9, 2, 12)
AHEAD = dt.datetime(2026, 10, 1)
MODELS = ("fct_sessions", "dim_channel", "dim_campaign", "dim_event_type", "fct_interactions")
Make = Callable[..., dict[str, Any]]


def seed_rows(name: str) -> list[dict[str, str]]:
    with (DBT_DIR / "seeds" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def fill_one_of_each(warehouse: Any, usage_event: Make) -> None:
    customer = {"customer_id": "c1"}
    touch = customer | {"occurred_at": NOW, "channel": "email", "outcome": "sent"}
    ticket = customer | {"channel": "Chat", "opened_at": NOW, "status": "solved"}
    comment = customer | {"ticket_id": "zendesk:1", "event_kind": "comment", "occurred_at": NOW}
    bill = customer | {"occurred_at": NOW, "status": "paid"}
    subscription = customer | {
        "started_at": NOW,
        "paid_from_at": NOW,
        "valid_from": NOW,
        "valid_to": OPEN_END,
    }
    warehouse.fill("touchpoints", [
        touch | {"touchpoint_id": "marketing:t1", "direction": "outbound", "campaign_ref": "news",
                 "cost_amount": Decimal("0.01")},
        touch | {"touchpoint_id": "marketing:t2", "channel": "web", "direction": "inbound"},
        touch | {"touchpoint_id": "marketing:t3", "channel": "webinar", "direction": "inbound"},
        touch | {"touchpoint_id": "files:t1", "channel": "Carrier pigeon", "campaign_ref": "old"},
    ])  # fmt: skip
    warehouse.fill("campaigns", [
        {"campaign_ref": "news", "campaign_name": "News", "campaign_type": "Email"}
    ])  # fmt: skip
    warehouse.fill("campaign_members", [
        customer | {"campaign_member_id": "salesforce:m1", "campaign_ref": "news", "member_status": "sent",
                    "added_at": NOW}
    ])  # fmt: skip
    warehouse.fill("tickets", [
        ticket | {"ticket_id": "zendesk:1", "csat_rating": 4.5, "rated_at": LATER},
        ticket | {"ticket_id": "files:a:b", "channel": None},
        ticket | {"ticket_id": "zendesk:2", "customer_id": None, "csat_rating": 4.5, "rated_at": LATER},
    ])  # fmt: skip
    warehouse.fill("ticket_events", [
        comment | {"event_id": "zendesk:e1", "author_role": "agent", "is_public": True},
        comment | {"event_id": "zendesk:e2", "author_role": "end-user", "is_public": True},
        comment | {"event_id": "zendesk:e3", "author_role": "agent", "is_public": False},
        comment | {"event_id": "zendesk:e4", "event_kind": "create", "is_public": True},
    ])  # fmt: skip
    warehouse.fill("survey_responses", [
        customer | {"response_id": "marketing:n1", "responded_at": NOW, "survey_kind": "nps", "rating": 9.0}
    ])  # fmt: skip
    warehouse.fill("transactions", [
        bill | {"transaction_id": "stripe:i1", "kind": "invoice"},
        bill | {"transaction_id": "stripe:r1", "kind": "refund"},
        bill | {"transaction_id": "files:o1", "kind": "order"},
    ])  # fmt: skip
    warehouse.fill("payments", [
        customer | {"payment_id": "stripe:p1", "status": "failed", "attempted_at": NOW},
        customer | {"payment_id": "stripe:p2", "status": "succeeded", "attempted_at": NOW},
    ])  # fmt: skip
    warehouse.fill("subscription_versions", [
        subscription | {"subscription_id": "stripe:s1", "valid_to": LATER},
        subscription | {"subscription_id": "stripe:s1", "valid_from": LATER, "ended_at": LATER,
                        "cancel_reason": "too_expensive"},
        subscription | {"subscription_id": "stripe:s2", "paid_from_at": LATER, "ended_at": AHEAD},
        subscription | {"subscription_id": "stripe:s3", "started_at": AHEAD},
    ])  # fmt: skip
    warehouse.fill("opportunities", [
        customer | {"opportunity_id": f"salesforce:{ref}", "opportunity_type": "Renewal", "opened_at": NOW,
                    "is_closed": decided_at is not None, "is_won": is_won, "decided_at": decided_at}
        for ref, is_won, decided_at in [("w", True, LATER), ("l", False, LATER), ("o", False, None)]
    ] + [
        {"opportunity_id": "salesforce:n", "customer_id": None, "opened_at": NOW, "is_won": True, "decided_at": NOW}
    ])  # fmt: skip
    warehouse.fill("visits", [
        customer | {"visit_id": "files:v1", "occurred_at": NOW, "location_name": "Harbour Street"},
        customer | {"visit_id": "files:v2", "occurred_at": AHEAD, "location_name": "Harbour Street"},
    ])  # fmt: skip
    warehouse.fill("usage_events", [
        usage_event(NOW, error_count=1),
        usage_event(NOW, customer_id="c2", feature=None, event_name="user_invited"),
        usage_event(NOW, customer_id="c2", feature=None, event_name="Logged in"),
    ])  # fmt: skip
    warehouse.build(*MODELS)


def test_every_system_comes_into_one_timeline(warehouse: Any, usage_event: Make):
    fill_one_of_each(warehouse, usage_event)
    found = warehouse.rows(
        "select interaction_kind, system, source_ref, channel, direction, outcome from gold.fct_interactions"
        " where customer_id = 'c1' order by all"
    )
    assert found == [
        ("campaign_membership", "salesforce", "m1", "email", "outbound", "sent"),
        ("invoice", "stripe", "i1", "billing", "outbound", "paid"),
        ("marketing_message", "files", "t1", "carrier_pigeon", "outbound", "sent"),
        ("marketing_message", "marketing", "t1", "email", "outbound", "sent"),
        ("marketing_response", "marketing", "t3", "webinar", "inbound", "sent"),
        ("opportunity_lost", "salesforce", "l", "sales", "inbound", "Renewal"),
        ("opportunity_opened", "salesforce", "l", "sales", "outbound", "Renewal"),
        ("opportunity_opened", "salesforce", "o", "sales", "outbound", "Renewal"),
        ("opportunity_opened", "salesforce", "w", "sales", "outbound", "Renewal"),
        ("opportunity_won", "salesforce", "w", "sales", "inbound", "Renewal"),
        ("payment_failed", "stripe", "p1", "billing", "inbound", "failed"),
        ("product_session", "product", "e000000", "product", "inbound", "with errors"),
        ("purchase", "files", "o1", "shop", "inbound", "paid"),
        ("refund", "stripe", "r1", "billing", "outbound", "paid"),
        ("store_visit", "files", "v1", "store", "inbound", "Harbour Street"),
        ("subscription_ended", "stripe", "s1", "billing", "inbound", "too_expensive"),
        ("subscription_started", "stripe", "s1", "billing", "inbound", "no trial"),
        ("subscription_started", "stripe", "s2", "billing", "inbound", "trial"),
        ("survey_response", "marketing", "n1", "survey", "inbound", "nps 9"),
        ("ticket_comment", "zendesk", "e1", "chat", "outbound", "agent"),
        ("ticket_comment", "zendesk", "e2", "chat", "inbound", "end-user"),
        ("ticket_opened", "files", "a:b", "unknown", "inbound", "solved"),
        ("ticket_opened", "zendesk", "1", "chat", "inbound", "solved"),
        ("ticket_rated", "zendesk", "1", "survey", "inbound", "csat 4.5"),
        ("web_visit", "marketing", "t2", "web", "inbound", "sent"),
    ]
    assert warehouse.rows("select count(*) - count(distinct interaction_id) from gold.fct_interactions") == [
        (0,)
    ]
    assert {row["interaction_kind"] for row in seed_rows("interaction_kinds")} == {row[0] for row in found}


def test_every_word_of_the_timeline_is_in_its_dimension(warehouse: Any, usage_event: Make):
    fill_one_of_each(warehouse, usage_event)
    for key, table, column in [
        ("channel", "dim_channel", "channel"),
        ("campaign_ref", "dim_campaign", "campaign_ref"),
        ("interaction_kind", "dim_event_type", "event_type"),
    ]:
        assert (
            warehouse.rows(
                f"select {key} from gold.fct_interactions where {key} not in (select {column} from gold.{table})"
            )
            == []
        )
        assert (
            warehouse.rows(f"select {column} from gold.{table} group by {column} having count(*) > 1") == []
        )


def test_a_channel_or_campaign_that_only_the_data_have_is_a_member_all_the_same(
    warehouse: Any, usage_event: Make
):
    fill_one_of_each(warehouse, usage_event)
    assert warehouse.rows(
        "select channel, channel_kind from gold.dim_channel where channel in ('carrier_pigeon', 'chat') order by 1"
    ) == [("carrier_pigeon", "other"), ("chat", "conversation")]
    assert warehouse.rows("select campaign_ref, campaign_name, is_in_crm from gold.dim_campaign order by 1") == [
        ("news", "News", True), ("old", "old", False), ("unknown", "No or unknown campaign", False),
    ]  # fmt: skip


def test_product_events_have_a_category(warehouse: Any, usage_event: Make):
    fill_one_of_each(warehouse, usage_event)
    assert warehouse.rows(
        "select event_type, category from gold.dim_event_type where event_source = 'product' order by 1"
    ) == [
        ("product:Logged in", "access"),
        ("product:reports_used", "feature use"),
        ("product:user_invited", "administration"),
    ]


def test_without_data_there_are_no_interactions_and_the_lists_stand(warehouse: Any):
    warehouse.build(*MODELS, "dim_incentive")
    assert warehouse.rows("select * from gold.fct_interactions") == []
    assert warehouse.rows("select campaign_ref from gold.dim_campaign") == [("unknown",)]
    assert warehouse.rows("select count(*) from gold.dim_channel") == [(len(seed_rows("channels")),)]
    assert warehouse.rows("select count(*) from gold.dim_event_type") == [
        (len(seed_rows("interaction_kinds")),)
    ]


def test_an_incentive_that_left_the_catalogue_stays_known(warehouse: Any):
    warehouse.fill("incentive_outcomes", [
        {"incentive_id": "discount_5", "accepted_at": NOW}, {"incentive_id": "discount_5"}, {"incentive_id": "mug"},
    ])  # fmt: skip
    warehouse.build("dim_incentive")
    assert warehouse.rows(
        "select incentive_id, is_in_catalogue, offer_count, accepted_offer_count from gold.dim_incentive"
        " where offer_count > 0 order by 1"
    ) == [("discount_5", True, 2, 1), ("mug", False, 1, 0)]


def test_the_segments_are_those_that_customers_are_put_into():
    named = {row["segment"]: row["segment_kind"] for row in seed_rows("customer_segments")}
    tiers = next(column for column in gold_tables()["customer_clv"].columns if column.name == "value_tier")
    expected = {segment: "rfm" for segments in SEGMENT_GRID.values() for segment in segments}
    assert named == expected | {str(tier): "value_tier" for tier in tiers.rules["accepted"]}
