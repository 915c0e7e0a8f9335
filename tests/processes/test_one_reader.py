"""Two runs never read one source into one data folder at the same time."""

import subprocess
import sys
from pathlib import Path

import pytest

from dagster_project.ingest.one_reader import only_reader
from dagster_project.ingest.streams import SourceError

HOLD = """
import sys
from pathlib import Path
from dagster_project.ingest.one_reader import only_reader
with only_reader(Path(sys.argv[1]), "stripe"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_run_is_told_to_wait_and_a_killed_one_holds_nothing(tmp_path: Path):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with (
        pytest.raises(SourceError, match="another run is reading it") as told,
        only_reader(tmp_path, "stripe"),
    ):
        pass
    assert told.value.stops_source
    with only_reader(tmp_path, "zendesk"):
        pass
    holder.kill()
    holder.wait(10)
    with only_reader(tmp_path, "stripe"):
        pass


def test_a_source_is_free_again_after_its_read(tmp_path: Path):
    for _ in range(2):
        with only_reader(tmp_path, "stripe"):
            pass
