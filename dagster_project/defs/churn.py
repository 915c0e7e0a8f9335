"""Who is about to leave, as assets. The method is in `churn/`."""

import datetime as dt

import dagster as dg
import polars as pl

from dagster_project.day_figures import as_markdown, calibration_curve
from dagster_project.defs.resources import ONE_DAY_PER_RUN, daily
from dagster_project.defs.scored import scored_tables
from dagster_project.settings import settings

RANDOM_STATE = 20240930


@dg.multi_asset(
    outs=scored_tables("customer_churn", "churn_explanations", "churn_model_metrics", "churn_calibration"),
    ins={
        "features": dg.AssetIn(["gold", "customer_features"]),
        "snapshots": dg.AssetIn(["silver", "customer_feature_snapshots"]),
    },
    partitions_def=daily,
    backfill_policy=ONE_DAY_PER_RUN,
)
def customer_churn(
    context: dg.AssetExecutionContext, features: pl.DataFrame, snapshots: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Calibrated churn probabilities with reasons; the model and its metrics go to MLflow."""
    from dagster_project.churn.score import score_churn  # xgboost, scikit-learn, MLflow: seconds each
    from dagster_project.churn.tracking import log_churn_model

    as_of_date = dt.date.fromisoformat(context.partition_key)
    result = score_churn(features, snapshots, as_of_date, settings().churn_horizon_days, RANDOM_STATE)
    run_name = log_churn_model(settings().model_tracking_dir, result, as_of_date)
    if not result.calibration.is_empty():
        title = "Churn: seen share over predicted probability, later snapshots"
        predicted, seen = (
            result.calibration[name].to_list() for name in ("predicted_probability", "seen_share")
        )
        curve = as_markdown(calibration_curve(predicted, seen, title), title)
        context.add_output_metadata({"calibration": dg.MetadataValue.md(curve)}, "churn_calibration")
    context.log.info(f"model logged to MLflow as {run_name}")
    return result.customers, result.explanations, result.metrics, result.calibration
