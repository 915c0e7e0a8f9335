"""A full disk: known by the words of everybody who writes, told in one line; and what a run is expected to need."""

import errno
import shutil
import sqlite3
from types import SimpleNamespace

import duckdb
import pytest

from dagster_project import disk
from dagster_project.disk import MIB, Sizes, disk_full_line, is_disk_full, too_little_space


def caused_by(cause: BaseException) -> Exception:
    try:
        try:
            raise cause
        except BaseException as error:
            raise RuntimeError("a step failed") from error
    except RuntimeError as error:
        return error


@pytest.mark.parametrize(
    ("problem", "is_full"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), True),
        (OSError(errno.EDQUOT, "Disk quota exceeded", "/data/x"), True),
        (caused_by(OSError(errno.ENOSPC, "No space left on device")), True),
        (
            duckdb.IOException('IO Error: Could not write file "/data/w.duckdb": No space left on device'),
            True,
        ),
        (duckdb.OutOfMemoryException("limit was set by the 'max_temp_directory_size' setting"), True),
        (sqlite3.OperationalError("database or disk is full"), True),
        ("fct_x: Runtime Error [Errno 28] No space left on device: '/data/dbt_target/dbt.log'", True),
        (OSError(errno.EACCES, "Permission denied"), False),
        (duckdb.OutOfMemoryException("could not allocate block of size 256.0 KiB"), False),
        (caused_by(ValueError("space")), False),
        ("identities: a name is empty", False),
    ],
)
def test_a_full_disk_is_known_whoever_meets_it(problem, is_full):
    assert is_disk_full(problem) is is_full


@pytest.mark.parametrize(
    ("problem", "file"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device", "{data}/landing/x.parquet"),
            "{data}/landing/x.parquet",
        ),
        (
            'IO Error: Could not write file "{data}/warehouse.duckdb": No space left',
            "{data}/warehouse.duckdb",
        ),
        ("[Errno 28] No space left on device: '{data}/dbt_target/a.sql'", "{data}/dbt_target/a.sql"),
        (OSError(errno.ENOSPC, "No space left on device"), "a file in {data}"),
        ("(sqlite3.OperationalError) database or disk is full", "a record of Dagster or MLflow in {data}"),
        ("This limit was set by the 'max_temp_directory_size' setting.", "{data}/spill"),
    ],
)
def test_one_line_says_which_file_how_much_is_missing_and_what_stayed(tmp_path, monkeypatch, problem, file):
    monkeypatch.setattr(disk, "free_bytes", lambda _: 3 * MIB)
    if isinstance(problem, str):
        problem = problem.replace("{data}", str(tmp_path))
    elif problem.filename:
        problem.filename = problem.filename.replace("{data}", str(tmp_path))
    line = disk_full_line(problem, tmp_path, 100 * MIB, "2026-09-28")
    assert f"{file.replace('{data}', str(tmp_path))} could not be written" in line
    assert "3 MB are free, about 97 MB are missing" in line
    assert "what was published before (2026-09-28) is intact" in line
    assert len(line.splitlines()) == 1
    assert "nothing was published yet" in disk_full_line(problem, tmp_path, 100 * MIB, "")


@pytest.mark.parametrize(
    ("customers", "written"),  # MB that the first run of the sample company leaves behind
    [(200, 107), (2_000, 390), (10_000, 1_850)],
)
def test_what_a_first_run_needs_is_foreseen_within_a_tenth_and_never_overstated_when_it_refuses(
    customers, written
):
    sizes = Sizes(arriving=customers * disk.LANDING_PER_SAMPLE_CUSTOMER)
    assert sizes.likely_need / MIB == pytest.approx(written, rel=0.1)
    assert sizes.least_need / MIB < written * 0.8


def test_a_later_run_needs_room_for_its_generation_and_little_more():
    sizes = Sizes(landing=36 * MIB, warehouse=297 * MIB, generation=98 * MIB)
    assert 120 < sizes.likely_need / MIB < 170


@pytest.mark.parametrize(
    ("free", "words", "is_possible"),
    [(200, "", True), (90, "may run full", True), (20, "is too small: 20 MB are free", False)],
)
def test_the_space_is_looked_at_before_and_refused_only_where_it_cannot_do(
    tmp_path, monkeypatch, free, words, is_possible
):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free * MIB))
    line, possible = too_little_space(tmp_path / "not" / "there", Sizes(arriving=3 * MIB))
    assert (words in line, bool(line), possible) == (True, bool(words), is_possible)
