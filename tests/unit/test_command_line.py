"""The command line as a person uses it: another process, its words and its exit code."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dagster_project.settings import PROJECT_DIR, Settings

WRONG_VALUES = [
    ("CUSTINT_DATA_DIR", "a_file.txt", "a folder"),
    ("CUSTINT_DATA_DIR", "a_file.txt/below", "a folder"),
    ("CUSTINT_DATA_DIR", "long" * 100, "a folder"),
    ("CUSTINT_SOURCES", "salesforce", "a comma list of sample, files"),
    ("CUSTINT_SOURCES", "Sample", "a comma list of sample, files"),
    ("CUSTINT_SOURCES", " ", "a comma list of sample, files"),
    ("CUSTINT_AS_OF_DATE", "2026-02-30", "a day YYYY-MM-DD, 1990-01-01 to 2099-12-31"),
    ("CUSTINT_AS_OF_DATE", "yesterday", "a day YYYY-MM-DD, 1990-01-01 to 2099-12-31"),
    ("CUSTINT_AS_OF_DATE", "9999-12-31", "a day YYYY-MM-DD, 1990-01-01 to 2099-12-31"),
    ("CUSTINT_SAMPLE_CUSTOMERS", "49", "a whole number, 50 to 50000"),
    ("CUSTINT_SAMPLE_CUSTOMERS", "2000.5", "a whole number, 50 to 50000"),
    ("CUSTINT_REPORTING_CURRENCY", "XYZ", "one of USD, EUR"),
    ("CUSTINT_REPORTING_CURRENCY", "[red]", "one of USD, EUR"),
    ("CUSTINT_CHURN_HORIZON_DAYS", "-90", "a whole number of days, 7 to 180"),
    ("CUSTINT_CHURN_HORIZON_DAYS", "a quarter", "a whole number of days, 7 to 180"),
    ("CUSTINT_LATE_ARRIVAL_DAYS", "0", "a whole number of days, 1 to 3650"),
    ("CUSTINT_LATE_ARRIVAL_DAYS", "two weeks", "a whole number of days, 1 to 3650"),
    ("CUSTINT_CUSTOMER_DAILY_DAYS", "30", "a whole number of days, 31 to 3650"),
    ("CUSTINT_CUSTOMER_DAILY_DAYS", "4000", "a whole number of days, 31 to 3650"),
    ("CUSTINT_IDENTITY_MATCH_PROBABILITY", "1", "a probability, 0.5 to below 1"),
    ("CUSTINT_IDENTITY_MATCH_PROBABILITY", "95%", "a probability, 0.5 to below 1"),
    ("CUSTINT_IDENTITY_REVIEW_PROBABILITY", "0", "a probability, 0.01 to below 1"),
    (
        "CUSTINT_IDENTITY_REVIEW_PROBABILITY",
        "0.96",
        "a probability, 0.01 to below 1, not above the one for a match",
    ),
    ("CUSTINT_IDENTITY_MAX_PARTIES_PER_IDENTIFIER", "1", "a whole number, 2 to 1000"),
    ("CUSTINT_IDENTITY_MAX_PARTIES_PER_IDENTIFIER", "many", "a whole number, 2 to 1000"),
    ("CUSTINT_GROSS_MARGIN_SHARE", "80", "a share above 0, up to 1"),
    ("CUSTINT_GROSS_MARGIN_SHARE", "nan", "a share above 0, up to 1"),
]

FOUR_STEP_RUN = """
import dagster as dg
from dagster_project.defs.progress import console_progress

@dg.op
def first():
    return 1

@dg.op
def breaks(value):
    raise ValueError("on purpose")

@dg.op(out=dg.Out(is_required=False))
def has_nothing():
    yield from ()

@dg.op
def has_no_input(value):
    pass

@dg.job(logger_defs={"console_progress": console_progress})
def four_steps():
    breaks(first())
    has_no_input(has_nothing())

