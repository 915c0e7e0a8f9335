"""What assets run on: the warehouse I/O manager, what dbt reads, and the days that can be scored.

Not here: assets, jobs and schedules.
"""

import datetime as dt
import json
import multiprocessing
import os

import dagster as dg

from dagster_project.databases import limit_databases
from dagster_project.defs.warehouse_io import WarehouseIOManager
from dagster_project.expected_days import any_day_is_taken, expected_days, read_run_days
from dagster_project.settings import settings

DAY_TAG = "dagster/partition"
"""Tag of a run with its day. Who starts a run by the tag may name any day; by a partition, an expected one alone."""


def _days() -> dg.DailyPartitionsDefinition:
    """What the UI shows are the expected days. A process that works for a run takes whatever day the run is for.

    Such a process is the command line, or one that Dagster's code server has started for the run.
    """
    if any_day_is_taken() or multiprocessing.parent_process() is not None:
        return dg.DailyPartitionsDefinition(settings().earliest_day.isoformat())
    yesterday = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=1)
    first, last = expected_days(settings(), read_run_days(settings().run_days_path), yesterday)
    end = (last + dt.timedelta(days=1)).isoformat() if last else None
    return dg.DailyPartitionsDefinition(first.isoformat(), end)


daily = _days()
ONE_DAY_PER_RUN = dg.BackfillPolicy.multi_run()

POLL_SECONDS = 30

DAGSTER_YAML = """\
event_log_storage:
  module: dagster_project.defs.event_log
  class: KeptConnections
  config:
    base_dir: {event_log_dir}
telemetry:
  enabled: false
nux:
  enabled: false
freshness:
  enabled: true
python_logs:
  managed_python_loggers: [dagster_project]
  python_log_level: INFO
concurrency:
  runs:
    max_concurrent_runs: 1  # DuckDB has one writer
run_monitoring:
  enabled: true
  poll_interval_seconds: {poll_seconds}
  max_runtime_seconds: {max_seconds}  # CUSTINT_MAX_RUN_MINUTES; `run` sees to it by itself
"""

StepContext = dg.AssetExecutionContext | dg.AssetCheckExecutionContext
NIGHTLY = dg.FreshnessPolicy.time_window(
    warn_window=dt.timedelta(hours=26), fail_window=dt.timedelta(hours=50)
)
"""What comes every night and has not come for a day and two hours is late; after a second night it is missing."""

DATA_ENGINEERING = "team:data-engineering"
ANALYTICS = "team:analytics"


def run_as_of_date(context: StepContext) -> dt.date | None:
    """The day that the run scores; None in a run without one, such as an ingest alone."""
    partition_key = context.run.tags.get(DAY_TAG)
    return dt.date.fromisoformat(partition_key) if partition_key else settings().as_of_date


def tell_dbt(as_of_date: dt.date | None, fingerprint: str) -> None:
    """Put the settings of a run where dbt reads them: the environment of this process and its children.

    Args:
        as_of_date: The day that the run scores.
        fingerprint: Of what shapes stored rows; incremental tables that were built under another are built anew.
    """
    os.environ.update(settings().for_dbt(as_of_date) | {"CUSTINT_DBT_FINGERPRINT": fingerprint})


def prepare_dagster_home() -> None:
    """Make the folder where Dagster keeps runs and events, inside the data folder, and point this process to it."""
    home = settings().dagster_home
    home.mkdir(parents=True, exist_ok=True)
    written = DAGSTER_YAML.format(
        event_log_dir=json.dumps(str(home / "history" / "runs")),
        poll_seconds=POLL_SECONDS,
        max_seconds=max(1, round(settings().max_run_minutes * 60)),
    )
    (home / "dagster.yaml").write_text(written)
    os.environ["DAGSTER_HOME"] = str(home)


def run_started_at(context: StepContext) -> dt.datetime:
    """When the run began, UTC without zone: the only clock, so that all files of a run carry one time."""
    record = context.instance.get_run_record_by_id(context.run.run_id)
    if record is None or record.start_time is None:
        raise dg.Failure(f"Dagster has no start time for run {context.run.run_id}; start it again.")
    return dt.datetime.fromtimestamp(record.start_time, dt.UTC).replace(tzinfo=None, microsecond=0)


@dg.definitions
def resources() -> dg.Definitions:
    """`io_manager` reads and writes whole warehouse tables; the key's first part is the schema."""
    settings().data_dir.mkdir(parents=True, exist_ok=True)
    limit_databases(settings().database_limits)
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"  # read while mlflow is imported, so it is set before
    return dg.Definitions(
        resources={
            "io_manager": WarehouseIOManager(
                database=str(settings().warehouse_path), connection_config=settings().database_limits.config
            ),
        }
    )
