"""Compares a table in a DuckDB database with its contract. Not here: the contracts, and what a violation stops."""

import duckdb

from dagster_project.contracts import Column, Table

_ALIASES = {"TEXT": "VARCHAR"}


def _duckdb_type(column: Column) -> str:
    name = column.data_type.upper().replace(" ", "")
    return _ALIASES.get(name, name)


def _rules(column: Column) -> dict[str, str]:
    """What breaks the contract of a column, in words with a place for what was found, and the SQL that finds it."""
    name = f'"{column.name}"'
    rules = {}
    if column.not_null:
        rules[f"{column.name} is empty in {{}} rows"] = f"nullif(count(*) filter ({name} is null), 0)"
    if column.accepted:
        accepted = ", ".join("'" + value.replace("'", "''") + "'" for value in column.accepted)
        rules[f"{column.name} has the value {{!r}}"] = (
            f"list(distinct {name}) filter ({name} not in ({accepted}))"
        )
    if column.unit == "0-1" or (column.name.endswith("_score") and column.unit == "0-100"):
        top = 1 if column.unit == "0-1" else 100
        outside = f"nullif(count(*) filter (not ({name} between 0 and {top})), 0)"
        rules[f"{column.name} is outside 0 to {top} in {{}} rows"] = outside
    return rules


def _broken_rules(connection: duckdb.DuckDBPyConnection, table: Table) -> list[str]:
    """All rules of all columns in one pass over the table."""
    rules = {words: query for column in table.columns for words, query in _rules(column).items()}
    if not rules:
        return []
    (found,) = connection.execute(f"select {', '.join(rules.values())} from gold.{table.name}").fetchall()
    return [
        words.format(value)
        for words, values in zip(rules, found, strict=True)
        for value in (sorted(values) if isinstance(values, list) else [values])
        if value is not None
    ]


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
    violations = _broken_rules(connection, table)
    if table.grain:
        keys = ", ".join(table.grain)
        query = (
            f"select count(*) from (select {keys} from gold.{table.name} group by {keys} having count(*) > 1)"
        )
        (duplicates,) = connection.execute(query).fetchall()[0]
        if duplicates:
            violations.append(f"{duplicates} keys ({keys}) stand in more than one row")
    return violations
