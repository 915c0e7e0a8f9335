"""The jobs, the large one and its parts, and when the large one runs. Not here: assets."""

import datetime as dt

import dagster as dg

from dagster_project.contracts import gold_tables
from dagster_project.defs.resources import DAY_TAG
from dagster_project.settings import SAMPLE_END_DATE, settings

daily_job = dg.define_asset_job(
    "daily",
    description="Everything, for one day: sources to landing, bronze, silver, gold, scores, published gold.",
    selection=dg.AssetSelection.all(),
)

_LANDING = dg.AssetSelection.groups("landing")
_FEATURES = dg.AssetSelection.assets(["gold", "customer_features"])
_MARTS = dg.AssetSelection.assets(["gold", "customer_360"])
_WRITTEN_BY_PYTHON = dg.AssetSelection.assets(
    *(["gold", name] for name, table in gold_tables().items() if table.is_written_by_python)
)

ingest_job = dg.define_asset_job(
    "ingest", description="What the sources have that is new, to landing; nothing else.", selection=_LANDING
)

scores_job = dg.define_asset_job(
    "scores",
    description="The day's features, scores and `customer_360` anew, from the silver and gold that is there.",
    selection=_FEATURES | _WRITTEN_BY_PYTHON | _MARTS,
)

publish_job = dg.define_asset_job(
    "publish",
    description="The gold that is there, to the file that analysts open.",
    selection=dg.AssetSelection.groups("published"),
)


@dg.schedule(
    job=daily_job,
    cron_schedule="0 2 * * *",
    execution_timezone="UTC",
    description="At 02:00 UTC for the day before. Turn it on here; it stays off until somebody does.",
)
def every_night(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """The day before; of the sample company its last day, which is run once."""
    day = context.scheduled_execution_time.date() - dt.timedelta(days=1)
    if settings().sources == ("sample",):
        day = settings().as_of_date or SAMPLE_END_DATE
    return dg.RunRequest(run_key=day.isoformat(), tags={DAY_TAG: day.isoformat()})
