"""The usage models as dbt compiles them, over hand-made silver tables. Not here: what is asserted of them."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import duckdb
import pytest
from dbt_in_process import run_dbt

from dagster_project.settings import DBT_DIR

MODELS = (
    "fct_sessions", "fct_usage_daily", "usage_activity_daily", "customer_feature_adoption", "fct_customer_daily",
    "fct_household_daily", "fct_interactions", "dim_channel", "dim_campaign", "dim_event_type", "dim_incentive",
)  # fmt: skip
SILVER_TABLES = {
    "usage_events": "event_id text, customer_id text, user_ref text, device_ref text, session_ref text,"
    " event_name text, feature text, quantity bigint, duration_seconds bigint,"
    " error_count bigint, occurred_at timestamp",
    "data_window": "first_date date, last_date date",
    "customers": "customer_id text, customer_since_date date",
    "subscription_periods": "subscription_id text, customer_id text, status text, is_trial boolean,"
    " is_paused boolean, mrr_amount decimal(18,2), seat_count bigint, valid_from timestamp, valid_to timestamp",
    "subscription_versions": "subscription_id text, customer_id text, status text, is_paid_status boolean,"
    " is_cancel_at_period_end boolean, cancel_reason text, started_at timestamp, paid_from_at timestamp,"
    " ended_at timestamp, valid_from timestamp, valid_to timestamp",
    "tickets": "ticket_id text, customer_id text, channel text, status text, opened_at timestamp,"
    " solved_at timestamp, csat_rating double, rated_at timestamp",
    "ticket_events": "event_id text, ticket_id text, customer_id text, event_kind text, author_role text,"
    " is_public boolean, occurred_at timestamp",
    "transactions": "transaction_id text, customer_id text, kind text, status text, occurred_at timestamp,"
    " paid_at timestamp, closed_at timestamp, transaction_amount decimal(18,2), net_spend_amount decimal(18,2)",
    "spend_changes": "customer_id text, is_purchase boolean, purchased_at timestamp",
    "open_amount_changes": "customer_id text, changed_at timestamp, open_change_amount decimal(18,2)",
    "payments": "payment_id text, customer_id text, status text, attempted_at timestamp",
    "survey_responses": "response_id text, customer_id text, responded_at timestamp, survey_kind text,"
    " rating double",
    "touchpoints": "touchpoint_id text, customer_id text, occurred_at timestamp, channel text, campaign_ref text,"
    " direction text, outcome text, cost_amount decimal(18,2), original_cost_amount decimal(18,2),"
    " currency text, rate_date date",
    "visits": "visit_id text, customer_id text, occurred_at timestamp, location_name text, duration_seconds bigint,"
    " party_size bigint",
    "campaigns": "campaign_ref text, campaign_name text, campaign_type text, campaign_status text,"
    " budgeted_amount decimal(18,2), actual_amount decimal(18,2), original_budgeted_amount decimal(18,2),"
    " original_actual_amount decimal(18,2), currency text, rate_date date, start_date date, end_date date",
    "campaign_members": "campaign_member_id text, customer_id text, campaign_ref text, member_status text,"
    " added_at timestamp",
    "opportunities": "opportunity_id text, customer_id text, opportunity_type text, stage_name text,"
    " is_closed boolean, is_won boolean, opened_at timestamp, decided_at timestamp",
    "incentive_outcomes": "incentive_id text, accepted_at timestamp",
}  # fmt: skip

Row = Mapping[str, Any]


class Warehouse:
    """An empty warehouse in memory, in which a model is built from the rows that a test gives."""

    def __init__(self, compiled: Mapping[str, str]) -> None:
        self.connection = duckdb.connect()
        self.connection.execute("set timezone = 'UTC'")
        self.connection.execute("attach ':memory:' as warehouse; use warehouse")
        for schema in ("bronze", "silver", "gold"):
            self.connection.execute(f"create schema {schema}")
        for name, columns in SILVER_TABLES.items():
            self.connection.execute(f"create table silver.{name} ({columns})")
        for seed in ("channels", "interaction_kinds", "incentive_catalogue"):
            path = DBT_DIR / "seeds" / f"{seed}.csv"
            self.connection.execute(f"create table bronze.{seed} as from read_csv('{path}')")
        self.connection.execute(
            "create table gold.bridge_household_member (household_id text, customer_id text)"
        )
        self.compiled = compiled

    def fill(self, table: str, rows: Sequence[Row], schema: str = "silver") -> None:
        """Replace the rows of a table; a column that no row names is empty."""
        self.connection.execute(f"delete from {schema}.{table}")
        if not rows:
            return
        names = sorted({name for row in rows for name in row})
        self.connection.executemany(
            f"insert into {schema}.{table} ({', '.join(names)}) values ({', '.join('?' * len(names))})",
            [[row.get(name) for name in names] for row in rows],
        )

    def build(self, *models: str) -> None:
        """Build gold models in the given order."""
        for model in models:
            self.connection.execute(f"create or replace table gold.{model} as {self.compiled[model]}")

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """The answer to a query."""
        return self.connection.execute(query).fetchall()


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The SQL of each model, compiled by dbt with 60 days in `fct_customer_daily`."""
    data_dir = tmp_path_factory.mktemp("usage")
    compiled = run_dbt(data_dir, "compile", "--select", *MODELS, CUSTINT_CUSTOMER_DAILY_DAYS="60")
    return {result.node.name: result.node.compiled_code for result in compiled.results}


@pytest.fixture
def warehouse(compiled: dict[str, str]) -> Warehouse:
    """A warehouse of which the last day is 30 September 2026."""
    empty = Warehouse(compiled)
    empty.fill("data_window", [{"first_date": dt.date(2024, 1, 1), "last_date": dt.date(2026, 9, 30)}])
    return empty


@pytest.fixture
def usage_event() -> Callable[..., dict[str, Any]]:
    """Make one usage event; what is not said is one use of reports by user u1 of customer c1."""
    numbers = iter(range(1_000_000))

    def make(occurred_at: dt.datetime, **values: Any) -> dict[str, Any]:
        return {
            "event_id": f"product:e{next(numbers):06}",
            "customer_id": "c1",
            "user_ref": "u1",
            "event_name": "reports_used",
            "feature": "reports",
            "quantity": 1,
            "duration_seconds": 0,
            "error_count": 0,
            "occurred_at": occurred_at,
        } | values

    return make
