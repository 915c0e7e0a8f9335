"""The live sources as assets: one step per source, one asset per landing object, each with what its read brought.

A failing source stops its own step alone; what it had committed by then stays. A fault that may pass, and that nobody
has tried again yet, is tried again a few times, with more patience each time; a refused key never is. An object whose
shape is not the agreed one, or that the source does not show, is set aside with a warning, and the run goes on.

Not here: how a source is read (`ingest/`).
"""

import datetime as dt
import time
from collections.abc import Iterator

import dagster as dg

from dagster_project.defs.landing_assets import NOTES, landed_files, landing_specs
from dagster_project.defs.resources import NIGHTLY, run_started_at
from dagster_project.ingest.company import claim_data_dir
from dagster_project.ingest.one_reader import only_reader
from dagster_project.ingest.streams import Landed, SourceError
from dagster_project.settings import SourceSettings, settings

SHAPE_CHECK = "shape_as_agreed"


def _check_spec(name: str) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        SHAPE_CHECK,
        asset=dg.AssetKey(["landing", name]),
        description="The source shows the object, with every required column and its type. Warns: the object is set "
        "aside, the others go on.",
    )


def _result(landed: Landed, duration_seconds: float) -> dg.MaterializeResult[None]:
    counts = {
        "fetched_rows": landed.fetched_row_count,
        "kept_rows": landed.landed_row_count - landed.rejected_row_count,
        "repeated_rows": landed.repeated_row_count,
        "quarantined_rows": landed.rejected_row_count,
        "api_calls": landed.api_call_count,
        "duration_seconds": round(duration_seconds, 3),
        "cursor_before": landed.cursor_before or "none",
        "cursor_after": landed.cursor_after or "none",
        "new_columns": ", ".join(landed.new_fields) or "none",
        NOTES: "\n".join(landed.notes) or "none",
    }
    check = dg.AssetCheckResult(
        passed=not landed.refused,
        asset_key=["landing", landed.object_name],
        check_name=SHAPE_CHECK,
        severity=dg.AssetCheckSeverity.WARN,
        description=landed.refused or None,
    )
    return landed_files(landed.object_name, counts, check)


def _land(
    context: dg.AssetExecutionContext, name: str, source: SourceSettings
) -> Iterator[dg.MaterializeResult[None]]:
    claim_data_dir(settings().data_dir, settings().sources, settings().reporting_currency)
    failures: dict[str, bool] = {}  # by reason, whether it may pass
    hidden: list[str] = []
    for landed, duration_seconds in _reads(name, source, run_started_at(context), failures):
        if landed.failure:
            failures[landed.failure] = landed.may_pass
            continue
        if landed.refused:
            context.log.warning(landed.refused)
        if landed.is_hidden:
            hidden.append(landed.refused)
        for note in landed.notes:
            context.log.warning(note)
        if landed.new_fields:
            context.log.warning(new_columns(landed.object_name, landed.new_fields))
        yield _result(landed, duration_seconds)
    if len(hidden) == len(source.objects):  # a wrong address looks like this
        failures |= dict.fromkeys(hidden, False)
    if any(failures.values()) and context.retry_number < settings().source_retries:
        raise _try_again(context.retry_number + 1, "\n".join(failures))
    if failures:
        raise dg.Failure("\n".join(failures), allow_retries=False)


def _try_again(attempt: int, reason: str) -> dg.RetryRequested:
    """A retry after a while. Not by a policy of the step: with one Dagster tries again after Ctrl-C as well."""
    patience = dg.RetryPolicy(
        max_retries=settings().source_retries,
        delay=settings().source_retry_seconds,
        backoff=dg.Backoff.EXPONENTIAL,
        jitter=dg.Jitter.PLUS_MINUS,
    )
    again = dg.RetryRequested(patience.max_retries, patience.calculate_delay(attempt))
    again.__cause__ = dg.Failure(reason)
    return again


def _reads(
    name: str, source: SourceSettings, read_at: dt.datetime, failures: dict[str, bool]
) -> Iterator[tuple[Landed, float]]:
    """What each object brought, and its seconds; why the source stopped goes to `failures`."""
    try:
        with only_reader(settings().landing_dir, name):
            begun = time.perf_counter()
            for landed in source.connector(settings()).land(read_at):
                yield landed, time.perf_counter() - begun
                begun = time.perf_counter()
    except SourceError as error:
        failures[str(error)] = error.may_pass


def new_columns(object_name: str, fields: tuple[str, ...]) -> str:
    """The line that reports columns that the source did not have before."""
    return f"{object_name.replace('__', ' ')}: new columns {', '.join(fields)}, kept in bronze as extra"


def _source_asset(name: str, source: SourceSettings) -> dg.AssetsDefinition:
    what = f"what {name} has changed since the last read, in immutable batches."

    @dg.multi_asset(
        name=f"{name}_landing",
        specs=landing_specs(source.objects, what, NIGHTLY),
        check_specs=[_check_spec(object_name) for object_name in source.objects],
    )
    def landing(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
        yield from _land(context, name, source)

    return landing


@dg.definitions
def live_source_assets() -> dg.Definitions:
    """One multi-asset per live source of the setting."""
    return dg.Definitions(assets=[_source_asset(*item) for item in settings().live_sources.items()])
