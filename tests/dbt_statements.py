"""The SQL statements that dbt itself executes for a build, caught so that they can be run again elsewhere.

dbt takes seconds to start, and its statements do not change between two runs of the same kind. Running them in another
warehouse is therefore the same build, a hundred times as often.
"""

from pathlib import Path
from typing import Any

import duckdb
from dbt_in_process import run_dbt

from dagster_project.settings import DBT_DIR


def caught_statements(data_dir: Path, *arguments: str, **settings: str) -> list[str]:
    """Run dbt on a data folder, in one thread; every statement it executed, in order."""
    statements: list[str] = []

    def catch(event: Any) -> None:
        if event.info.name == "SQLQuery":
            statements.append(event.data.sql)

    run_dbt(data_dir, *arguments, "--threads", "1", "--log-level", "debug", callbacks=(catch,), **settings)
    return statements


def node_statements(statements: list[str]) -> list[str]:
    """Those that build models and the tables of the bookkeeping, without dbt's questions and transactions."""
    return [
        text
        for text in statements
        if ('"node_id"' in text and "information_schema" not in text)
        or ('"master"' in text and "if not exists" in text)
    ]


def open_warehouse() -> duckdb.DuckDBPyConnection:
    """A warehouse in memory with the name that the statements use; it has the seed that bronze reads."""
    connection = duckdb.connect()
    connection.execute(f"""
        attach ':memory:' as warehouse;
        use warehouse;
        create schema bronze;
        create table bronze.currency_rates as from read_csv('{DBT_DIR / "seeds" / "currency_rates.csv"}')""")
    return connection


def execute(
    connection: duckdb.DuckDBPyConnection, statements: list[str], built_in: Path, run_in: Path
) -> None:
    """Run caught statements on the landing files of another data folder, in a session of their own as dbt does."""
    with connection.cursor() as session:
        session.execute("use warehouse; set timezone = 'UTC'")
        for statement in statements:
            session.execute(statement.replace(str(built_in), str(run_in)))
