"""How assets reach the warehouse.

Whole frames through the library's DuckDB I/O manager, with empty frames kept; tables that grow with events in batches;
questions through a connection that only reads.

Not here: dbt's tables (dbt writes them) and the days that a table holds (`partition_expr` in an asset's metadata).
"""

from collections.abc import Callable, Sequence
from typing import Any

import dagster as dg
import duckdb
import polars as pl
from dagster._core.storage.db_io_manager import DbTypeHandler, TableSlice
from dagster_duckdb import DuckDBIOManager
from dagster_duckdb_polars.duckdb_polars_type_handler import DuckDBPolarsTypeHandler

from dagster_project.databases import connect
from dagster_project.day_figures import day_figures, day_picture
from dagster_project.settings import settings

BATCH_ROWS = 50_000


def read_warehouse() -> duckdb.DuckDBPyConnection:
    """The warehouse, to ask it something."""
    return connect(settings().warehouse_path, read_only=True)


def write_in_batches(
    table: str, query: str, transform: Callable[[pl.DataFrame], pl.DataFrame], batch_rows: int = BATCH_ROWS
) -> int:
    """Replace a table by the rows of a query, each batch of them transformed, in bounded memory and in one transaction.

    Args:
        table: Schema and name.
        query: What is read; its order decides what is in a batch.
        transform: Frame in, frame out; must take a frame without rows, which says the columns.
        batch_rows: Rows that are in memory at a time.

    Returns:
        Rows written.
    """
    with connect(settings().warehouse_path) as connection:
        rows = connection.cursor().execute(query).to_arrow_reader(batch_rows)
        empty = transform(pl.DataFrame(pl.from_arrow(rows.schema.empty_table()))).to_arrow()  # noqa: F841
        connection.begin()
        connection.execute(f"create or replace table {table} as from empty")
        row_count = 0
        for batch in rows:
            written = transform(pl.DataFrame(pl.from_arrow(batch))).to_arrow()
            connection.execute(f"insert into {table} from written")
            row_count += len(written)
        connection.commit()
    return row_count


class TypedFrameHandler(DuckDBPolarsTypeHandler):
    """Creates the table of an empty frame too: the library skips it, and SQL downstream would find no table.

    The figures of what is stored go to Dagster, which plots them over the days.
    """

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
            picture = day_picture(table_slice.table, obj)
            figures: dict[str, Any] = dict(day_figures(table_slice.table, obj))
            context.add_output_metadata(
                figures | ({"picture": dg.MetadataValue.md(picture)} if picture else {})
            )


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
