"""Why a run failed, from Dagster's events, and the sensor that tells it of the runs that Dagster starts.

The command line tells of its own runs itself, as no sensor need be running then; their tag keeps the sensor quiet.

Not here: what a message says and how it is sent (`alerts.py`).
"""

from collections.abc import Sequence

import dagster as dg

from dagster_project.alerts import Cause, causes_of, send_alerts
from dagster_project.defs.resources import DAY_TAG
from dagster_project.settings import settings

TOLD_BY = "customer_intelligence/told_by"
"""Tag of a run whose failure somebody else tells of."""

INTERRUPTED = "ended from outside, before it was through"
TOO_LONG = "maximum runtime"  # what Dagster's run monitoring says of a run that it ends


def failure_causes(events: Sequence[dg.DagsterEvent]) -> list[Cause]:
    """The causes of a run's failure; steps that were only waiting for a failed one are none."""
    failed = [
        (event.step_key or "", _reason(event)) for event in events if event.event_type_value == "STEP_FAILURE"
    ]
    return causes_of(failed)


def took_too_long(steps: tuple[str, ...] = ()) -> Cause:
    """The cause of a run that was ended for its time."""
    return Cause(
        steps,
        f"the run took longer than {settings().max_run_minutes:g} minutes and was ended; what the sources have "
        "brought is landed. If nothing hangs, raise CUSTINT_MAX_RUN_MINUTES.",
    )


def _reason(event: dg.DagsterEvent) -> str:
    data = event.step_failure_data
    if data.user_failure_data and data.user_failure_data.description:
        reason = data.user_failure_data.description
    else:
        error = data.error
        while error and error.cause:
            error = error.cause
        if error and error.cls_name in ("DagsterExecutionInterruptedError", "KeyboardInterrupt"):
            return INTERRUPTED
        reason = error.message.strip() if error else "no reason was recorded"
    if "Could not set lock on file" in reason:
        reason += (
            "\nAnother process has the warehouse open: let it end or close it; query the published file."
        )
    return reason


def _messages(context: dg.RunFailureSensorContext, of_type: dg.DagsterEventType) -> list[str]:
    """What the events of a type say, in their order."""
    entries = context.instance.all_logs(context.dagster_run.run_id, of_type=of_type)
    return [entry.dagster_event.message or "" for entry in entries if entry.dagster_event]


@dg.run_failure_sensor(
    name="failures_are_told",
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=30,
    description="Sends one message per cause of a failed run to CUSTINT_ALERT_URLS.",
)
def failures_are_told(context: dg.RunFailureSensorContext) -> dg.SkipReason | None:
    """Tell of a run that Dagster started: by hand in the UI, by the schedule or by a sensor."""
    run = context.dagster_run
    if TOLD_BY in run.tags:
        return dg.SkipReason(f"{run.tags[TOLD_BY]} has told of it.")
    told, *_ = _messages(context, dg.DagsterEventType.RUN_FAILURE)
    if told != context.failure_event.message:  # run monitoring ends a run, and then its process ends too
        return dg.SkipReason(f"Its failure has been told: {told}")
    causes = failure_causes(context.get_step_failure_events())
    if any(TOO_LONG in message for message in _messages(context, dg.DagsterEventType.RUN_CANCELING)):
        causes = [took_too_long()]
    elif not causes:  # its process died
        causes = [Cause((), context.failure_event.message or "the run failed between its steps")]
    day = run.tags.get(DAY_TAG)
    of_day = f" of {day}" if day else ""
    what = f"Run {run.run_id[:8]}{of_day}, job {run.job_name}; details: the Dagster UI, Runs."
    for problem in send_alerts(settings().alert_addresses, causes, what):
        context.log.warning(problem)
    return None


@dg.definitions
def failure_sensor() -> dg.Definitions:
    """The sensor, where there is somebody to tell."""
    return dg.Definitions(sensors=[failures_are_told] if settings().alert_urls else [])
