"""What customers are worth, as assets. The methods are in `value/`."""

import datetime as dt

import dagster as dg
import polars as pl

from dagster_project.defs.resources import ONE_DAY_PER_RUN, daily
from dagster_project.defs.scored import scored_tables
from dagster_project.defs.warehouse_io import stored_day
from dagster_project.settings import settings
from dagster_project.value.activity import score_activity
from dagster_project.value.clv import BEFORE, CHANGE_DAYS, score_clv
from dagster_project.value.contest import run_contest
from dagster_project.value.next_purchase import score_next_purchase
from dagster_project.value.rfm import score_rfm
from dagster_project.value.value_rows import Terms


@dg.multi_asset(
    outs=scored_tables("customer_rfm"),
    ins={"features": dg.AssetIn(["gold", "customer_features"])},
    partitions_def=daily,
    backfill_policy=ONE_DAY_PER_RUN,
)
def customer_rfm(features: pl.DataFrame) -> pl.DataFrame:
    """Recency, frequency and spend, scored among the customers of the day."""
    return score_rfm(features)


@dg.multi_asset(
    outs=scored_tables("clv_model_contest"),
    ins={
        "features": dg.AssetIn(["gold", "customer_features"]),
        "purchase_days": dg.AssetIn(["silver", "purchase_days"]),
    },
    partitions_def=daily,
    backfill_policy=ONE_DAY_PER_RUN,
)
def clv_model_contest(
    context: dg.AssetExecutionContext, features: pl.DataFrame, purchase_days: pl.DataFrame
) -> pl.DataFrame:
    """Which model would have said best what buyers spent in the last window that is over."""
    return run_contest(purchase_days, features, dt.date.fromisoformat(context.partition_key))


@dg.multi_asset(
    outs=scored_tables("customer_clv", "clv_model_parameters"),
    ins={
        "features": dg.AssetIn(["gold", "customer_features"]),
        "purchase_days": dg.AssetIn(["silver", "purchase_days"]),
        "contest": dg.AssetIn(["gold", "clv_model_contest"]),
        "churn": dg.AssetIn(["gold", "customer_churn"]),
    },
    partitions_def=daily,
    backfill_policy=ONE_DAY_PER_RUN,
)
def customer_clv(
    context: dg.AssetExecutionContext,
    features: pl.DataFrame,
    purchase_days: pl.DataFrame,
    contest: pl.DataFrame,
    churn: pl.DataFrame,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Expected margin of the days to come with its interval, and the fitted parameters."""
    earlier = dt.date.fromisoformat(context.partition_key) - dt.timedelta(CHANGE_DAYS)
    terms = Terms(settings().gross_margin_share, settings().annual_discount_share)
    before = stored_day("gold.customer_clv", BEFORE, earlier)
    return score_clv(features, purchase_days, contest, churn, settings().churn_horizon_days, terms, before)


@dg.multi_asset(
    outs=scored_tables("customer_next_purchase"),
    ins={
        "features": dg.AssetIn(["gold", "customer_features"]),
        "purchase_days": dg.AssetIn(["silver", "purchase_days"]),
        "contest": dg.AssetIn(["gold", "clv_model_contest"]),
    },
    partitions_def=daily,
    backfill_policy=ONE_DAY_PER_RUN,
)
def customer_next_purchase(
    context: dg.AssetExecutionContext,
    features: pl.DataFrame,
    purchase_days: pl.DataFrame,
    contest: pl.DataFrame,
) -> pl.DataFrame:
    """When customers without a contract buy next, and for how much."""
    return score_next_purchase(features, purchase_days, contest, dt.date.fromisoformat(context.partition_key))


@dg.multi_asset(
    outs=scored_tables("customer_activity"),
    ins={"features": dg.AssetIn(["gold", "activity_features"])},
    partitions_def=daily,
    backfill_policy=ONE_DAY_PER_RUN,
)
def customer_activity(features: pl.DataFrame) -> pl.DataFrame:
    """How much customers do, where it goes, and who has been quiet for longer than is usual for them."""
    return score_activity(features)
