"""How well customers do, as assets. The method is in `health/`."""

import datetime as dt

import dagster as dg
import polars as pl

from dagster_project.contracts import gold_tables
from dagster_project.defs.resources import ONE_DAY_PER_RUN, daily
from dagster_project.defs.scored import scored_tables
from dagster_project.defs.warehouse_io import stored_day
from dagster_project.health.change import WINDOWS_DAYS
from dagster_project.health.score import score_health


@dg.multi_asset(
    outs=scored_tables("customer_health"),
    ins={
        "features": dg.AssetIn(["gold", "customer_features"]),
        "rfm": dg.AssetIn(["gold", "customer_rfm"]),
    },
    partitions_def=daily,
    backfill_policy=ONE_DAY_PER_RUN,
)
def customer_health(
    context: dg.AssetExecutionContext, features: pl.DataFrame, rfm: pl.DataFrame
) -> pl.DataFrame:
    """The health score: the points of its six components, what moved it, and where it stands among the others."""
    day = dt.date.fromisoformat(context.partition_key)
    stored = {
        days: stored_day("gold.customer_features", features.columns, day - dt.timedelta(days))
        for days in WINDOWS_DAYS
    }
    earlier = {days: frame for days, frame in stored.items() if frame is not None}
    return score_health(features, rfm, gold_tables()["customer_health"].levels("health_level"), earlier)
