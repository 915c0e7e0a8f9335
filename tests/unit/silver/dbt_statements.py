"""The SQL statements that dbt itself executes for a build, caught so that they can be run again elsewhere.

dbt takes seconds to start, and its statements do not change between two runs of the same kind. Running them in another
warehouse is therefore the same build, a hundred times as often.
"""

import os
from pathlib import Path
from typing import Any
from unittest import mock

import duckdb
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner

from dagster_project.settings import DBT_DIR


def run_dbt(data_dir: Path, *arguments: str, **settings: str) -> list[str]:
    """Run dbt in this process on a data folder, in one thread; every statement it executed, in order."""
    statements: list[str] = []

    def catch(event: Any) -> None:
        if event.info.name == "SQLQuery":
            statements.append(event.data.sql)

    environment = {"CUSTINT_DATA_DIR": str(data_dir), "DBT_SEND_ANONYMOUS_USAGE_STATS": "false", **settings}
    with mock.patch.dict(os.environ, environment):
        outcome = dbtRunner(callbacks=[catch]).invoke(
            [
                *arguments, "--threads", "1", "--quiet", "--log-level", "debug", "--log-level-file", "none",
                "--project-dir", str(DBT_DIR), "--profiles-dir", str(DBT_DIR),
                "--target-path", str(data_dir / "dbt"), "--log-path", str(data_dir / "dbt"),
            ]
        )  # fmt: skip
    DuckDBConnectionManager.close_all_connections()  # else the file stays open with dbt's settings
    assert outcome.success, outcome.exception or [
        f"{result.node.name}: {result.message}"
        for result in outcome.result
        if result.status not in ("success", "pass")
    ]
    return statements


def node_statements(statements: list[str]) -> list[str]:
    """Those that build models, without dbt's questions about which tables there are and without transactions."""
    return [text for text in statements if '"node_id"' in text and "information_schema" not in text]


def open_warehouse() -> duckdb.DuckDBPyConnection:
    """A warehouse in memory with the name that the statements use; it has the seeds and no loads."""
    connection = duckdb.connect()
    connection.execute(f"""
        attach ':memory:' as warehouse;
        use warehouse;
        create schema bronze; create schema silver; create schema quarantine;
        create table bronze.currency_rates as from read_csv('{DBT_DIR / "seeds" / "currency_rates.csv"}');
        create table bronze.loaded_files (object varchar, file varchar, load_number bigint);
        create table silver.processed_loads (model varchar, object varchar, load_number bigint)""")
    return connection


def execute(
    connection: duckdb.DuckDBPyConnection, statements: list[str], built_in: Path, run_in: Path
) -> None:
    """Run caught statements on the landing files of another data folder, in a session of their own as dbt does."""
    with connection.cursor() as session:
        session.execute("use warehouse; set timezone = 'UTC'")
        for statement in statements:
            session.execute(statement.replace(str(built_in), str(run_in)))
