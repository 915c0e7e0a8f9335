"""The command line on a disk that is too small, and on one that runs full in the midst of a run."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 50 MB, or a skip that says why there is none."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=50m", "custint", str(disk)], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def run(data_dir: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CUSTINT_")}
    return subprocess.run(
        [sys.executable, "-m", "dagster_project", "run"],
        cwd=PROJECT,
        env={**clean, "CUSTINT_DATA_DIR": str(data_dir), **settings},
        capture_output=True,
        text=True,
        timeout=500,
    )


def the_line(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    (line,) = done.stderr.strip().splitlines()
    return line


def test_a_run_that_cannot_fit_is_refused_before_it_writes(small_disk: Path):
    line = the_line(run(small_disk, CUSTINT_SAMPLE_CUSTOMERS="2000"))
    assert "The disk is too small: 50 MB are free" in line
    assert str(small_disk) in line
    assert list(small_disk.iterdir()) == []


def test_a_disk_that_runs_full_ends_in_one_line_and_leaves_what_is_published(small_disk: Path):
    """It looks as if there was room enough, and then there is not."""
    inbox = small_disk / "inbox"
    inbox.mkdir()
    (inbox / "transactions.csv").write_text(
        "transaction_ref,customer_ref,occurred_at,amount\n"
        + "".join(f"t{n},c{n % 9},2026-0{1 + n % 9}-15,{n + 1}\n" for n in range(90))
    )
    published = small_disk / "published"
    published.mkdir()
    (published / "manifest.json").write_text('{"as_of_date": "2026-08-31"}')
    line = the_line(run(small_disk, CUSTINT_SOURCES="files", CUSTINT_AS_OF_DATE="2026-09-30"))
    assert line.startswith("The disk is full: ")
    assert str(small_disk) in line
    assert "MB are missing" in line
    assert "what was published before (the day 2026-08-31) is intact" in line
    assert (published / "manifest.json").read_text() == '{"as_of_date": "2026-08-31"}'
