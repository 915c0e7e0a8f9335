"""What assets run on: the warehouse I/O manager, what dbt reads, and the days that can be scored.

Not here: assets, jobs and schedules.
"""

import datetime as dt
import hashlib
import os
from functools import cache

import dagster as dg

from dagster_project.databases import limit_databases
from dagster_project.defs.warehouse_io import WarehouseIOManager
from dagster_project.settings import DBT_DIR, settings

daily = dg.DailyPartitionsDefinition(start_date=settings().first_as_of_date.isoformat())
ONE_DAY_PER_RUN = dg.BackfillPolicy.multi_run()

DAGSTER_YAML = """\
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
"""

DATA_ENGINEERING = "team:data-engineering"
ANALYTICS = "team:analytics"


def run_as_of_date(context: dg.AssetExecutionContext) -> dt.date | None:
    """The day that the run scores; None in a run without one, such as an ingest alone."""
    partition_key = context.run.tags.get("dagster/partition")
    return dt.date.fromisoformat(partition_key) if partition_key else settings().as_of_date


@cache
def dbt_fingerprint() -> str:
    """Stands for the SQL, contracts, seeds and settings that shape stored rows.

    Incremental tables that were built with another fingerprint are built anew from landing.
    """
    digest = hashlib.sha256(f"{settings().reporting_currency} {settings().late_arrival_days}".encode())
    sources = [path for suffix in ("*.sql", "*.yml", "*.csv") for path in DBT_DIR.rglob(suffix)]
    for path in sorted(path for path in sources if "target" not in path.parts):
        digest.update(path.relative_to(DBT_DIR).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def tell_dbt(as_of_date: dt.date | None) -> None:
    """Put the settings of a run where dbt reads them: the environment of this process and its children."""
    os.environ.update(settings().for_dbt(as_of_date) | {"CUSTINT_DBT_FINGERPRINT": dbt_fingerprint()})


def prepare_dagster_home() -> None:
    """Make the folder where Dagster keeps runs and events, inside the data folder, and point this process to it."""
    home = settings().dagster_home
    home.mkdir(parents=True, exist_ok=True)
    (home / "dagster.yaml").write_text(DAGSTER_YAML)
    os.environ["DAGSTER_HOME"] = str(home)


def run_started_at(context: dg.AssetExecutionContext) -> dt.datetime:
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
