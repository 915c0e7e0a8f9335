"""What to offer whom, as assets. The methods are in `incentives/`."""

import datetime as dt

import dagster as dg
import polars as pl

from dagster_project.defs.resources import ONE_DAY_PER_RUN, daily
from dagster_project.defs.scored import scored_tables
from dagster_project.incentives.effects import acceptance_shares, estimate_effects, learn_effects
from dagster_project.incentives.recommend import recommend_incentives


@dg.multi_asset(
    outs=scored_tables("incentive_effects"),
    ins={"outcomes": dg.AssetIn(["silver", "incentive_training_examples"])},
    partitions_def=daily,
    backfill_policy=ONE_DAY_PER_RUN,
)
def incentive_effects(context: dg.AssetExecutionContext, outcomes: pl.DataFrame) -> pl.DataFrame:
    """What each offer did to retention in the past randomised experiments."""
    return estimate_effects(outcomes, dt.date.fromisoformat(context.partition_key))


@dg.multi_asset(
    outs=scored_tables("customer_incentives"),
    ins={
        "features": dg.AssetIn(["gold", "customer_features"]),
        "churn": dg.AssetIn(["gold", "customer_churn"]),
        "clv": dg.AssetIn(["gold", "customer_clv"]),
        "outcomes": dg.AssetIn(["silver", "incentive_training_examples"]),
        "catalogue": dg.AssetIn(["bronze", "incentive_catalogue"]),
    },
    partitions_def=daily,
    backfill_policy=ONE_DAY_PER_RUN,
)
def customer_incentives(
    context: dg.AssetExecutionContext,
    features: pl.DataFrame,
    churn: pl.DataFrame,
    clv: pl.DataFrame,
    outcomes: pl.DataFrame,
    catalogue: pl.DataFrame,
) -> pl.DataFrame:
    """The offer with the best positive expected return for each customer, or none."""
    day = dt.date.fromisoformat(context.partition_key)
    return recommend_incentives(
        features,
        churn,
        clv,
        learn_effects(outcomes, day),
        catalogue,
        acceptance_shares(outcomes, day),
    )
