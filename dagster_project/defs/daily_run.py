"""Runs the daily job in this process, for people and cron: progress while it runs, a reason when it fails.

Not here: assets, and what the summary says (`publish/summary.py`).
"""

import contextlib
import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

import dagster as dg

from dagster_project.alerts import Cause
from dagster_project.contracts import landing_objects
from dagster_project.defs.failures import INTERRUPTED, TOLD_BY, failure_causes, took_too_long
from dagster_project.defs.landing_assets import NOTES
from dagster_project.defs.live_sources import new_columns
from dagster_project.defs.quality import CHECK as QUALITY_CHECK
from dagster_project.defs.resources import prepare_dagster_home
from dagster_project.identity.overrides import OverrideError, read_overrides
from dagster_project.ingest.company import claim_data_dir
from dagster_project.ingest.files.drop import newest_event_date
from dagster_project.settings import SAMPLE_END_DATE, SettingsError, settings
from dagster_project.time_limit import time_limit

_possible_days = dg.DailyPartitionsDefinition(start_date=settings().earliest_day.isoformat())
"""All that may be asked for; which of them are expected, `expected_days.py` says."""


class _StepFailedError(Exception):
    """Steps failed; the causes, and as `warnings` what the steps that did not fail have to say."""

    def __init__(self, causes: list[Cause], warnings: tuple[str, ...] = ()) -> None:
        super().__init__(causes)
        self.causes = tuple(causes)
        self.warnings = warnings


class NoCompleteDayError(Exception):
    """The data hold no day that is over; the message says what to do."""


@dataclass(frozen=True)
class DailyRun:
    """What became of a run: the day it scored, why it failed (empty when it did not), and what a person should see."""

    as_of_date: str
    causes: tuple[Cause, ...] = ()
    warnings: tuple[str, ...] = ()
    was_interrupted: bool = False


def last_day() -> str:
    """The newest day that is over, UTC."""
    key = _possible_days.get_last_partition_key()
    if key is None:
        raise SettingsError(f"No day is over yet: the first that can be scored is {settings().earliest_day}.")
    return key


def check_as_of_date() -> None:
    """Refuse a day that is not over or lies before the first, before anything is written.

    Raises:
        SettingsError: One line that names the setting, its value and what is allowed.
    """
    wanted = settings().as_of_date
    if wanted and not _possible_days.has_partition_key(wanted.isoformat()):
        raise SettingsError(
            f"CUSTINT_AS_OF_DATE is '{wanted}'; allowed is a day from {settings().earliest_day} to {last_day()}."
        )


def default_as_of_date() -> str:
    """The last complete day in the data that has landed.

    Raises:
        NoCompleteDayError: No event lies on a day that is over.
    """
    candidates = [SAMPLE_END_DATE] if "sample" in settings().sources else []
    if "files" in settings().sources:
        end = _possible_days.get_last_partition_window()
        newest = newest_event_date(settings().landing_dir, before=end.end.date() if end else SAMPLE_END_DATE)
        candidates += [newest] if newest else []
    if settings().live_sources:
        candidates.append(dt.date.fromisoformat(last_day()))
    if not candidates:
        raise NoCompleteDayError(
            "The files hold no event with a day that is over; set CUSTINT_AS_OF_DATE to score a day."
        )
    return max(candidates).isoformat()


def _execute(
    job: dg.JobDefinition, instance: dg.DagsterInstance, assets: list[dg.AssetKey], day: str | None
) -> dg.ExecuteInProcessResult:
    log = settings().dbt_target_dir / "console.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a") as console_log, contextlib.redirect_stdout(console_log):
        result = job.execute_in_process(
            instance=instance,
            asset_selection=assets,
            partition_key=day,
            run_config={"loggers": {"console_progress": {}}},
            tags={TOLD_BY: "the command line"},
            raise_on_error=False,
        )
    if not result.success:
        causes = failure_causes(result.all_events) or [Cause((), "the run failed before its first step")]
        raise _StepFailedError(causes, _warnings(result))
    return result


def _warnings(result: dg.ExecuteInProcessResult) -> tuple[str, ...]:
    """What a person should know: a line per object that was set aside, has new columns, a note or what was noticed."""
    lines = [
        line
        for check in result.get_asset_check_evaluations()
        if not check.passed and check.description and _is_for_the_summary(check)
        for line in check.description.splitlines()
    ]
    for event in result.get_asset_materialization_events():
        materialization = event.step_materialization_data.materialization
        notes = materialization.metadata.get(NOTES)
        if notes and notes.value != "none":
            lines += str(notes.value).splitlines()
        found = materialization.metadata.get("new_columns")
        if found and found.value != "none":
            name = materialization.asset_key.path[-1]
            lines.append(new_columns(name, tuple(str(found.value).split(", "))))
    return tuple(lines)


def _is_for_the_summary(check: dg.AssetCheckEvaluation) -> bool:
    """What blocks is the failure of its step, and told there."""
    is_warning = check.severity == dg.AssetCheckSeverity.WARN
    return check.asset_key.path[0] == "landing" or (check.check_name == QUALITY_CHECK and is_warning)


def run_daily(when_stuck: Callable[[Cause], None]) -> DailyRun:
    """Land the sources, find the day, run everything else for it.

    Args:
        when_stuck: Tells of a run that has taken too long and does not end; the process is ended after that.

    Raises:
        SettingsError: A setting is wrong; nothing was written.
        OtherCompanyError: The data folder belongs to other sources; nothing was written.
    """
    check_as_of_date()
    try:
        read_overrides(
            settings().identity_overrides_path
        )  # a wrong line stops the run now, not after a minute of work
    except OverrideError as error:
        return DailyRun("", (Cause((), str(error)),))
    claim_data_dir(settings().data_dir, settings().sources, settings().reporting_currency)
    prepare_dagster_home()
    from dagster_project.definitions import defs

    job = defs().resolve_job_def("daily")
    landing = [dg.AssetKey(["landing", name]) for name in landing_objects()]
    others = [key for key in job.asset_layer.executable_asset_keys if key not in landing]
    wanted = settings().as_of_date
    day = wanted.isoformat() if wanted else ""
    warnings: tuple[str, ...] = ()
    seconds = settings().max_run_minutes * 60
    limit = time_limit(seconds, lambda: when_stuck(took_too_long()))
    try:
        with dg.DagsterInstance.get() as instance, limit as time:
            warnings = _warnings(_execute(job, instance, landing, None))
            day = day or default_as_of_date()
            warnings += _warnings(_execute(job, instance, others, day))
    except _StepFailedError as error:
        # An interrupt has many faces, and what failed after it is none of the causes.
        causes = (took_too_long(error.causes[0].steps),) if time.is_over else error.causes
        was_interrupted = time.is_over or any(cause.reason == INTERRUPTED for cause in causes)
        return DailyRun(day, causes, _each_once(warnings + error.warnings), was_interrupted)
    except NoCompleteDayError as error:
        return DailyRun(day, (Cause((), str(error)),), warnings)
    except KeyboardInterrupt:
        if time.is_over:  # between two steps
            return DailyRun(day, (took_too_long(),), warnings, was_interrupted=True)
        raise
    return DailyRun(day, warnings=_each_once(warnings))


def _each_once(lines: tuple[str, ...]) -> tuple[str, ...]:
    """The lines; what a source's step and a check both say is said once."""
    return tuple(dict.fromkeys(lines))
