"""How assets reach the warehouse.

Whole frames through the library's DuckDB I/O manager, with empty frames kept; tables that grow with events in batches;
questions through a connection that only reads.

Not here: dbt's tables (dbt writes them) and the days that a table holds (`partition_expr` in an asset's metadata).
"""

import datetime as dt
from collections.abc import Callable, Collection, Mapping, Sequence
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
COLUMN_LINEAGE = "dagster/column_lineage"
MADE_OF = "made_of"  # the same for people
STEP_INPUTS = "silver.step_inputs"  # dbt makes it
_COLUMNS = (
    "select column_name from duckdb_columns() where database_name = current_database() and schema_name = ?"
    " and table_name = ? order by column_index"
)


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


def write_tables(frames: Mapping[str, pl.DataFrame], step: str, inputs: str) -> None:
    """Replace tables by frames, and note what they were made from, all in one transaction.

    Args:
        frames: Schema and name, and the rows.
        step: Who makes the tables.
        inputs: Stands for all that they were made from; `made_from` gives it back.
    """
    with connect(settings().warehouse_path) as connection:
        connection.begin()
        for table, frame in frames.items():
            connection.register("written", frame.to_arrow())
            connection.execute(f"create or replace table {table} as from written")
            connection.unregister("written")
        connection.execute(f"delete from {STEP_INPUTS} where step = ?", [step])
        connection.execute(f"insert into {STEP_INPUTS} values (?, ?)", [step, inputs])
        connection.commit()


def made_from(connection: duckdb.DuckDBPyConnection, step: str) -> str | None:
    """What the tables of a step were made from; None when it has not made any."""
    found = connection.execute(f"select inputs from {STEP_INPUTS} where step = ?", [step]).fetchone()
    return found[0] if found else None


def missing_day(table: str, day: str) -> dg.Failure:
    """Why a step cannot run: a daily table that it reads does not have the day.

    Args:
        table: Schema and name.
        day: `YYYY-MM-DD`.
    """
    return dg.Failure(
        f"{table} has no day {day}: run it first, with CUSTINT_AS_OF_DATE={day} make run, or materialise"
        f" {table.replace('.', '/')} of {day} in the UI",
        allow_retries=False,
    )


def stored_day(table: str, columns: Collection[str], day: dt.date) -> pl.DataFrame | None:
    """Another day of a daily table; None where it is not stored, or has other columns.

    No step waits for that day: what a step says of a change since then is empty without it.

    Args:
        table: Schema and name.
        columns: What is read.
        day: The day.
    """
    schema, name = table.split(".")
    with read_warehouse() as connection:
        known = {found for (found,) in connection.execute(_COLUMNS, [schema, name]).fetchall()}
        if not {*columns, "as_of_date"} <= known:
            return None
        query = f"select {', '.join(columns)} from {table} where as_of_date = ?"
        frame = pl.DataFrame(connection.execute(query, [day]).to_arrow_table())
    return None if frame.is_empty() else frame


def was_built(instance: dg.DagsterInstance, asset: dg.AssetKey, day: str) -> bool:
    """Whether Dagster has seen this day of an asset: a day that was built may be empty, and then it is true."""
    return day in instance.get_materialized_partitions(asset)


class TypedFrameHandler(DuckDBPolarsTypeHandler):
    """Keeps empty frames, and tells an empty day from one that was never built.

    The library skips the table of an empty frame, and SQL downstream would find no table; and it reads a day that is
    not there as a frame without rows. The figures of what is stored go to Dagster, which plots them over the days.
    """

    def load_input(self, context: dg.InputContext, table_slice: TableSlice, connection: Any) -> pl.DataFrame:
        """Read a table, or its day.

        Raises:
            dg.Failure: The table is not there, or not its day; one line that says what to run.
        """
        table = f"{table_slice.schema}.{table_slice.table}"
        days = context.asset_partition_keys if table_slice.partition_dimensions else []
        try:
            frame = super().load_input(context, table_slice, connection)
        except duckdb.CatalogException as error:
            if "does not exist" not in str(error):
                raise
            if days:
                raise missing_day(table, days[0]) from None
            raise dg.Failure(f"{table} is not there: run what writes it first", allow_retries=False) from None
        if days and frame.is_empty() and not was_built(context.instance, context.asset_key, days[0]):
            raise missing_day(table, days[0])
        return frame

    def handle_output(
        self, context: dg.OutputContext, table_slice: TableSlice, obj: pl.DataFrame, connection: Any
    ) -> None:
        """Store a frame; the slice it replaces has been deleted before.

        The lineage that the asset declares is repeated for each day, as that of dbt's tables is.
        """
        _leave_other_shape(context, table_slice, obj, connection)
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
        declared = context.definition_metadata or {}
        context.add_output_metadata(
            {name: declared[name] for name in (COLUMN_LINEAGE, MADE_OF) if name in declared}
        )


def _leave_other_shape(
    context: dg.OutputContext, table_slice: TableSlice, obj: pl.DataFrame, connection: Any
) -> None:
    """Drop a table of other columns: what a newer version writes cannot stand beside the days of an older one."""
    schema, name = table_slice.schema, table_slice.table
    stored = [found for (found,) in connection.execute(_COLUMNS, [schema, name]).fetchall()]
    if stored and stored != obj.columns:
        context.log.warning(f"{schema}.{name} has other columns now: its earlier days have to be run again")
        connection.execute(f"drop table {schema}.{name}")


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
