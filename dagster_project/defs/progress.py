"""Progress of a run on the console: which step, how far it is, and how long it took.

A terminal shows how far the running step is, in the step's own line. A file gets each line once, when it is known.
"""

import ast
import logging
import shutil
import sys
from typing import Any

import dagster as dg


class _StepLines(logging.Handler):
    """Prints one line per step from the events that Dagster logs."""

    def __init__(self) -> None:
        super().__init__()
        self._step_count = 0
        self._started: dict[str, float] = {}
        self._line = ""  # of the step that runs

    def emit(self, record: logging.LogRecord) -> None:
        event = getattr(record, "dagster_meta", {}).get("dagster_event")
        if event is None:
            return
        if event.event_type_value == "ENGINE_EVENT" and "step_keys" in event.engine_event_data.metadata:
            self._started.clear()
            self._step_count = len(ast.literal_eval(event.engine_event_data.metadata["step_keys"].text))
        elif event.event_type_value == "STEP_START":
            self._started[event.step_key] = record.created
            self._line = f"  {len(self._started):>2}/{self._step_count}  {event.step_key:<24} "
            self._write(self._line)
        elif event.event_type_value == "STEP_UP_FOR_RETRY":
            self.show("")
            seconds = event.step_retry_data.seconds_to_wait or 0
            self._write(f"FAILED {record.created - self._started[event.step_key]:6.1f} s")
            self._write(f"; tried again in {seconds:.0f} s: {_first_reason(event.step_retry_data.error)}\n")
            self._line = ""
        elif event.event_type_value == "STEP_RESTARTED":
            self._started[event.step_key] = record.created
            self._line = f"       {event.step_key:<24} "
            self._write(self._line)
        elif event.event_type_value in ("STEP_SUCCESS", "STEP_FAILURE"):
            outcome = "done" if event.event_type_value == "STEP_SUCCESS" else "FAILED"
            self.show("")
            self._write(f"{outcome:<6} {record.created - self._started[event.step_key]:6.1f} s\n")
            self._line = ""
        elif event.event_type_value == "STEP_SKIPPED":
            self._write(f"   -/{self._step_count}  {event.step_key:<24} skipped\n")

    def show(self, progress: str) -> None:
        """How far the running step is, in its line; only where a line can be written again, and only of a run."""
        if self._line and sys.__stdout__ and sys.__stdout__.isatty():
            width = shutil.get_terminal_size().columns - 1  # a line that wraps cannot be written again
            self._write(f"\r\x1b[K{(self._line + progress)[:width]}")

    @staticmethod
    def _write(text: str) -> None:
        console = sys.__stdout__  # sys.stdout itself is a log file during a run: dbt writes there
        if console:
            console.write(text)
            console.flush()


def _first_reason(error: Any) -> str:
    while error.cause:
        error = error.cause
    return str(error.message).removeprefix("dagster._core.definitions.events.Failure:").strip().split("\n")[0]


# One for the process: Dagster builds the logger anew for the run and for its steps.
_STEP_LINES = _StepLines()


def show_progress(progress: str) -> None:
    """Say how far the running step is, in a few words."""
    _STEP_LINES.show(progress)


@dg.logger
def console_progress(context: dg.InitLoggerContext) -> logging.Logger:
    """One line per step."""
    logger = logging.Logger("console_progress", level=logging.DEBUG)
    logger.addHandler(_STEP_LINES)
    return logger


@dg.definitions
def loggers() -> dg.Definitions:
    """Offered to every job; a run uses it when its config names it."""
    return dg.Definitions(loggers={"console_progress": console_progress})
