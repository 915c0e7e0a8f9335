"""Customers of the tests of health, as features. Not here: what is asserted."""

import datetime as dt

import polars as pl
from contract_schemas import contract_schema

DAY = dt.date(2026, 9, 30)
MONEY = pl.Decimal(18, 2)
SUBSCRIBER = {
    "customer_id": "subscriber",
    "as_of_date": DAY,
    "tenure_days": 400,
    "purchase_count": 13,
    "purchase_day_count": 13,
    "days_since_first_purchase": 365,
    "spend_amount": "1300",
    "spend_last_90_days_amount": "300",
    "spend_prior_90_days_amount": "300",
    "has_ever_subscribed": True,
    "is_subscriber": True,
    "plan": "Growth",
    "billing_interval": "month",
    "mrr_amount": "100",
    "mrr_90_days_ago_amount": "100",
    "seat_count": 10,
    "seat_90_days_ago_count": 10,
    "subscription_tenure_days": 365,
    "renewal_count": 12,
    "is_cancel_at_period_end": False,
    "has_usage_data": True,
    "active_day_last_30_days_count": 8,
    "active_day_prior_30_days_count": 8,
    "active_week_last_12_weeks_count": 9,
    "csat_last_180_days_rating": 4.0,
    "nps_rating": 9.0,
    "ticket_sentiment_last_180_days_polarity": 0.5,
    "message_last_180_days_count": 10,
    "message_opened_last_180_days_count": 4,
    "message_clicked_last_180_days_count": 1,
    "web_visit_last_90_days_count": 0,
    "days_since_last_interaction": 7,
}
NO_RFM = pl.DataFrame(schema=contract_schema("gold", "customer_rfm"))
SCHEMA = {
    column: dtype
    for column, dtype in contract_schema("gold", "customer_features").items()
    if column in SUBSCRIBER
}
BUYER = {
    "customer_id": "buyer",
    "as_of_date": DAY,
    "tenure_days": 365,
    "purchase_count": 4,
    "purchase_day_count": 4,
    "days_since_first_purchase": 365,
    "spend_amount": "500",
    "spend_last_90_days_amount": "100",
    "spend_prior_90_days_amount": "100",
    "has_ever_subscribed": False,
    "is_subscriber": False,
    "has_usage_data": False,
    "active_day_last_30_days_count": 0,
    "active_day_prior_30_days_count": 0,
    "active_week_last_12_weeks_count": 0,
    "message_last_180_days_count": 0,
    "web_visit_last_90_days_count": 0,
    "days_since_last_interaction": 30,
}


def features(*customers: dict[str, object]) -> pl.DataFrame:
    """Customers as a frame of features; what is not given is null."""
    rows = [{column: customer.get(column) for column in SCHEMA} for customer in customers]
    text = {column: pl.String if dtype == MONEY else dtype for column, dtype in SCHEMA.items()}
    return pl.DataFrame(rows, schema=text, orient="row").cast(SCHEMA)
