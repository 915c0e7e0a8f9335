"""How a gold table that Python writes becomes an asset: its outputs and its blocking check, from its contract.

Not here: the tables themselves; each is in the file of its domain.
"""

import dagster as dg

from dagster_project.contracts import gold_tables
from dagster_project.defs.dbt import column_schema
from dagster_project.defs.lineage import declared_lineage, lineage_metadata
from dagster_project.defs.resources import ANALYTICS, NIGHTLY
from dagster_project.defs.warehouse_io import read_warehouse
from dagster_project.quality.contract_check import contract_violations


def scored_tables(*names: str) -> dict[str, dg.AssetOut]:
    """Outputs of a step that writes these gold tables, one daily partition each."""
    return {
        name: dg.AssetOut(
            key=["gold", name],
            description=gold_tables()[name].description,
            group_name="gold",
            owners=[ANALYTICS],
            freshness_policy=NIGHTLY,
            kinds={"python", "polars", "duckdb"},
            metadata={
                "partition_expr": "as_of_date",
                "dagster/column_schema": column_schema(gold_tables()[name]),
                **lineage_metadata(declared_lineage(gold_tables()[name])),
                "dagster/table_name": f"gold.{name}",
            },
        )
        for name in names
    }


def contract_check(name: str) -> dg.AssetChecksDefinition:
    """The blocking check that a scored table meets its contract."""

    @dg.asset_check(
        asset=["gold", name],
        name="contract",
        blocking=True,
        description="Columns, types, keys and allowed values are the contract's; a violation stops publishing.",
    )
    def contract() -> dg.AssetCheckResult:
        with read_warehouse() as connection:
            violations = contract_violations(connection, gold_tables()[name])
        return dg.AssetCheckResult(
            passed=not violations,
            description="; ".join(violations) or "meets the contract",
            metadata={"violations": len(violations)},
        )

    return contract


contract_checks = [
    contract_check(name) for name, table in gold_tables().items() if table.is_written_by_python
]
