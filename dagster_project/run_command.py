"""The command `run`: looks at the disk, runs the daily job, tells of a failure, prints the summary.

Not here: the job (`defs/daily_run.py`), how a full disk is known (`disk.py`), and how a message is sent (`alerts.py`).
"""

import json
import logging
import socket

from rich.console import Console

from dagster_project.alerts import STAYS, Cause, send_alerts
from dagster_project.databases import limit_databases
from dagster_project.disk import (
    LANDING_PER_INBOX,
    LANDING_PER_SAMPLE_CUSTOMER,
    LANDING_PER_SHOP_CUSTOMER,
    NOTHING_LEFT,
    Sizes,
    bytes_in,
    disk_full_line,
    free_bytes,
    is_disk_full,
    too_little_space,
)
from dagster_project.expected_days import take_any_day
from dagster_project.ingest.company import OtherCompanyError
from dagster_project.process_end import end_now
from dagster_project.settings import SettingsError, settings


def run(console: Console, errors: Console) -> int:
    """Run the daily job; the exit code."""
    take_any_day()
    # Dagster takes seconds to import, which a wrong setting need not wait for.
    from dagster_project.defs.daily_run import run_daily
    from dagster_project.publish.summary import print_summary

    known = settings()
    sizes = _sizes()
    told, is_possible = too_little_space(known.data_dir, sizes)
    if not is_possible:
        return _tell_of_the_disk(errors, told)
    limits = known.database_limits
    limit_databases(limits)
    heading = f"Sources: {', '.join(known.sources)}; data folder: {known.data_dir}\n{limits}"
    console.print(heading, soft_wrap=True, markup=False)
    if told:
        console.print(told, style="yellow", soft_wrap=True, markup=False)
    # A log that cannot be written prints a traceback, and so does each line after it.
    logging.raiseExceptions = False
    try:
        done = run_daily(when_stuck=lambda *causes: _tell(errors, *causes))
    except (SettingsError, OtherCompanyError) as error:
        _send(errors, Cause((), str(error)))
        raise
    except Exception as error:
        if _met_a_full_disk(error):  # also Dagster's own records are on that disk
            return _tell_of_the_disk(errors, _disk_full(error, sizes))
        _send(errors, Cause((), f"{type(error).__name__}: {error}"))
        raise
    reasons = "\n".join(str(cause) for cause in done.causes)
    if reasons and _met_a_full_disk(reasons):
        return _tell_of_the_disk(errors, _disk_full(reasons, sizes))
    for warning in done.warnings:
        console.print(warning, style="yellow", soft_wrap=True, markup=False)
    if done.causes:
        _tell(errors, *done.causes)
        if done.was_interrupted:  # threads of dbt may be at work, and Python's own end would crash on them
            end_now(1)
        return 1
    print_summary(
        known.published_dir, known.warehouse_path, done.as_of_date, known.reporting_currency, console
    )
    console.print(
        f"How the data was judged: {known.quality_dir / 'index.html'}", soft_wrap=True, markup=False
    )
    return 0


def _send(errors: Console, *causes: Cause) -> None:
    where = f"Data folder {settings().data_dir} on {socket.gethostname()}; details: `make ui`, Runs."
    for problem in send_alerts(settings().alert_addresses, causes, where):
        errors.print(problem, style="yellow", markup=False)


def _tell(errors: Console, *causes: Cause) -> None:
    """Say on the screen, and to whom it may concern, why nothing was published."""
    for cause in causes:
        errors.print(str(cause), style="red", markup=False)
    errors.print(f"{STAYS} Details: `make ui`, Runs.")
    _send(errors, *causes)


def _tell_of_the_disk(errors: Console, line: str) -> int:
    """The line says itself what stayed; the exit code."""
    errors.print(line, style="red", markup=False)
    _send(errors, Cause((), line))
    return 1


def _sizes() -> Sizes:
    """What lies in the data folder, and what the sources are about to add as far as that can be known."""
    known = settings()
    landing = bytes_in(known.landing_dir)
    per_customer = LANDING_PER_SHOP_CUSTOMER if known.is_shop_simulated else LANDING_PER_SAMPLE_CUSTOMER
    sample = known.sample_customers * per_customer if "sample" in known.sources else 0
    inbox = bytes_in(known.inbox_dir) * LANDING_PER_INBOX if "files" in known.sources else 0
    return Sizes(
        landing=landing,
        warehouse=bytes_in(known.warehouse_path),
        generation=bytes_in((known.published_dir / "current").resolve()),
        arriving=max(0, int(sample + inbox) - landing),
    )


def _met_a_full_disk(problem: Exception | str) -> bool:
    """Whether a run ended because of the disk; who finds no room for a word more does not always say so."""
    return is_disk_full(problem) or free_bytes(settings().data_dir) < NOTHING_LEFT


def _disk_full(problem: Exception | str, sizes: Sizes) -> str:
    manifest = settings().published_dir / "manifest.json"
    published = f"the day {json.loads(manifest.read_text())['as_of_date']}" if manifest.exists() else ""
    return disk_full_line(problem, settings().data_dir, sizes.likely_need, published)
