"""A process that ends at once leaves nothing behind that somebody would have to be told of."""

import subprocess
import sys

import pytest

from dagster_project.settings import PROJECT_DIR

CODE = """
import os, threading, time
from dbt.contracts.graph.manifest import Manifest
from dagster_project.process_end import end_now

manifest = Manifest()  # dbt's own lock is in it
manifest._lock.acquire()
threading.Thread(target=time.sleep, args=(60,)).start()
{end}
"""


@pytest.mark.parametrize(("end", "leaked"), [("end_now(3)", False), ("os._exit(3)", True)])
def test_dbts_locks_are_given_back_though_threads_are_at_work(end: str, leaked: bool):
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(end=end)],
        cwd=PROJECT_DIR, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 3
    assert ("leaked semaphore" in done.stderr) == leaked, done.stderr
    assert bool(done.stderr) == leaked
