"""The revenue models on hand-made versions: the SQL that dbt compiles, run in a warehouse in memory.

dbt takes seconds to start and its SQL does not depend on the rows, so it is compiled once and run as often as needed.
"""

import random
from pathlib import Path
from typing import Any

import duckdb
from dbt_in_process import run_dbt
from subscription_rows import bronze_version

from dagster_project.contracts import read_tables
from dagster_project.settings import DBT_DIR

MODELS = (
    "exchange_rates", "received_subscription_versions", "received_invoices", "received_transaction_lines",
    "subscription_items", "billed_subscription_items", "subscription_item_versions", "subscription_terms",
    "subscription_versions",
    "subscription_periods", "revenue_months", "customer_mrr_monthly", "fct_subscription_periods",
    "fct_mrr_movements", "revenue_monthly", "cohort_retention_monthly",
)  # fmt: skip
TRUTHS = (
    "assert_mrr_bridge_ties_out", "assert_month_end_mrr_equals_subscription_periods",
    "assert_subscription_periods_are_contiguous",
)  # fmt: skip
BRONZE = (
    "stripe__subscriptions", "stripe__products", "stripe__prices", "stripe__customers", "stripe__invoices",
    "stripe__invoice_lines", "files__subscriptions",
)  # fmt: skip
LINEAGE = {"_source_file": "text", "_source_line": "bigint", "_loaded_at": "timestamp"}


class RevenueWarehouse:
    """Loads versions, builds the revenue models from them and answers questions about the result."""

    def __init__(self, data_dir: Path) -> None:
        compiled = run_dbt(data_dir, "compile", "--select", *MODELS, *TRUTHS)
        self.depends_on = {run.node.name: set(run.node.depends_on.nodes) for run in compiled.results}
        sql_of = {run.node.name: (run.node.schema, run.node.compiled_code) for run in compiled.results}
        self.statements = [
            f"create or replace table {sql_of[name][0]}.{name} as {sql_of[name][1]}" for name in MODELS
        ]
        self.truths = {name: sql_of[name][1] for name in TRUTHS}
        self.connection = duckdb.connect()
        self._prepare()

    def _prepare(self) -> None:
        self.connection.execute("attach ':memory:' as warehouse; set timezone = 'UTC'")
        self.connection.execute(
            "use warehouse; create schema bronze; create schema silver; create schema gold"
        )
        self.connection.execute(f"""
            create table bronze.currency_rates as
            from read_csv('{DBT_DIR / "seeds" / "currency_rates.csv"}', types = {{'usd_rate': 'decimal(18, 8)'}})""")
        contracts = read_tables(DBT_DIR / "models" / "bronze")
        for name in BRONZE:
            columns = {column.name: column.data_type for column in contracts[name].columns} | LINEAGE
            described = ", ".join(f"{column} {kind}" for column, kind in columns.items())
            self.connection.execute(f"create table bronze.{name} ({described}, _load_number bigint)")
        self.connection.execute("""
            create table silver.customer_identities (customer_id text, system text, object text, source_ref text);
            create table silver.data_window (first_date date, last_date date);
            create table silver.mrr_bases_monthly (
                month_start_date date, contracted_mrr_amount decimal(18, 2), strict_mrr_amount decimal(18, 2),
                collected_mrr_amount decimal(18, 2));
            insert into bronze.stripe__products (product_ref, name, plan_tier, modified_at)
            values ('prod', 'Growth plan', 'Growth', '2020-01-01')""")

    def build(
        self,
        versions: list[dict[str, Any]],
        identities: dict[str, str],
        last_date: str,
        dropped: list[dict[str, Any]] | None = None,
        shuffled_by: int | None = None,
    ) -> None:
        """Replace the versions and what is built from them; `identities` is customer_ref -> customer_id."""
        self._replace("bronze.stripe__subscriptions", [bronze_version(row) for row in versions], shuffled_by)
        self._replace("bronze.files__subscriptions", dropped or [], shuffled_by)
        links = [
            {"customer_id": customer, "system": system, "object": "customers", "source_ref": ref}
            for ref, customer in identities.items()
            for system in ("stripe", "files")
        ]
        self._replace("silver.customer_identities", links, shuffled_by)
        self._replace("silver.data_window", [{"first_date": "2024-01-01", "last_date": last_date}], None)
        for statement in self.statements:
            self.connection.execute(statement)

    def _replace(self, table: str, rows: list[dict[str, Any]], shuffled_by: int | None) -> None:
        self.connection.execute(f"truncate {table}")
        if shuffled_by is not None:
            rows = random.Random(shuffled_by).sample(rows, len(rows))
        for row in rows:
            marks = ", ".join("?" for _ in row)
            self.connection.execute(
                f"insert into {table} ({', '.join(row)}) values ({marks})", list(row.values())
            )

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        return self.connection.execute(query).fetchall()

    def broken_truths(self) -> dict[str, list[tuple[Any, ...]]]:
        """Rows that break one of the project's own truths about revenue, by test; empty lists when all hold."""
        return {name: self.rows(query) for name, query in self.truths.items()}
