"""How frames become warehouse tables: the library's DuckDB I/O manager, with empty frames kept.

Not here: dbt's tables (dbt writes them) and the days that a table holds (`partition_expr` in an asset's metadata).
"""

from collections.abc import Sequence
from typing import Any

import dagster as dg
import polars as pl
from dagster._core.storage.db_io_manager import DbTypeHandler, TableSlice
from dagster_duckdb import DuckDBIOManager
from dagster_duckdb_polars.duckdb_polars_type_handler import DuckDBPolarsTypeHandler


class TypedFrameHandler(DuckDBPolarsTypeHandler):
    """Creates the table of an empty frame too: the library skips it, and SQL downstream would find no table."""

    def handle_output(
        self, context: dg.OutputContext, table_slice: TableSlice, obj: pl.DataFrame, connection: Any
    ) -> None:
        """Store a frame; the slice it replaces has been deleted before."""
        if obj.is_empty():
            empty = obj.to_arrow()  # noqa: F841 - DuckDB finds the frame by this name
            table = f"{table_slice.schema}.{table_slice.table}"
            connection.execute(f"create table if not exists {table} as select * from empty")
            context.add_output_metadata({"dagster/row_count": 0})
        else:
            super().handle_output(context, table_slice, obj, connection)


class WarehouseIOManager(DuckDBIOManager):
    """Reads and writes whole polars frames; the schema is the first part of the asset key."""

    @classmethod
    def _is_dagster_maintained(cls) -> bool:
        return False

    @staticmethod
    def type_handlers() -> Sequence[DbTypeHandler[Any]]:
        """Polars only."""
        return [TypedFrameHandler()]

    @staticmethod
    def default_load_type() -> type | None:
        """Inputs without annotation are polars frames."""
        return pl.DataFrame
