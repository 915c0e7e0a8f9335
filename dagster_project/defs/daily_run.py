"""Runs the daily job in this process, for people and cron: progress while it runs, a reason when it fails.

Not here: assets, and what the summary says (`publish/summary.py`).
"""

import contextlib
import datetime as dt
from dataclasses import dataclass

import dagster as dg

from dagster_project.contracts import landing_objects
from dagster_project.defs.ingest import SAMPLE_END_DATE
from dagster_project.defs.landing_assets import NOTES
from dagster_project.defs.live_sources import new_columns
from dagster_project.defs.quality import CHECK as QUALITY_CHECK
from dagster_project.defs.resources import daily, prepare_dagster_home
from dagster_project.identity.overrides import OverrideError, read_overrides
from dagster_project.ingest.company import claim_data_dir
from dagster_project.ingest.files.drop import newest_event_date
from dagster_project.settings import SettingsError, settings


class _StepFailedError(Exception):
    """A step failed; the message says which and why, `warnings` what the steps that did not fail have to say."""

    def __init__(self, message: str, warnings: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.warnings = warnings


class NoCompleteDayError(Exception):
    """The data hold no day that is over; the message says what to do."""


@dataclass(frozen=True)
class DailyRun:
    """What became of a run: the day it scored, why it failed (empty when it did not), and what a person should see."""

    as_of_date: str
    failure: str
    warnings: tuple[str, ...] = ()


def last_day() -> str:
    """The newest day that is over, UTC."""
    key = daily.get_last_partition_key()
    if key is None:
        raise SettingsError(
            f"No day is over yet: the first that can be scored is {settings().first_as_of_date}."
        )
    return key


def check_as_of_date() -> None:
    """Refuse a day that is not over or lies before the first, before anything is written.

    Raises:
        SettingsError: One line that names the setting, its value and what is allowed.
    """
    wanted = settings().as_of_date
    if wanted and not daily.has_partition_key(wanted.isoformat()):
        raise SettingsError(
            f"CUSTINT_AS_OF_DATE is '{wanted}'; allowed is a day from {settings().first_as_of_date} to {last_day()}."
        )


def default_as_of_date() -> str:
    """The last complete day in the data that has landed.

    Raises:
        NoCompleteDayError: No event lies on a day that is over.
    """
    candidates = [SAMPLE_END_DATE] if "sample" in settings().sources else []
    if "files" in settings().sources:
        end = daily.get_last_partition_window()
        newest = newest_event_date(settings().landing_dir, before=end.end.date() if end else SAMPLE_END_DATE)
        candidates += [newest] if newest else []
    if settings().live_sources:
        candidates.append(dt.date.fromisoformat(last_day()))
    if not candidates:
        raise NoCompleteDayError(
            "The files hold no event with a day that is over; set CUSTINT_AS_OF_DATE to score a day."
        )
    return max(candidates).isoformat()


def failure_reasons(result: dg.ExecuteInProcessResult) -> str:
    """Why steps failed: a line per step and cause."""
    lines = []
    for event in result.all_events:
        if event.event_type_value != "STEP_FAILURE":
            continue
        data = event.step_failure_data
        if data.user_failure_data and data.user_failure_data.description:
            reason = data.user_failure_data.description
        else:
            error = data.error
            while error and error.cause:
                error = error.cause
            reason = error.message.strip() if error else "no reason was recorded"
        if "Could not set lock on file" in reason:
            reason += (
                "\nAnother process has the warehouse open: let it end or close it; query the published file."
            )
        lines.append(f"{event.step_key}: {reason}")
    return "\n".join(lines) or "the run failed before its first step"


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
            raise_on_error=False,
        )
    if not result.success:
        raise _StepFailedError(failure_reasons(result), _warnings(result))
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


def run_daily() -> DailyRun:
    """Land the sources, find the day, run everything else for it.

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
        return DailyRun("", failure=str(error))
    claim_data_dir(settings().data_dir, settings().sources, settings().reporting_currency)
    prepare_dagster_home()
    from dagster_project.definitions import defs

    job = defs().resolve_job_def("daily")
    landing = [dg.AssetKey(["landing", name]) for name in landing_objects()]
    others = [key for key in job.asset_layer.executable_asset_keys if key not in landing]
    wanted = settings().as_of_date
    day = wanted.isoformat() if wanted else ""
    warnings: tuple[str, ...] = ()
    try:
        with dg.DagsterInstance.get() as instance:
            warnings = _warnings(_execute(job, instance, landing, None))
            day = day or default_as_of_date()
            warnings += _warnings(_execute(job, instance, others, day))
    except _StepFailedError as error:
        return DailyRun(day, str(error), _each_once(warnings + error.warnings))
    except NoCompleteDayError as error:
        return DailyRun(day, str(error), warnings)
    return DailyRun(day, "", _each_once(warnings))


def _each_once(lines: tuple[str, ...]) -> tuple[str, ...]:
    """The lines; what a source's step and a check both say is said once."""
    return tuple(dict.fromkeys(lines))
