"""Who is about to leave, as assets. The method is in `churn/`."""

import datetime as dt

import dagster as dg
import polars as pl

from dagster_project.day_figures import as_markdown, calibration_curve
from dagster_project.defs.resources import ONE_DAY_PER_RUN, daily
from dagster_project.defs.scored import scored_tables
from dagster_project.defs.warehouse_io import read_warehouse
from dagster_project.settings import settings

RANDOM_STATE = 20240930


@dg.multi_asset(
    outs=scored_tables("customer_churn", "churn_explanations", "churn_model_metrics", "churn_calibration"),
    ins={"features": dg.AssetIn(["gold", "customer_features"])},
    deps=[
        dg.AssetKey(["silver", "customer_feature_snapshots"])
    ],  # read where a model is trained: once a month
    partitions_def=daily,
    backfill_policy=ONE_DAY_PER_RUN,
)
def customer_churn(
    context: dg.AssetExecutionContext, features: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Calibrated churn probabilities with reasons, by the model that holds for the day; models are kept in MLflow."""
    from dagster_project.churn.model_life import model_of  # xgboost, scikit-learn, MLflow: seconds each
    from dagster_project.churn.score import apply_churn
    from dagster_project.churn.tracking import ModelFilesError

    day = dt.date.fromisoformat(context.partition_key)
    folder, horizon_days = settings().model_tracking_dir, settings().churn_horizon_days
    try:
        choice = model_of(folder, features, _snapshots, day, horizon_days, RANDOM_STATE)
    except ModelFilesError as error:
        raise dg.Failure(str(error), allow_retries=False) from None
    context.log.info(choice.words)
    result = apply_churn(choice.with_measures(), features, day)
    if not result.calibration.is_empty():
        title = "Churn: seen share over predicted probability, later snapshots"
        predicted, seen = (
            result.calibration[name].to_list() for name in ("predicted_probability", "seen_share")
        )
        curve = as_markdown(calibration_curve(predicted, seen, title), title)
        context.add_output_metadata({"calibration": dg.MetadataValue.md(curve)}, "churn_calibration")
    return result.customers, result.explanations, result.metrics, result.calibration


def _snapshots() -> pl.DataFrame:
    with read_warehouse() as connection:
        return connection.execute("from silver.customer_feature_snapshots").pl()
