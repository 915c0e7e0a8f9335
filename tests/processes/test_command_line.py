"""The command line as a person uses it: another process, its words and its exit code."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from alert_servers import free_port, webhook

from dagster_project.__main__ import main
from dagster_project.settings import PROJECT_DIR, load_settings, settings

WRONG_VALUES = [
    ("CUSTINT_DATA_DIR", "a_file.txt", "a folder"),
    ("CUSTINT_DATA_DIR", "a_file.txt/below", "a folder"),
    ("CUSTINT_DATA_DIR", "long" * 100, "a folder"),
    ("CUSTINT_MEMORY_LIMIT", "60%", "an amount of memory like 900MiB or 4GB"),
    ("CUSTINT_MEMORY_LIMIT", "4", "an amount of memory like 900MiB or 4GB"),
    ("CUSTINT_THREADS", "0", "a whole number, 1 to 256"),
    ("CUSTINT_THREADS", "many", "a whole number, 1 to 256"),
    ("CUSTINT_SOURCES", "oracle", "a comma list of sample, files"),
    ("CUSTINT_SOURCES", "Sample", "a comma list of sample, files"),
    ("CUSTINT_SOURCES", " ", "a comma list of sample, files"),
    ("CUSTINT_AS_OF_DATE", "2026-02-30", "a day YYYY-MM-DD, 1990-01-01 to 2099-12-31"),
    ("CUSTINT_AS_OF_DATE", "yesterday", "a day YYYY-MM-DD, 1990-01-01 to 2099-12-31"),
    ("CUSTINT_AS_OF_DATE", "9999-12-31", "a day YYYY-MM-DD, 1990-01-01 to 2099-12-31"),
    ("CUSTINT_SAMPLE_COMPANY", "bakery", "software or shop"),
    ("CUSTINT_SAMPLE_COMPANY", "Shop", "software or shop"),
    ("CUSTINT_SAMPLE_CUSTOMERS", "49", "a whole number, 50 to 100000"),
    ("CUSTINT_SAMPLE_CUSTOMERS", "2000.5", "a whole number, 50 to 100000"),
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
    ("CUSTINT_ANNUAL_DISCOUNT_SHARE", "10", "a share, 0 to 1"),
    ("CUSTINT_ANNUAL_DISCOUNT_SHARE", "-0.1", "a share, 0 to 1"),
    ("CUSTINT_ACCEPT_OLDER_DATA", "perhaps", "true or false"),
    ("CUSTINT_ACCEPT_OLDER_DATA", "2", "true or false"),
    ("CUSTINT_PUBLISH_CONTACTS", "some", "true or false"),
    ("CUSTINT_PUBLISH_CONTACTS", "-1", "true or false"),
    ("CUSTINT_SALESFORCE_INSTANCE_URL", "acme.my.salesforce.com", "an address like https://acme"),
    ("CUSTINT_SALESFORCE_INSTANCE_URL", "https://user:word@acme.com", "an address like https://acme"),
    ("CUSTINT_SALESFORCE_CLIENT_ID", "two words", "a text without spaces"),
    ("CUSTINT_SALESFORCE_CLIENT_ID", " ", "a text without spaces"),
    ("CUSTINT_SALESFORCE_CLIENT_SECRET", "two words", "a text without spaces"),
    ("CUSTINT_SALESFORCE_CLIENT_SECRET", " ", "a text without spaces"),
    ("CUSTINT_SALESFORCE_CURRENCY", "dollars", "a currency code like EUR"),
    ("CUSTINT_SALESFORCE_CURRENCY", "US", "a currency code like EUR"),
    ("CUSTINT_SALESFORCE_API_VERSION", "62", "a version like v62.0"),
    ("CUSTINT_SALESFORCE_API_VERSION", "v62.0/../x", "a version like v62.0"),
    ("CUSTINT_STRIPE_API_KEY", "two words", "a text without spaces"),
    ("CUSTINT_STRIPE_API_KEY", " ", "a text without spaces"),
    ("CUSTINT_STRIPE_API_BASE", "api.stripe.com", "an address like https://api.stripe.com"),
    ("CUSTINT_STRIPE_API_BASE", "ftp://api.stripe.com", "an address like https://api.stripe.com"),
    ("CUSTINT_STRIPE_FULL_READ_DAYS", "30", "a whole number of days, 1 to 29"),
    ("CUSTINT_STRIPE_FULL_READ_DAYS", "monthly", "a whole number of days, 1 to 29"),
    ("CUSTINT_ZENDESK_BASE_URL", "acme", "an address like https://acme.zendesk.com"),
    ("CUSTINT_ZENDESK_BASE_URL", "https://acme.zendesk.com?x=1", "an address like https://acme.zendesk.com"),
    ("CUSTINT_ZENDESK_EMAIL", "data", "an e-mail address"),
    ("CUSTINT_ZENDESK_EMAIL", "data @acme.com", "an e-mail address"),
    ("CUSTINT_ZENDESK_API_TOKEN", "two words", "a text without spaces"),
    ("CUSTINT_ZENDESK_API_TOKEN", " ", "a text without spaces"),
    ("CUSTINT_ZENDESK_CALLS_PER_MINUTE", "0", "a whole number, 1 to 700"),
    ("CUSTINT_ZENDESK_CALLS_PER_MINUTE", "fast", "a whole number, 1 to 700"),
    ("CUSTINT_POSTGRES_URL", "mysql://host/app", "an address like postgresql://"),
    ("CUSTINT_POSTGRES_URL", "postgresql://ho st/app", "an address like postgresql://"),
    ("CUSTINT_POSTGRES_TABLES", "orders=app.orders", "a comma list like workspaces=app.workspaces"),
    ("CUSTINT_POSTGRES_TABLES", "users=a.b, users=a.c", "a comma list like workspaces=app.workspaces"),
    ("CUSTINT_POSTGRES_TABLES", "users=users", "a comma list like workspaces=app.workspaces"),
    ("CUSTINT_POSTGRES_TABLES", "users=a.b;drop", "a comma list like workspaces=app.workspaces"),
    ("CUSTINT_POSTGRES_TIMEOUT_SECONDS", "0", "a whole number of seconds, 1 to 86400"),
    ("CUSTINT_POSTGRES_TIMEOUT_SECONDS", "an hour", "a whole number of seconds, 1 to 86400"),
    ("CUSTINT_EVENTS_PATH", "events/*.parquet", "a folder, without * ? [ ] or quotes"),
    ("CUSTINT_EVENTS_PATH", "o'brien", "a folder, without * ? [ ] or quotes"),
    ("CUSTINT_SOURCE_LAG_SECONDS", "-1", "a whole number of seconds, 0 to 604800"),
    ("CUSTINT_SOURCE_LAG_SECONDS", "ten minutes", "a whole number of seconds, 0 to 604800"),
    ("CUSTINT_SOURCE_BATCH_ROWS", "99", "a whole number of rows, 100 to 1000000"),
    ("CUSTINT_SOURCE_BATCH_ROWS", "all", "a whole number of rows, 100 to 1000000"),
    ("CUSTINT_HTTP_TIMEOUT_SECONDS", "0", "a whole number of seconds, 1 to 3600"),
    ("CUSTINT_HTTP_TIMEOUT_SECONDS", "never", "a whole number of seconds, 1 to 3600"),
    ("CUSTINT_HTTP_ATTEMPTS", "0", "a whole number, 1 to 20"),
    ("CUSTINT_HTTP_ATTEMPTS", "forever", "a whole number, 1 to 20"),
    ("CUSTINT_HTTP_PAGE_LIMIT", "0", "a whole number of pages, 1 to 10000000"),
    ("CUSTINT_HTTP_PAGE_LIMIT", "none", "a whole number of pages, 1 to 10000000"),
    ("CUSTINT_SOURCE_RETRIES", "-1", "a whole number, 0 to 10"),
    ("CUSTINT_SOURCE_RETRY_SECONDS", "soon", "a whole number of seconds, 0 to 3600"),
    ("CUSTINT_MAX_RUN_MINUTES", "0", "a number of minutes above 0, up to 10080"),
    ("CUSTINT_ALERT_URLS", "ann@example.com", "addresses as Apprise writes them (mailto://..., "),
    (
        "CUSTINT_ALERT_URLS",
        "json://127.0.0.1/x slack://half",
        "addresses as Apprise writes them (mailto://..., ",
    ),
    ("CUSTINT_SOURCE_RETRIES", "11", "a whole number, 0 to 10"),
    ("CUSTINT_SOURCE_RETRY_SECONDS", "-1", "a whole number of seconds, 0 to 3600"),
    ("CUSTINT_MAX_RUN_MINUTES", "a night", "a number of minutes above 0, up to 10080"),
    ("CUSTINT_UI_PORT", "0", "a port, 1 to 65535"),
    ("CUSTINT_FIRST_AS_OF_DATE", "01.09.2026", "a day YYYY-MM-DD, 1990-01-01 to 2099-12-31"),
    ("CUSTINT_FIRST_AS_OF_DATE", "1989-12-31", "a day YYYY-MM-DD, 1990-01-01 to 2099-12-31"),
    ("CUSTINT_MLFLOW_PORT", "65536", "a port, 1 to 65535"),
    ("CUSTINT_MLFLOW_PORT", "http", "a port, 1 to 65535"),
    ("CUSTINT_UI_PORT", "http", "a port, 1 to 65535"),
]

SECRETS = {
    "CUSTINT_SALESFORCE_CLIENT_ID",
    "CUSTINT_SALESFORCE_CLIENT_SECRET",
    "CUSTINT_STRIPE_API_KEY",
    "CUSTINT_ZENDESK_API_TOKEN",
    "CUSTINT_POSTGRES_URL",
    "CUSTINT_ALERT_URLS",
}

FOUR_STEP_RUN = """
import dagster as dg
from dagster_project.defs.progress import console_progress, show_progress

