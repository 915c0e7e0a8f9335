"""The models of the features on hand-made silver tables: the SQL that dbt compiles, run in a warehouse in memory.

One build holds as many customers as there are cases, because a build takes as long for one as for hundreds. Not here:
what has to come out (`feature_oracle.py` and the tests).
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
from dbt_in_process import run_dbt

SILVER_TABLES = {
    "data_window": "first_date date, last_date date",
    "feature_dates": "as_of_date date",
    "customers": "customer_id text, kind text, industry text, country text, employee_count bigint,"
    " customer_since_date date",
    "spend_changes": "transaction_id text, customer_id text, kind text, is_purchase boolean, changed_at timestamp,"
    " purchased_at timestamp, spend_change_amount decimal(18, 2)",
    "open_amount_changes": "transaction_id text, customer_id text, changed_at timestamp,"
    " open_change_amount decimal(18, 2)",
    "payments": "payment_id text, customer_id text, status text, attempted_at timestamp",
    "subscription_versions": "subscription_id text, customer_id text, valid_from timestamp, valid_to timestamp,"
    " plan text, billing_interval text, is_paid_status boolean, mrr_amount decimal(18, 2),"
    " list_mrr_amount decimal(18, 2), is_charged as (coalesce(list_mrr_amount > 0, true)), seat_count bigint,"
    " is_cancel_at_period_end boolean, is_paused boolean, pause_resumes_at timestamp, started_at timestamp,"
    " paid_from_at timestamp, ended_at timestamp, period_ends_at timestamp",
    "usage_events": "event_id text, customer_id text, user_ref text, feature text, error_count bigint,"
    " occurred_at timestamp, known_at timestamp",
    "tickets": "ticket_id text, customer_id text, opened_at timestamp, solved_at timestamp, escalated_at timestamp,"
    " turned_at as (if(solved_at is null, [], [solved_at])),"
    " csat_rating double, rated_at timestamp, exclusion_reason text, sentiment_polarity double",
    "survey_responses": "response_id text, customer_id text, responded_at timestamp, survey_kind text, rating double",
    "touchpoints": "touchpoint_id text, customer_id text, occurred_at timestamp, direction text, outcome text",
}  # fmt: skip
KEYS = {
    "spend_changes": "transaction_id", "payments": "payment_id", "usage_events": "event_id", "tickets": "ticket_id",
    "survey_responses": "response_id", "touchpoints": "touchpoint_id",
}  # fmt: skip
COMPILED_DAY = dt.date(2026, 3, 2)

Row = dict[str, Any]
Features = dict[tuple[str, dt.date], Row]
"""The columns of each customer and day."""


class FeatureWarehouse:
    """Builds the features of a company on several days, by the model for many days and by the one for a day."""

    def __init__(self, data_dir: Path) -> None:
        compiled = run_dbt(
            data_dir, "compile", "--select", "customer_feature_snapshots", "customer_features",
            CUSTINT_RUN_AS_OF_DATE=str(COMPILED_DAY), CUSTINT_CHURN_HORIZON_DAYS="90",
        )  # fmt: skip
        self.sql_of = {run.node.name: run.node.compiled_code for run in compiled.results}
        self.connection = duckdb.connect()
        self.connection.execute("""
            set timezone = 'UTC'; set threads = 1;
            attach ':memory:' as warehouse; use warehouse; create schema silver""")
        for name, columns in SILVER_TABLES.items():
            self.connection.execute(f"create table silver.{name} ({columns})")

    def fill(
        self, histories: Mapping[str, Mapping[str, Sequence[Row]]], days: Sequence[dt.date], **window: dt.date
    ) -> None:
        """Replace all rows. A history is what one customer has in each table; ids are given where it has none."""
        tables: dict[str, list[Row]] = {name: [] for name in SILVER_TABLES}
        tables["data_window"] = [window]
        tables["feature_dates"] = [{"as_of_date": day} for day in days]
        for customer_id, history in histories.items():
            for name, rows in history.items():
                for number, row in enumerate(rows):
                    ids = {KEYS[name]: f"{customer_id}:{number}"} if name in KEYS else {}
                    tables[name].append({"customer_id": customer_id} | ids | row)
        for name, rows in tables.items():
            self.connection.execute(f"truncate silver.{name}")
            if rows:
                self.connection.register("given", pl.DataFrame(rows, infer_schema_length=None).to_arrow())
                self.connection.execute(f"insert into silver.{name} by name from given")

    def snapshots(self) -> Features:
        """What `customer_feature_snapshots` says of every customer and day."""
        return self._features(self.sql_of["customer_feature_snapshots"])

    def scored(self, day: dt.date) -> Features:
        """What `customer_features` says of every customer on the day of a run."""
        compiled_day, run_day = (f"cast('{date}' as date)" for date in (COMPILED_DAY, day))
        sql = self.sql_of["customer_features"]
        assert sql.count(compiled_day) == 1
        return self._features(sql.replace(compiled_day, run_day))

    def _features(self, sql: str) -> Features:
        rows = self.connection.execute(sql).pl().rows(named=True)
        features = {(row["customer_id"], row["as_of_date"]): row for row in rows}
        assert len(features) == len(rows), "a customer has two rows of one day"
        return features
