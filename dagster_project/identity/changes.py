"""What became of the customers of the last run.

Here: merges, splits and renames between two runs. Not here: why (`resolve.py`).
"""

import polars as pl

from dagster_project.identity.evidence import RECORD_KEY

CHANGE_SCHEMA = {
    "change_kind": pl.String,
    "customer_id_before": pl.String,
    "customer_id_after": pl.String,
    "record_count": pl.Int64,
}


def identity_changes(previous: pl.DataFrame, identities: pl.DataFrame) -> pl.DataFrame:
    """Compare the identities of two runs by the records that both have.

    Args:
        previous: Identities of the last run: the record key and `customer_id`; any number of rows.
        identities: Identities now.

    Returns:
        One row per customer before and after that are not the same, sorted: `change_kind` (merged: the
        customer after has records of several customers before; else split: the customer before went to
        several; else renamed), `customer_id_before`, `customer_id_after`, `record_count` (records that
        moved).
    """
    columns = [*RECORD_KEY, "customer_id"]
    moved = (
        previous.select(pl.col(column).cast(pl.String) for column in columns)
        .rename({"customer_id": "customer_id_before"})
        .join(
            identities.select(columns).rename({"customer_id": "customer_id_after"}),
            on=RECORD_KEY,
            validate="1:1",
        )
        .group_by("customer_id_before", "customer_id_after")
        .agg(pl.len().cast(pl.Int64).alias("record_count"))
        .with_columns(
            before_count=pl.len().over("customer_id_after"), after_count=pl.len().over("customer_id_before")
        )
    )
    kind = (
        pl.when(pl.col("before_count") > 1)
        .then(pl.lit("merged"))
        .when(pl.col("after_count") > 1)
        .then(pl.lit("split"))
        .otherwise(pl.lit("renamed"))
    )
    return (
        moved.filter(pl.col("customer_id_before") != pl.col("customer_id_after"))
        .with_columns(change_kind=kind)
        .select(CHANGE_SCHEMA.keys())
        .sort("customer_id_before", "customer_id_after")
    )
