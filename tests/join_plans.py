"""Joins that compare every row of one table with every row of another, found in DuckDB's own plans.

A join by an equality is a hash join, one as of a moment is sorted; both grow with the rows. The others grow with the
product of both sides, which is fine only while one side stays small. Read as JSON: the text form cuts deep plans.
"""

import json
from collections.abc import Iterator
from typing import Any

import duckdb

COMPARES_EVERYTHING = {
    "NESTED_LOOP_JOIN", "BLOCKWISE_NL_JOIN", "PIECEWISE_MERGE_JOIN", "IE_JOIN", "CROSS_PRODUCT", "POSITIONAL_JOIN",
}  # fmt: skip

SMALL_TABLES = {
    "data_window": "one row",
    "feature_dates": "the month-ends that models learn from",
    "revenue_months": "a row per month",
    "revenue_monthly": "a row per month",
    "currency_rates": "a currency has few rates; none depends on customers",
    "reconciliation_lines": "a fixed list",
    "satisfaction_metrics": "a fixed list",
    "fault_kinds": "a fixed list",
    "business_schedules": "the support desk's schedules",
    "weekly_business_hours": "the support desk's schedules",
    "default_business_hours": "seven rows",
    "first_reply_targets": "four rows",
    "default_business_holidays": "a fixed list",
    "zendesk__schedules": "the support desk's schedules",
    "zendesk__holidays": "the support desk's schedules",
}
"""Tables that a join may compare with everything, and why they stay small while customers, events and days grow."""

Node = dict[str, Any]


def costly_joins(connection: duckdb.DuckDBPyConnection, query: str) -> list[str]:
    """One line per join of the query that compares everything with everything; empty when it has none.

    Args:
        connection: A warehouse that has the query's tables.
        query: A SELECT.
    """
    connection.execute("set asof_loop_join_threshold = 0")  # as every connection of the project has it
    ((_, plan),) = connection.execute(f"explain (format json) {query}").fetchall()
    (root,) = json.loads(plan)
    definitions = {node["extra_info"]["Table Index"]: node for node in _nodes(root) if node["name"] == "CTE"}
    found = []
    for node in _nodes(root):
        if node["name"] in COMPARES_EVERYTHING:
            sides = [_tables(side, definitions) for side in node["children"]]
            if all(sides):
                found.append(f"{node['name']}: {' x '.join(', '.join(sorted(side)) for side in sides)}")
    return found


def _nodes(node: Node) -> Iterator[Node]:
    node["name"] = node["name"].strip()
    yield node
    for child in node["children"]:
        yield from _nodes(child)


def _tables(node: Node, definitions: dict[str, Node]) -> set[str]:
    """Tables by which the rows of a node grow; none when it stays small."""
    name, info = node["name"], node["extra_info"]
    if name in ("UNGROUPED_AGGREGATE", "DUMMY_SCAN", "EMPTY_RESULT"):
        return set()  # one row, or none
    if name == "COLUMN_DATA_SCAN":
        return set() if info.get("Estimated Cardinality") == "1" else {"a list of values"}
    if name == "CTE_SCAN":
        return _tables(definitions[info["CTE Index"]]["children"][0], definitions)
    if name == "CTE":
        return _tables(node["children"][1], definitions)
    if not node["children"]:
        table = info.get("Table", info.get("Function", name)).split(".")[-1]
        return set() if table in SMALL_TABLES else {table}
    return set().union(*(_tables(child, definitions) for child in node["children"]))
