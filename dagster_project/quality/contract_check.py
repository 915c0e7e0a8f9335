"""Compares a table in a DuckDB database with its contract. Not here: the contracts, and what a violation stops."""

import duckdb

from dagster_project.contracts import Column, Table

_ALIASES = {"TEXT": "VARCHAR"}


def _duckdb_type(column: Column) -> str:
    name = column.data_type.upper().replace(" ", "")
    return _ALIASES.get(name, name)


def _column_violations(connection: duckdb.DuckDBPyConnection, table: Table, column: Column) -> list[str]:
    violations = []
    name = f'"{column.name}"'
    if column.not_null:
        (nulls,) = connection.execute(
            f"select count(*) from gold.{table.name} where {name} is null"
        ).fetchall()[0]
        if nulls:
            violations.append(f"{column.name} is empty in {nulls} rows")
    if column.accepted:
        query = f"select distinct {name} from gold.{table.name} where not list_contains(?, {name})"
        strangers = connection.execute(query, [column.accepted]).fetchall()
        violations += [f"{column.name} has the value {value!r}" for (value,) in strangers]
    if column.unit == "0-1" or column.name.endswith("_score") and column.unit == "0-100":
        top = 1 if column.unit == "0-1" else 100
        query = f"select count(*) from gold.{table.name} where not ({name} between 0 and {top})"
        (outside,) = connection.execute(query).fetchall()[0]
        if outside:
            violations.append(f"{column.name} is outside 0 to {top} in {outside} rows")
    return violations


def contract_violations(connection: duckdb.DuckDBPyConnection, table: Table) -> list[str]:
    """What is wrong with `gold.<table>`, one sentence each; empty when the contract is met.

    Args:
        connection: An open database that has the table in schema `gold`.
        table: The contract: column names, order and types, not-null columns, accepted values, ranges, grain.
    """
    actual = connection.execute(
        "select column_name, data_type from duckdb_columns()"
        " where database_name = current_database() and schema_name = 'gold' and table_name = ? order by column_index",
        [table.name],
    ).fetchall()
    if not actual:
        return [f"gold.{table.name} does not exist"]
    expected = [(column.name, _duckdb_type(column)) for column in table.columns]
    if actual != expected:
        missing = [f"{name} {kind}" for name, kind in expected if (name, kind) not in actual]
        surplus = [f"{name} {kind}" for name, kind in actual if (name, kind) not in expected]
        if not missing and not surplus:
            return [f"columns stand in another order: {[name for name, _ in actual]}"]
        return [f"columns differ: contract only {missing}, table only {surplus}"]
    violations = [text for column in table.columns for text in _column_violations(connection, table, column)]
    if table.grain:
        keys = ", ".join(table.grain)
        query = (
            f"select count(*) from (select {keys} from gold.{table.name} group by {keys} having count(*) > 1)"
        )
        (duplicates,) = connection.execute(query).fetchall()[0]
        if duplicates:
            violations.append(f"{duplicates} keys ({keys}) stand in more than one row")
    return violations
