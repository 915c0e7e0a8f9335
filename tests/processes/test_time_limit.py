"""Work that takes too long ends as with Ctrl-C; a process that cannot hear of it is ended."""

import subprocess
import sys

import pytest

from dagster_project.settings import PROJECT_DIR

HEAD = """
import signal, time
import duckdb
from dagster_project import time_limit
from dagster_project.databases import connect
from dagster_project.time_limit import time_limit as limited
time_limit.AGAIN_SECONDS = 0.3

def told():
    print("told", flush=True)
"""

IN_TIME = """
with limited(0.3, told, grace_seconds=0) as limit:
    pass
time.sleep(0.6)
print(limit.is_over)
"""

ONE_QUERY = """
with limited(0.3, told, grace_seconds=30) as limit:
    try:
        connect().execute("select sum(x.range * y.range % 7) from range(10000000) x, range(100000) y")
    except (RuntimeError, duckdb.InterruptException) as error:
        print("interrupt" in str(error).lower(), limit.is_over)
"""

STEP_AFTER_STEP = """
ended = 0
with limited(0.3, told, grace_seconds=30):
    while ended < 3:
        try:
            time.sleep(30)
        except KeyboardInterrupt:
            ended += 1
print(ended)
"""

HANGS = """
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})  # as in foreign code that never comes back
with limited(0.2, told, grace_seconds=0.2):
    signal.sigwait({signal.SIGUSR1})
"""


@pytest.mark.parametrize(
    ("code", "printed", "exit_code"),
    [
        pytest.param(IN_TIME, "False\n", 0, id="work in time is left alone"),
        pytest.param(ONE_QUERY, "True True\n", 0, id="a query is interrupted"),
        pytest.param(STEP_AFTER_STEP, "3\n", 0, id="what goes on after an interrupt is interrupted again"),
        pytest.param(HANGS, "told\n", 1, id="a process that hangs tells and is ended"),
    ],
)
@pytest.mark.parametrize("is_in_background", [False, True])
def test_what_becomes_of_work_under_a_limit(code: str, printed: str, exit_code: int, is_in_background: bool):
    """Also where the shell has started it with Ctrl-C ignored, as it does with what runs in the background."""
    ignore = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)"
    usual = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    done = subprocess.run(
        [sys.executable, "-c", (ignore if is_in_background else usual) + HEAD + code],
        cwd=PROJECT_DIR, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (exit_code, printed), done.stderr
