"""The daily job and when it runs. Not here: assets."""

import dagster as dg

from dagster_project.defs.resources import daily

daily_job = dg.define_asset_job(
    "daily",
    description="Everything, for one day: sources to landing, bronze, silver, gold, scores, published gold.",
    selection=dg.AssetSelection.all(),
    partitions_def=daily,
)

daily_schedule = dg.build_schedule_from_partitioned_job(
    daily_job,
    name="every_night",
    hour_of_day=2,
    description="At 02:00 UTC for the day before. Turn it on here; it stays off until somebody does.",
)
