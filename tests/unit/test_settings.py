"""Settings: what is read, from where, what is allowed, and in which words the rest is refused."""

import datetime as dt
import os
import re
from pathlib import Path
from typing import get_args

import pytest
from pydantic import SecretStr, ValidationError

from dagster_project.databases import machine_limits
from dagster_project.settings import (
    DBT_DIR,
    NEEDED_BY_SOURCE,
    PROJECT_DIR,
    Settings,
    SettingsError,
    known_currencies,
    load_settings,
)


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder and an environment without settings."""
    for name in [name for name in os.environ if name.startswith("CUSTINT_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_without_an_environment_every_setting_has_its_documented_default(own_folder: Path):
    assert load_settings().model_dump() == {
        "data_dir": own_folder / "data",
        "memory_limit": machine_limits().memory_limit,
        "threads": machine_limits().threads,
        "sources": ("sample",),
        "as_of_date": None,
        "sample_customers": 2000,
        "reporting_currency": "USD",
        "churn_horizon_days": 90,
        "late_arrival_days": 60,
        "customer_daily_days": 400,
        "identity_match_probability": 0.95,
        "identity_review_probability": 0.5,
        "identity_max_parties_per_identifier": 10,
        "gross_margin_share": 0.8,
        "salesforce_instance_url": None,
        "salesforce_client_id": None,
        "salesforce_client_secret": None,
        "salesforce_api_version": "v62.0",
        "stripe_api_key": None,
        "stripe_api_base": "https://api.stripe.com",
        "stripe_full_read_days": 28,
        "zendesk_base_url": None,
        "zendesk_email": None,
        "zendesk_api_token": None,
        "zendesk_calls_per_minute": 10,
        "postgres_url": None,
        "postgres_tables": (),
        "postgres_timeout_seconds": 3600,
        "events_path": None,
        "source_lag_seconds": 600,
        "source_batch_rows": 50_000,
        "http_timeout_seconds": 60,
        "http_attempts": 6,
        "http_page_limit": 100_000,
    }


def test_reading_the_settings_writes_nothing(own_folder: Path):
    load_settings()
    assert list(own_folder.iterdir()) == []


def test_every_setting_is_read_from_its_variable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    values = {
        "DATA_DIR": str(tmp_path / "elsewhere"),
        "MEMORY_LIMIT": "900MiB",
        "THREADS": "3",
        "SOURCES": "sample, files",
        "AS_OF_DATE": "2026-09-30",
        "SAMPLE_CUSTOMERS": "50",
        "REPORTING_CURRENCY": "EUR",
        "CHURN_HORIZON_DAYS": "180",
        "LATE_ARRIVAL_DAYS": "30",
        "CUSTOMER_DAILY_DAYS": "90",
        "IDENTITY_MATCH_PROBABILITY": "0.9",
        "IDENTITY_REVIEW_PROBABILITY": "0.4",
        "IDENTITY_MAX_PARTIES_PER_IDENTIFIER": "20",
        "GROSS_MARGIN_SHARE": "1",
        "SALESFORCE_INSTANCE_URL": "https://acme.my.salesforce.com",
        "SALESFORCE_CLIENT_ID": "an-id",
        "SALESFORCE_CLIENT_SECRET": "a-secret",
        "SALESFORCE_API_VERSION": "v63.0",
        "STRIPE_API_KEY": "rk_live",
        "STRIPE_API_BASE": "http://127.0.0.1:8420",
        "STRIPE_FULL_READ_DAYS": "7",
        "ZENDESK_BASE_URL": "https://acme.zendesk.com",
        "ZENDESK_EMAIL": "data@acme.com",
        "ZENDESK_API_TOKEN": "a-token",
        "ZENDESK_CALLS_PER_MINUTE": "100",
        "POSTGRES_URL": "postgresql://reader:word@localhost/app",
        "POSTGRES_TABLES": "workspaces=app.workspaces, users=app.users:changed_at:user_id",
        "POSTGRES_TIMEOUT_SECONDS": "60",
        "EVENTS_PATH": "s3://bucket/events",
        "SOURCE_LAG_SECONDS": "0",
        "SOURCE_BATCH_ROWS": "1000",
        "HTTP_TIMEOUT_SECONDS": "5",
        "HTTP_ATTEMPTS": "2",
        "HTTP_PAGE_LIMIT": "10",
    }
    assert {f"CUSTINT_{name}" for name in values} == {
        f"CUSTINT_{name.upper()}" for name in Settings.model_fields
    }
    for name, value in values.items():
        monkeypatch.setenv(f"CUSTINT_{name}", value)
    assert load_settings().model_dump() == {
        "data_dir": tmp_path / "elsewhere",
        "memory_limit": "900MiB",
        "threads": 3,
        "sources": ("sample", "files"),
        "as_of_date": dt.date(2026, 9, 30),
        "sample_customers": 50,
        "reporting_currency": "EUR",
        "churn_horizon_days": 180,
        "late_arrival_days": 30,
        "customer_daily_days": 90,
        "identity_match_probability": 0.9,
        "identity_review_probability": 0.4,
        "identity_max_parties_per_identifier": 20,
        "gross_margin_share": 1.0,
        "salesforce_instance_url": "https://acme.my.salesforce.com",
        "salesforce_client_id": SecretStr("an-id"),
        "salesforce_client_secret": SecretStr("a-secret"),
        "salesforce_api_version": "v63.0",
        "stripe_api_key": SecretStr("rk_live"),
        "stripe_api_base": "http://127.0.0.1:8420",
        "stripe_full_read_days": 7,
        "zendesk_base_url": "https://acme.zendesk.com",
        "zendesk_email": "data@acme.com",
        "zendesk_api_token": SecretStr("a-token"),
        "zendesk_calls_per_minute": 100,
        "postgres_url": SecretStr("postgresql://reader:word@localhost/app"),
        "postgres_tables": ("workspaces=app.workspaces", "users=app.users:changed_at:user_id"),
        "postgres_timeout_seconds": 60,
        "events_path": "s3://bucket/events",
        "source_lag_seconds": 0,
        "source_batch_rows": 1000,
        "http_timeout_seconds": 5,
        "http_attempts": 2,
        "http_page_limit": 10,
    }


def test_a_dot_env_in_the_current_folder_is_read(own_folder: Path):
    (own_folder / ".env").write_text("CUSTINT_SAMPLE_CUSTOMERS=123\nCUSTINT_SOURCES=files\nOTHER_TOOL=1\n")
    values = load_settings()
    assert (values.sample_customers, values.sources) == (123, ("files",))


def test_the_environment_wins_over_dot_env(own_folder: Path, monkeypatch: pytest.MonkeyPatch):
    (own_folder / ".env").write_text("CUSTINT_SAMPLE_CUSTOMERS=123\nCUSTINT_CHURN_HORIZON_DAYS=30\n")
    monkeypatch.setenv("CUSTINT_SAMPLE_CUSTOMERS", "456")
    values = load_settings()
    assert (values.sample_customers, values.churn_horizon_days) == (456, 30)


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_an_empty_variable_means_the_default(name: str, monkeypatch: pytest.MonkeyPatch):
    expected = load_settings()
    monkeypatch.setenv(f"CUSTINT_{name.upper()}", "")
    assert load_settings() == expected


def test_all_wrong_settings_are_named_at_once_one_line_each(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CUSTINT_SAMPLE_CUSTOMERS", "many")
    monkeypatch.setenv("CUSTINT_GROSS_MARGIN_SHARE", "80%")
    monkeypatch.setenv("CUSTINT_SOURCES", "sample,oracle,oracle")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert sorted(str(caught.value).splitlines()) == [
        "CUSTINT_GROSS_MARGIN_SHARE is '80%'; allowed is a share above 0, up to 1.",
        "CUSTINT_SAMPLE_CUSTOMERS is 'many'; allowed is a whole number, 50 to 50000.",
        f"CUSTINT_SOURCES is 'oracle'; allowed is {Settings.model_fields['sources'].description}.",
    ]


def test_a_wrong_value_in_dot_env_is_refused_like_one_of_the_environment(own_folder: Path):
    (own_folder / ".env").write_text("CUSTINT_CHURN_HORIZON_DAYS=5\n")
    with pytest.raises(SettingsError, match="CUSTINT_CHURN_HORIZON_DAYS is '5'; allowed is .* 7 to 180"):
        load_settings()


@pytest.mark.parametrize(
    ("name", "edge", "beyond"),
    [
        ("sample_customers", "50", "49"),
        ("sample_customers", "50000", "50001"),
        ("churn_horizon_days", "7", "6"),
        ("churn_horizon_days", "180", "181"),
        ("gross_margin_share", "0.000001", "0"),
        ("gross_margin_share", "1", "1.000001"),
        ("as_of_date", "1990-01-01", "1989-12-31"),
        ("as_of_date", "2099-12-31", "2100-01-01"),
    ],
)
def test_the_edge_of_a_range_is_allowed_and_one_step_beyond_is_not(
    name: str, edge: str, beyond: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(f"CUSTINT_{name.upper()}", edge)
    load_settings()
    monkeypatch.setenv(f"CUSTINT_{name.upper()}", beyond)
    with pytest.raises(SettingsError, match=f"CUSTINT_{name.upper()} is '{beyond}'; allowed is "):
        load_settings()


@pytest.mark.parametrize("currency", known_currencies())
def test_every_currency_with_a_rate_can_be_reported_in(currency: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CUSTINT_REPORTING_CURRENCY", currency)
    assert load_settings().reporting_currency == currency


def test_a_relative_data_dir_is_made_absolute_so_that_dbt_in_another_folder_finds_it(
    own_folder: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("CUSTINT_DATA_DIR", "some/where/../place")
    assert load_settings().data_dir == own_folder / "some" / "place"


def test_the_data_dir_may_start_with_the_home_sign(own_folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", str(own_folder))
    monkeypatch.setenv("CUSTINT_DATA_DIR", "~/company")
    assert load_settings().data_dir == own_folder / "company"


def test_a_home_sign_does_not_hide_that_the_data_dir_is_a_file(
    own_folder: Path, monkeypatch: pytest.MonkeyPatch
):
    (own_folder / "notes.txt").write_text("mine")
    monkeypatch.setenv("HOME", str(own_folder))
    monkeypatch.setenv("CUSTINT_DATA_DIR", "~/notes.txt")
    with pytest.raises(SettingsError, match="CUSTINT_DATA_DIR is '~/notes.txt'; allowed is a folder"):
        load_settings()


def test_an_existing_folder_is_a_good_data_dir(own_folder: Path, monkeypatch: pytest.MonkeyPatch):
    (own_folder / "here").mkdir()
    monkeypatch.setenv("CUSTINT_DATA_DIR", "here")
    assert load_settings().data_dir == own_folder / "here"


def test_settings_cannot_be_changed_after_they_were_read():
    with pytest.raises(ValidationError, match="frozen"):
        load_settings().sample_customers = 51  # type: ignore[misc]


def test_everything_that_runs_write_lies_in_the_data_dir_and_the_inbox_is_not_among_it(own_folder: Path):
    values = load_settings()
    assert all(path.parent == own_folder / "data" for path in values.built_paths)
    assert len(set(values.built_paths)) == len(values.built_paths)
    assert values.inbox_dir not in values.built_paths
    assert values.data_dir not in values.built_paths


@pytest.mark.parametrize(
    ("sources", "first"),
    [("sample", dt.date(2024, 10, 1)), ("files", dt.date(1990, 1, 1)), ("sample,files", dt.date(1990, 1, 1))],
)
def test_the_first_day_that_can_be_scored_depends_on_the_sources(
    sources: str, first: dt.date, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("CUSTINT_SOURCES", sources)
    assert load_settings().first_as_of_date == first


def test_dbt_gets_every_variable_that_its_macro_reads_as_text():
    passed = load_settings().for_dbt(dt.date(2026, 9, 30))
    macro = (DBT_DIR / "macros" / "settings.sql").read_text() + (DBT_DIR / "profiles.yml").read_text()
    assert passed["CUSTINT_RUN_AS_OF_DATE"] == "2026-09-30"
    assert passed["CUSTINT_CHURN_HORIZON_DAYS"] == "90"
    assert all(isinstance(value, str) for value in passed.values())
    assert set(re.findall(r"env_var\('(\w+)'", macro)) == set(passed)


def test_the_project_is_found_from_the_code_not_from_the_current_folder():
    assert (PROJECT_DIR / "pyproject.toml").is_file()
    assert (DBT_DIR / "dbt_project.yml").is_file()


def test_what_dbt_is_told_does_not_change_the_settings_of_a_child_process(monkeypatch, tmp_path):
    """A run in the Dagster UI starts a process that inherits these variables and reads its settings anew."""
    monkeypatch.setenv("CUSTINT_DATA_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    before = load_settings()
    for name, value in before.for_dbt(dt.date(2026, 9, 30)).items():
        monkeypatch.setenv(name, value)
    assert load_settings() == before


LIVE_SOURCES = ("salesforce", "stripe", "zendesk", "postgres", "events")


@pytest.mark.parametrize("source", LIVE_SOURCES)
def test_a_live_source_says_which_of_its_settings_are_empty(source: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CUSTINT_SOURCES", source)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    lines = str(caught.value).splitlines()
    assert [line.split(" is empty")[0] for line in lines] == [
        f"CUSTINT_{name.upper()}" for name in NEEDED_BY_SOURCE[source]
    ]
    assert all(f"the source {source} needs it: " in line for line in lines)


@pytest.mark.parametrize("source", LIVE_SOURCES)
def test_the_sample_company_does_not_mix_with_a_live_one(source: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CUSTINT_SOURCES", f"sample,{source}")
    with pytest.raises(SettingsError, match="sample goes with files alone"):
        load_settings()


SECRETS = sorted(
    name for name, field in Settings.model_fields.items() if SecretStr in get_args(field.annotation)
)


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_is_never_shown_not_even_a_wrong_one(name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(f"CUSTINT_{name.upper()}", "postgresql://hidden-word@host/app")
    assert "hidden" not in repr(load_settings()) + str(load_settings().model_dump())
    monkeypatch.setenv(f"CUSTINT_{name.upper()}", "hidden word")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert str(caught.value).startswith(
        f"CUSTINT_{name.upper()} is not usable (not shown: secret); allowed is "
    )
    assert "hidden" not in str(caught.value)


def test_events_come_from_one_place_only(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CUSTINT_SOURCES", "postgres,events")
    monkeypatch.setenv("CUSTINT_POSTGRES_TABLES", "events=app.events")
    with pytest.raises(SettingsError, match="events not beside the source events"):
        load_settings()
