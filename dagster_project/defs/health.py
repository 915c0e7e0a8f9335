"""How well customers do, as assets. The method is in `health/`."""

import dagster as dg
import polars as pl

from dagster_project.contracts import gold_tables
from dagster_project.defs.resources import ONE_DAY_PER_RUN, daily
from dagster_project.defs.scored import scored_tables
from dagster_project.health.score import score_health


@dg.multi_asset(
    outs=scored_tables("customer_health"),
    ins={"features": dg.AssetIn(["gold", "customer_features"])},
    partitions_def=daily,
    backfill_policy=ONE_DAY_PER_RUN,
)
def customer_health(features: pl.DataFrame) -> pl.DataFrame:
    """The health score with its six components."""
    return score_health(features, gold_tables()["customer_health"].levels("health_level"))
