"""The end of a process whose threads may still be at work.

Not here: why it ends (`time_limit.py`, `run_command.py`).
"""

import os
from multiprocessing import util
from typing import NoReturn


def end_now(exit_code: int) -> NoReturn:
    """End the process without Python's own end, which would crash on the threads of dbt and DuckDB.

    What must not stay behind is given back first: dbt makes its locks for processes that it might start, which are
    semaphores with a name, and whoever leaves them is told of "leaked semaphore objects".
    """
    try:
        # As `multiprocessing` does by itself when a process ends as usual.
        util._run_finalizers(0)  # type: ignore[attr-defined] # has no public name
    finally:
        os._exit(exit_code)