four_steps.execute_in_process(run_config={"loggers": {"console_progress": {}}}, raise_on_error=False)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A current folder with one file in it."""
    (tmp_path / "a_file.txt").write_text("mine")
    return tmp_path


def python(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CUSTINT_")}
    environment |= {"PYTHONPATH": str(PROJECT_DIR), "COLUMNS": "60", **variables}
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=120
    )


def command(folder: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return python(folder, "-m", "dagster_project", *words, **variables)


def test_settings_prints_each_setting_with_its_variable_and_writes_nothing(folder: Path):
    done = command(folder, "settings", CUSTINT_SOURCES="sample, files", CUSTINT_DATA_DIR="the data")
    lines = dict(line.split("=", 1) for line in done.stdout.splitlines())
    assert (done.returncode, done.stderr) == (0, "")
    assert list(lines) == [f"CUSTINT_{name.upper()}" for name in Settings.model_fields]
    assert lines["CUSTINT_DATA_DIR"] == str(folder / "the data")
    assert lines["CUSTINT_SOURCES"] == "sample,files"
    assert [path.name for path in folder.iterdir()] == ["a_file.txt"]


def test_what_settings_prints_is_a_dot_env_that_gives_the_same_settings(folder: Path):
    variables = {
        "CUSTINT_AS_OF_DATE": "2026-06-30",
        "CUSTINT_DATA_DIR": "new data",
        "CUSTINT_SOURCES": "files",
    }
    printed = command(folder, "settings", **variables).stdout
    assert f"CUSTINT_DATA_DIR={folder}/new data\n" in printed
    (folder / ".env").write_text(printed)
    assert command(folder, "settings").stdout == printed


@pytest.mark.parametrize(("name", "value", "allowed"), WRONG_VALUES)
def test_a_wrong_setting_is_one_line_that_names_it_and_what_is_allowed(
    name: str, value: str, allowed: str, folder: Path
):
    variables = {"CUSTINT_DATA_DIR": "untouched", name: value}
    done = command(folder, "settings", **variables)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith(f"{name} is '{value.strip() if name == 'CUSTINT_SOURCES' else value}'; ")
    assert f"; allowed is {allowed}" in done.stderr
    assert [path.name for path in folder.iterdir()] == ["a_file.txt"]


def test_every_setting_is_tried_with_at_least_two_wrong_values():
    tried = [name for name, _, _ in WRONG_VALUES]
    assert {f"CUSTINT_{name.upper()}" for name in Settings.model_fields} == set(tried)
    assert all(tried.count(name) >= 2 for name in tried)


def test_run_refuses_a_wrong_setting_before_it_writes_anything(folder: Path):
    done = command(folder, "run", CUSTINT_DATA_DIR="untouched", CUSTINT_SAMPLE_CUSTOMERS="0")
    assert done.returncode == 2
    assert done.stderr == "CUSTINT_SAMPLE_CUSTOMERS is '0'; allowed is a whole number, 50 to 50000.\n"
    assert [path.name for path in folder.iterdir()] == ["a_file.txt"]


def test_a_wrong_setting_in_dot_env_ends_the_command_too(folder: Path):
    (folder / ".env").write_text("CUSTINT_GROSS_MARGIN_SHARE=1.5\n")
    done = command(folder, "settings")
    assert done.returncode == 2
    assert done.stderr == "CUSTINT_GROSS_MARGIN_SHARE is '1.5'; allowed is a share above 0, up to 1.\n"


@pytest.mark.parametrize("words", [(), ("fly",), ("settings", "more")])
def test_a_command_that_does_not_exist_is_refused_with_the_ones_that_do(words: tuple[str, ...], folder: Path):
    done = command(folder, *words)
    assert done.returncode == 2
    assert "python -m dagster_project" in done.stderr
    assert "settings" in done.stderr


def test_clean_deletes_what_runs_build_and_leaves_what_a_person_put_there(folder: Path):
    data = folder / "data"
    for name in ("inbox", "landing/files/orders", "published/generations", "dbt_target", "notes"):
        (data / name).mkdir(parents=True)
        (data / name / "file.txt").write_text("content")
    (data / "company.json").write_text("{}")
    (data / "warehouse.duckdb").write_text("")
    done = command(folder, "clean")
    assert done.returncode == 0
    assert sorted(path.name for path in data.iterdir()) == ["inbox", "notes"]
    assert (data / "inbox" / "file.txt").read_text() == "content"
    assert {line.split("/")[-1] for line in done.stdout.splitlines()} == {
        "landing", "published", "dbt_target", "company.json", "warehouse.duckdb",
    }  # fmt: skip
    again = command(folder, "clean")
    assert (again.returncode, again.stdout) == (0, "")


def test_progress_is_one_line_per_step_with_its_outcome_and_seconds(folder: Path):
    done = python(folder, "-c", FOUR_STEP_RUN, DAGSTER_DISABLE_TELEMETRY="yes")
    lines = [line.split() for line in done.stdout.splitlines() if line.startswith("  ")]
    assert {(name, outcome) for _, name, outcome, *_ in lines} == {
        ("first", "done"),
        ("breaks", "FAILED"),
        ("has_nothing", "done"),
        ("has_no_input", "skipped"),
    }
    assert sorted(line[0] for line in lines) == ["-/4", "1/4", "2/4", "3/4"]
    assert all(float(line[3]) >= 0 and line[4] == "s" for line in lines if line[2] != "skipped")
