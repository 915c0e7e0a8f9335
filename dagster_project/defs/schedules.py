"""The jobs, the large one and its parts, and when the large one runs. Not here: assets."""

import dagster as dg

from dagster_project.contracts import gold_tables

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

daily_schedule = dg.build_schedule_from_partitioned_job(
    daily_job,
    name="every_night",
    hour_of_day=2,
    description="At 02:00 UTC for the day before. Turn it on here; it stays off until somebody does.",
)
