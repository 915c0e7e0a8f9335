"""The billing models on hand-made invoices: the SQL that dbt compiles, run in a warehouse in memory.

Compiled once, because dbt takes seconds to start and its SQL does not depend on the rows. Not here: the stories.
"""

from pathlib import Path
from typing import Any

import duckdb
from dbt_in_process import run_dbt
from subscription_rows import bronze_version

from dagster_project.contracts import read_tables
from dagster_project.settings import DBT_DIR

MODELS = (
    "exchange_rates", "received_invoices", "received_refunds", "received_payments", "received_disputes",
    "received_credit_notes", "credit_notes", "received_transaction_lines", "invoice_payments", "charges", "money_back",
    "invoice_settlements", "transactions", "open_amount_changes", "spend_changes", "payments",
    "received_subscription_versions", "subscription_items", "transaction_lines", "billed_subscription_items",
    "subscription_item_versions", "subscription_terms", "subscription_periods", "revenue_months",
    "customer_mrr_monthly", "fct_mrr_movements", "subscription_bills", "mrr_bases_monthly", "revenue_monthly",
    "revenue_differences", "fct_transactions", "fct_spend_changes", "dim_product", "fct_transaction_lines",
    "fct_product_ownership", "revenue_reconciliation",
)  # fmt: skip
TRUTHS = (
    "assert_transaction_lines_add_up", "assert_billed_is_settled", "assert_revenue_reconciliation_ties_out",
    "assert_no_billed_revenue_is_unexplained", "assert_spend_follows_the_money",
)  # fmt: skip
BRONZE = (
    "stripe__subscriptions", "stripe__products", "stripe__invoices", "stripe__invoice_lines", "stripe__charges",
    "stripe__refunds", "stripe__credit_notes", "stripe__disputes", "stripe__prices", "stripe__customers",
    "files__subscriptions", "files__transactions", "files__transaction_lines",
    "files__products",
)  # fmt: skip
LINEAGE = {
    "_source_file": "text", "_source_line": "bigint", "_loaded_at": "timestamp", "_load_number": "bigint"
}  # fmt: skip
Rows = list[dict[str, Any]]


class BillingWarehouse:
    """Loads bronze rows, builds the billing models from them and answers questions about the result."""

    def __init__(self, data_dir: Path) -> None:
        compiled = run_dbt(data_dir, "compile", "--select", *MODELS, *TRUTHS)
        self.sql_of = {run.node.name: run.node.compiled_code for run in compiled.results}
        schema_of = {run.node.name: run.node.schema for run in compiled.results}
        self.statements = [
            f"create or replace table {schema_of[name]}.{name} as {self.sql_of[name]}" for name in MODELS
        ]
        self.connection = duckdb.connect()
        self.connection.execute("""
            attach ':memory:' as warehouse; set timezone = 'UTC'; set threads = 1;
            use warehouse; create schema bronze; create schema silver; create schema gold""")
        seeds = DBT_DIR / "seeds"
        self.connection.execute(f"""
            create table bronze.currency_rates as
            from read_csv('{seeds / "currency_rates.csv"}', types = {{'usd_rate': 'decimal(18, 8)'}});
            create table bronze.reconciliation_lines as from read_csv('{seeds / "reconciliation_lines.csv"}')""")
        contracts = read_tables(DBT_DIR / "models" / "bronze")
        for name in BRONZE:
            columns = {column.name: column.data_type for column in contracts[name].columns} | LINEAGE
            described = ", ".join(f"{column} {kind}" for column, kind in columns.items())
            self.connection.execute(f"create table bronze.{name} ({described})")
        self.connection.execute("""
            create table silver.customer_identities (customer_id text, system text, object text, source_ref text);
            insert into silver.customer_identities values
                ('c', 'stripe', 'customers', 'cus'), ('c', 'files', 'customers', 'acc');
            create table silver.data_window (first_date date, last_date date)""")

    def build(self, last_date: str, **bronze: Rows) -> None:
        """Replace all bronze rows (`invoices=[...]`, `files__transactions=[...]`) and what is built from them."""
        given = {name if "__" in name else f"stripe__{name}": rows for name, rows in bronze.items()}
        assert given.keys() <= set(BRONZE)
        for name in BRONZE:
            self.connection.execute(f"truncate bronze.{name}")
            for row in (
                map(bronze_version, given.get(name, []))
                if name == "stripe__subscriptions"
                else given.get(name, [])
            ):
                marks = ", ".join("?" for _ in row)
                self.connection.execute(
                    f"insert into bronze.{name} ({', '.join(row)}) values ({marks})", list(row.values())
                )
        self.connection.execute("truncate silver.data_window")
        self.connection.execute("insert into silver.data_window values ('2024-01-01', ?)", [last_date])
        for statement in self.statements:
            self.connection.execute(statement)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        return self.connection.execute(query).fetchall()

    def statement(self, name: str) -> dict[str, dict[str, float]]:
        """The lines of a statement that are not nothing, by month (`2026-01`) and line."""
        months: dict[str, dict[str, float]] = {}
        for month, line, amount in self.rows(f"""
            select strftime(month_start_date, '%Y-%m'), line_item, cast(statement_amount as double)
            from gold.revenue_reconciliation
            where statement_name = '{name}' and statement_amount <> 0 order by line_number"""):
            months.setdefault(month, {})[line] = amount
        return months

    def broken_truths(self) -> dict[str, list[tuple[Any, ...]]]:
        """Rows that break one of the project's truths about billing, by test; nothing when all hold."""
        found = {name: self.rows(self.sql_of[name]) for name in TRUTHS}
        return {name: rows for name, rows in found.items() if rows}
