"""Columns of a contract as polars types, for frames that tests make or check."""

import polars as pl

from dagster_project.contracts import read_tables
from dagster_project.settings import DBT_DIR

POLARS_TYPES = {
    "text": pl.String(),
    "date": pl.Date(),
    "bigint": pl.Int64(),
    "double": pl.Float64(),
    "ubigint": pl.UInt64(),
    "integer[]": pl.List(pl.Int32()),
    "boolean": pl.Boolean(),
    "decimal(18,2)": pl.Decimal(18, 2),
    "decimal(18,8)": pl.Decimal(18, 8),
}


def contract_schema(layer: str, name: str) -> pl.Schema:
    """Names, order and types of a table's columns."""
    columns = read_tables(DBT_DIR / "models" / layer)[name].columns
    return pl.Schema({column.name: POLARS_TYPES[column.data_type] for column in columns})