@dg.op
def first():
    show_progress("1/2 silver.parties")
    show_progress("2/2 silver.customers")
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
    assert list(lines) == list(load_settings().by_variable())
    assert lines["CUSTINT_DATA_DIR"] == str(folder / "the data")
    assert lines["CUSTINT_SOURCES"] == "sample,files"
    assert [path.name for path in folder.iterdir()] == ["a_file.txt"]


def test_what_settings_prints_is_a_dot_env_that_gives_the_same_settings(folder: Path):
    variables = {
        "CUSTINT_AS_OF_DATE": "2026-06-30",
        "CUSTINT_DATA_DIR": "new data",
        "CUSTINT_SOURCES": "files",
        "CUSTINT_POSTGRES_TABLES": "users=app.users, workspaces=app.workspaces",
        "CUSTINT_STRIPE_FULL_READ_DAYS": "7",
    }
    printed = command(folder, "settings", **variables).stdout
    assert f"CUSTINT_DATA_DIR={folder}/new data\n" in printed
    (folder / ".env").write_text(printed)
    assert command(folder, "settings").stdout == printed


@pytest.mark.parametrize(("name", "value", "allowed"), WRONG_VALUES)
def test_a_wrong_setting_is_one_line_that_names_it_and_what_is_allowed(
    name: str,
    value: str,
    allowed: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    for variable, said in {"CUSTINT_DATA_DIR": "untouched", name: value}.items():
        monkeypatch.setenv(variable, said)
    monkeypatch.chdir(folder)
    settings.cache_clear()
    assert main(["settings"]) == 2
    printed = capsys.readouterr()
    shown = (
        "not usable (not shown: secret)"
        if name in SECRETS
        else repr(value.strip() if name == "CUSTINT_SOURCES" else value)
    )
    assert printed.out == ""
    assert printed.err.count("\n") == 1, printed.err
    assert printed.err.startswith(f"{name} is {shown}; allowed is {allowed}"), printed.err
    assert [path.name for path in folder.iterdir()] == ["a_file.txt"]


@pytest.fixture(autouse=True)
def settings_of_this_process():
    """What a test reads in this process is forgotten after it."""
    yield
    settings.cache_clear()


def test_every_setting_is_tried_with_at_least_two_wrong_values():
    tried = [name for name, _, _ in WRONG_VALUES]
    assert load_settings().by_variable().keys() == set(tried)
    assert all(tried.count(name) >= 2 for name in tried)


def test_sources_check_says_that_there_is_nothing_to_reach(folder: Path):
    done = command(folder, "sources-check", CUSTINT_SOURCES="sample,files")
    assert done.returncode == 0
    assert done.stdout == "No live source among CUSTINT_SOURCES=sample,files: nothing to reach.\n"
    assert [path.name for path in folder.iterdir()] == ["a_file.txt"]


def test_without_a_churn_model_there_is_nothing_to_roll_back(folder: Path):
    done = command(folder, "churn-rollback")
    assert done.returncode == 1
    assert done.stderr == "There is no churn model before the one that scores now: nothing was withdrawn.\n"
    assert [path.name for path in folder.iterdir()] == ["a_file.txt"]


def test_run_refuses_a_wrong_setting_before_it_writes_anything(folder: Path):
    done = command(folder, "run", CUSTINT_DATA_DIR="untouched", CUSTINT_SAMPLE_CUSTOMERS="0")
    assert done.returncode == 2
    assert done.stderr == "CUSTINT_SAMPLE_CUSTOMERS is '0'; allowed is a whole number, 50 to 100000.\n"
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
    for name in (
        "inbox",
        "landing/files/orders",
        "published/generations",
        "dbt_target",
        "quality/2026-09-30",
        "notes",
    ):
        (data / name).mkdir(parents=True)
        (data / name / "file.txt").write_text("content")
    (data / "company.json").write_text("{}")
    (data / "warehouse.duckdb").write_text("")
    done = command(folder, "clean")
    assert done.returncode == 0
    assert sorted(path.name for path in data.iterdir()) == ["inbox", "notes"]
    assert (data / "inbox" / "file.txt").read_text() == "content"
    assert {line.split("/")[-1] for line in done.stdout.splitlines()} == {
        "landing", "published", "dbt_target", "quality", "company.json", "warehouse.duckdb",
    }  # fmt: skip
    again = command(folder, "clean")
    assert (again.returncode, again.stdout) == (0, "")


def test_a_terminal_shows_how_far_a_step_is_in_the_line_of_the_step(folder: Path):
    terminal, end = pty.openpty()
    environment = dict(os.environ) | {"PYTHONPATH": str(PROJECT_DIR), "COLUMNS": "53", "TERM": "xterm"}
    subprocess.run(
        [sys.executable, "-c", FOUR_STEP_RUN], cwd=folder, env=environment, stdout=end, timeout=120
    )
    os.close(end)
    screen = os.read(terminal, 100_000).decode()
    os.close(terminal)
    (line,) = (line for line in screen.split("\n") if "parties" in line)
    written = line.split("\r\x1b[K")
    assert [text.split() for text in written[:3]] == [
        ["1/4", "first"],
        ["1/4", "first", "1/2", "silver.parties"],
        ["1/4", "first", "2/2", "silver.customer"],  # a line that wraps could not be written again
    ]
    assert written[3].split()[:3] == ["1/4", "first", "done"]


def test_progress_is_one_line_per_step_with_its_outcome_and_seconds(folder: Path):
    done = python(folder, "-c", FOUR_STEP_RUN, DAGSTER_DISABLE_TELEMETRY="yes")
    assert "\r" not in done.stdout
    assert "silver.parties" not in done.stdout
    lines = [line.split() for line in done.stdout.splitlines() if line.startswith("  ")]
    assert {(name, outcome) for _, name, outcome, *_ in lines} == {
        ("first", "done"),
        ("breaks", "FAILED"),
        ("has_nothing", "done"),
        ("has_no_input", "skipped"),
    }
    assert sorted(line[0] for line in lines) == ["-/4", "1/4", "2/4", "3/4"]
    assert all(float(line[3]) >= 0 and line[4] == "s" for line in lines if line[2] != "skipped")


def test_a_failure_is_told_once_and_an_unreachable_messenger_does_not_hide_it(folder: Path):
    (folder / "data").mkdir()
    (folder / "data" / "identity_overrides.csv").write_text("rule\nsometimes\n")
    with webhook() as (port, posts):
        addresses = f"json://user:pass-word@127.0.0.1:{free_port()}, json://127.0.0.1:{port}/hook"
        done = command(folder, "run", CUSTINT_ALERT_URLS=addresses)
    assert done.returncode == 1
    reason, stays, unreached = done.stderr.splitlines()
    assert "identity_overrides.csv" in reason
    assert stays.startswith("Nothing was published")
    assert unreached.startswith("Address 1 of CUSTINT_ALERT_URLS (json://...) took no message")
    assert [post["message"].splitlines()[0] for post in posts] == [reason]
    assert "pass-word" not in done.stdout + done.stderr


def test_dagsters_home_is_made_and_printed_for_the_shell(folder: Path):
    done = command(folder, "home", CUSTINT_MAX_RUN_MINUTES="2")
    home = Path(done.stdout.removesuffix("\n"))
    assert home == folder / "data" / "dagster_home"
    assert yaml.safe_load((home / "dagster.yaml").read_text())["run_monitoring"]["max_runtime_seconds"] == 120
