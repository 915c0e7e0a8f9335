"""Ends work that takes too long, in this process and as Ctrl-C would: databases roll back, what is committed stays.

Not here: what is limited, and how long it may take.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from dagster_project.databases import interrupt_queries
from dagster_project.process_end import end_now

GRACE_SECONDS = 120.0
"""What a step has to end by itself; one that hangs in foreign code never hears of the signal."""

AGAIN_SECONDS = 10.0
"""DuckDB makes an ordinary error of an interrupt, after which other steps would go on: so they are interrupted too."""


@dataclass
class TimeLimit:
    """Whether the time was up."""

    is_over: bool = False


@contextmanager
def time_limit(
    seconds: float, when_stuck: Callable[[], None], grace_seconds: float = GRACE_SECONDS
) -> Iterator[TimeLimit]:
    """Interrupt the block when its time is up, and end the process when it does not end even then.

    Only in the main thread, as Python handles signals there alone.

    Args:
        seconds: What the block may take.
        when_stuck: Called before the process is ended with exit code 1, to tell somebody.
        grace_seconds: Between the interrupt and the end of the process.
    """
    limit = TimeLimit()

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        limit.is_over = True
        interrupt_queries()
        signal.raise_signal(signal.SIGINT)

    def end() -> None:
        try:
            when_stuck()
        finally:
            end_now(1)

    def interrupt_ignored(_signal: int, _frame: FrameType | None) -> None:
        if limit.is_over:
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    # A shell starts what runs in its background, as cron's scripts do, with Ctrl-C ignored: the limit holds there too.
    is_ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    if is_ignored:
        signal.signal(signal.SIGINT, interrupt_ignored)
    stuck = threading.Timer(seconds + grace_seconds, end)
    stuck.daemon = True
    stuck.start()
    signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN_SECONDS)
    try:
        yield limit
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        stuck.cancel()
        signal.signal(signal.SIGALRM, before)
        if is_ignored:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
