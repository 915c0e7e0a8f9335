"""Files that land in the inbox start a run: first they are landed, then everything is made for their last whole day.

Not here: how files are read (`ingest/files/drop.py`), and the nightly schedule.
"""

import json

import dagster as dg

from dagster_project.defs.daily_run import NoCompleteDayError, default_as_of_date
from dagster_project.defs.ingest import FILE_DROP_OBJECTS
from dagster_project.defs.resources import DAY_TAG
from dagster_project.defs.schedules import daily_job
from dagster_project.ingest.files.drop import inbox_fingerprint
from dagster_project.settings import settings

land_inbox = dg.define_asset_job(
    "land_inbox",
    description="The inbox to landing, alone; its success starts the daily job.",
    selection=dg.AssetSelection.assets(*(["landing", name] for name in FILE_DROP_OBJECTS)),
)


@dg.sensor(
    job=land_inbox,
    minimum_interval_seconds=30,
    description="Every 30 seconds: lands files that came or changed, once they stay so from one look to the next.",
)
def inbox_files(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """A run for each new content of the inbox; a copy that is still going on is waited for."""
    found = inbox_fingerprint(settings().inbox_dir)
    before = json.loads(context.cursor or "{}")
    if not found:
        return dg.SkipReason(f"No file lies in {settings().inbox_dir}.")
    if found == before.get("landed"):
        return dg.SkipReason("Nothing has changed in the inbox since its last run.")
    if found != before.get("seen"):
        context.update_cursor(json.dumps({**before, "seen": found}))
        return dg.SkipReason("Files have changed; they are taken when they stay so until the next look.")
    return dg.SensorResult(
        run_requests=[dg.RunRequest(run_key=found)], cursor=json.dumps({"seen": found, "landed": found})
    )


@dg.run_status_sensor(
    run_status=dg.DagsterRunStatus.SUCCESS,
    monitored_jobs=[land_inbox],
    request_job=daily_job,
    description="After the inbox has landed: the daily job, for the last complete day in the data.",
)
def inbox_landed(context: dg.RunStatusSensorContext) -> dg.RunRequest | dg.SkipReason:
    """The daily run of what has just landed."""
    try:
        day = settings().as_of_date or default_as_of_date()
    except NoCompleteDayError as error:
        return dg.SkipReason(str(error))
    return dg.RunRequest(run_key=context.dagster_run.run_id, tags={DAY_TAG: str(day)})


@dg.definitions
def inbox_sensors() -> dg.Definitions:
    """The sensors, where the inbox is a source."""
    if "files" not in settings().sources:
        return dg.Definitions()
    return dg.Definitions(jobs=[land_inbox], sensors=[inbox_files, inbox_landed])
