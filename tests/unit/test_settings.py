"""Settings: what is read, from where, what is allowed, and in which words the rest is refused."""

import datetime as dt
import os
import re
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from dagster_project.databases import machine_limits
from dagster_project.ingest.connectors import known_sources
from dagster_project.settings import (
    DBT_DIR,
    PROJECT_DIR,
    Secret,
    Settings,
    SettingsError,
    SourceSettings,
    WebAddress,
    is_secret,
    known_currencies,
    load_settings,
    variable,
)

KINDS = (Settings, *known_sources().values())
FIELDS = {variable(kind, name): field for kind in KINDS for name, field in kind.model_fields.items()}
NEEDED = {
    source: [variable(kind, name) for name, field in kind.model_fields.items() if field.is_required()]
    for source, kind in known_sources().items()
}


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder and an environment without settings."""
    for name in [name for name in os.environ if name.startswith("CUSTINT_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_without_an_environment_every_setting_has_its_documented_default(own_folder: Path):
    assert load_settings().by_variable() == {
        "CUSTINT_DATA_DIR": own_folder / "data",
        "CUSTINT_MEMORY_LIMIT": machine_limits().memory_limit,
        "CUSTINT_THREADS": machine_limits().threads,
        "CUSTINT_SOURCES": ("sample",),
        "CUSTINT_AS_OF_DATE": None,
        "CUSTINT_FIRST_AS_OF_DATE": None,
        "CUSTINT_SAMPLE_COMPANY": "software",
        "CUSTINT_SAMPLE_CUSTOMERS": 2000,
        "CUSTINT_REPORTING_CURRENCY": "USD",
        "CUSTINT_CHURN_HORIZON_DAYS": 90,
        "CUSTINT_LATE_ARRIVAL_DAYS": 60,
        "CUSTINT_CUSTOMER_DAILY_DAYS": 400,
        "CUSTINT_IDENTITY_MATCH_PROBABILITY": 0.95,
        "CUSTINT_IDENTITY_REVIEW_PROBABILITY": 0.5,
        "CUSTINT_IDENTITY_MAX_PARTIES_PER_IDENTIFIER": 10,
        "CUSTINT_GROSS_MARGIN_SHARE": 0.8,
        "CUSTINT_ANNUAL_DISCOUNT_SHARE": 0.1,
        "CUSTINT_PUBLISH_CONTACTS": False,
        "CUSTINT_ACCEPT_OLDER_DATA": False,
        "CUSTINT_SALESFORCE_INSTANCE_URL": None,
        "CUSTINT_SALESFORCE_CLIENT_ID": None,
        "CUSTINT_SALESFORCE_CLIENT_SECRET": None,
        "CUSTINT_SALESFORCE_API_VERSION": "v62.0",
        "CUSTINT_SALESFORCE_CURRENCY": "USD",
        "CUSTINT_STRIPE_API_KEY": None,
        "CUSTINT_STRIPE_API_BASE": "https://api.stripe.com",
        "CUSTINT_STRIPE_FULL_READ_DAYS": 28,
        "CUSTINT_ZENDESK_BASE_URL": None,
        "CUSTINT_ZENDESK_EMAIL": None,
        "CUSTINT_ZENDESK_API_TOKEN": None,
        "CUSTINT_ZENDESK_CALLS_PER_MINUTE": 10,
        "CUSTINT_POSTGRES_URL": None,
        "CUSTINT_POSTGRES_TABLES": None,
        "CUSTINT_POSTGRES_TIMEOUT_SECONDS": 3600,
        "CUSTINT_EVENTS_PATH": None,
        "CUSTINT_SOURCE_LAG_SECONDS": 600,
        "CUSTINT_SOURCE_BATCH_ROWS": 50_000,
        "CUSTINT_HTTP_TIMEOUT_SECONDS": 60,
        "CUSTINT_HTTP_ATTEMPTS": 6,
        "CUSTINT_HTTP_PAGE_LIMIT": 100_000,
        "CUSTINT_SOURCE_RETRIES": 2,
        "CUSTINT_SOURCE_RETRY_SECONDS": 30,
        "CUSTINT_MAX_RUN_MINUTES": 360.0,
        "CUSTINT_ALERT_URLS": None,
        "CUSTINT_UI_PORT": 3000,
        "CUSTINT_MLFLOW_PORT": 5000,
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
        "FIRST_AS_OF_DATE": "2026-09-01",
        "SAMPLE_COMPANY": "software",
        "SAMPLE_CUSTOMERS": "50",
        "REPORTING_CURRENCY": "EUR",
        "CHURN_HORIZON_DAYS": "180",
        "LATE_ARRIVAL_DAYS": "30",
        "CUSTOMER_DAILY_DAYS": "90",
        "IDENTITY_MATCH_PROBABILITY": "0.9",
        "IDENTITY_REVIEW_PROBABILITY": "0.4",
        "IDENTITY_MAX_PARTIES_PER_IDENTIFIER": "20",
        "GROSS_MARGIN_SHARE": "1",
        "ANNUAL_DISCOUNT_SHARE": "0",
        "PUBLISH_CONTACTS": "true",
        "ACCEPT_OLDER_DATA": "true",
        "SALESFORCE_INSTANCE_URL": "https://acme.my.salesforce.com",
        "SALESFORCE_CLIENT_ID": "an-id",
        "SALESFORCE_CLIENT_SECRET": "a-secret",
        "SALESFORCE_API_VERSION": "v63.0",
        "SALESFORCE_CURRENCY": "EUR",
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
        "SOURCE_RETRIES": "0",
        "SOURCE_RETRY_SECONDS": "5",
        "MAX_RUN_MINUTES": "0.5",
        "ALERT_URLS": "json://127.0.0.1/hook",
        "UI_PORT": "3100",
        "MLFLOW_PORT": "5100",
    }
    assert {f"CUSTINT_{name}" for name in values} == FIELDS.keys()
    for name, value in values.items():
        monkeypatch.setenv(f"CUSTINT_{name}", value)
    assert load_settings().by_variable() == {
        "CUSTINT_DATA_DIR": tmp_path / "elsewhere",
        "CUSTINT_MEMORY_LIMIT": "900MiB",
        "CUSTINT_THREADS": 3,
        "CUSTINT_SOURCES": ("sample", "files"),
        "CUSTINT_AS_OF_DATE": dt.date(2026, 9, 30),
        "CUSTINT_FIRST_AS_OF_DATE": dt.date(2026, 9, 1),
        "CUSTINT_SAMPLE_COMPANY": "software",
        "CUSTINT_SAMPLE_CUSTOMERS": 50,
        "CUSTINT_REPORTING_CURRENCY": "EUR",
        "CUSTINT_CHURN_HORIZON_DAYS": 180,
        "CUSTINT_LATE_ARRIVAL_DAYS": 30,
        "CUSTINT_CUSTOMER_DAILY_DAYS": 90,
        "CUSTINT_IDENTITY_MATCH_PROBABILITY": 0.9,
        "CUSTINT_IDENTITY_REVIEW_PROBABILITY": 0.4,
        "CUSTINT_IDENTITY_MAX_PARTIES_PER_IDENTIFIER": 20,
        "CUSTINT_GROSS_MARGIN_SHARE": 1.0,
        "CUSTINT_ANNUAL_DISCOUNT_SHARE": 0.0,
        "CUSTINT_PUBLISH_CONTACTS": True,
        "CUSTINT_ACCEPT_OLDER_DATA": True,
        "CUSTINT_SALESFORCE_INSTANCE_URL": "https://acme.my.salesforce.com",
        "CUSTINT_SALESFORCE_CLIENT_ID": SecretStr("an-id"),
        "CUSTINT_SALESFORCE_CLIENT_SECRET": SecretStr("a-secret"),
        "CUSTINT_SALESFORCE_API_VERSION": "v63.0",
        "CUSTINT_SALESFORCE_CURRENCY": "EUR",
        "CUSTINT_STRIPE_API_KEY": SecretStr("rk_live"),
        "CUSTINT_STRIPE_API_BASE": "http://127.0.0.1:8420",
        "CUSTINT_STRIPE_FULL_READ_DAYS": 7,
        "CUSTINT_ZENDESK_BASE_URL": "https://acme.zendesk.com",
        "CUSTINT_ZENDESK_EMAIL": "data@acme.com",
        "CUSTINT_ZENDESK_API_TOKEN": SecretStr("a-token"),
        "CUSTINT_ZENDESK_CALLS_PER_MINUTE": 100,
        "CUSTINT_POSTGRES_URL": SecretStr("postgresql://reader:word@localhost/app"),
        "CUSTINT_POSTGRES_TABLES": ("workspaces=app.workspaces", "users=app.users:changed_at:user_id"),
        "CUSTINT_POSTGRES_TIMEOUT_SECONDS": 60,
        "CUSTINT_EVENTS_PATH": "s3://bucket/events",
        "CUSTINT_SOURCE_LAG_SECONDS": 0,
        "CUSTINT_SOURCE_BATCH_ROWS": 1000,
        "CUSTINT_HTTP_TIMEOUT_SECONDS": 5,
        "CUSTINT_HTTP_ATTEMPTS": 2,
        "CUSTINT_HTTP_PAGE_LIMIT": 10,
        "CUSTINT_SOURCE_RETRIES": 0,
        "CUSTINT_SOURCE_RETRY_SECONDS": 5,
        "CUSTINT_MAX_RUN_MINUTES": 0.5,
        "CUSTINT_ALERT_URLS": SecretStr("json://127.0.0.1/hook"),
        "CUSTINT_UI_PORT": 3100,
        "CUSTINT_MLFLOW_PORT": 5100,
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


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_an_empty_variable_means_the_default(name: str, monkeypatch: pytest.MonkeyPatch):
    expected = load_settings()
    monkeypatch.setenv(name, "")
    assert load_settings() == expected


def test_all_wrong_settings_are_named_at_once_one_line_each(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CUSTINT_SAMPLE_CUSTOMERS", "many")
    monkeypatch.setenv("CUSTINT_GROSS_MARGIN_SHARE", "80%")
    monkeypatch.setenv("CUSTINT_SOURCES", "sample,oracle,oracle")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert sorted(str(caught.value).splitlines()) == [
        "CUSTINT_GROSS_MARGIN_SHARE is '80%'; allowed is a share above 0, up to 1.",
        "CUSTINT_SAMPLE_CUSTOMERS is 'many'; allowed is a whole number, 50 to 100000.",
        "CUSTINT_SOURCES is 'oracle'; allowed is a comma list of sample, files, events, postgres, salesforce, "
        "stripe, zendesk; sample goes with files alone.",
    ]


def test_a_wrong_value_in_dot_env_is_refused_like_one_of_the_environment(own_folder: Path):
    (own_folder / ".env").write_text("CUSTINT_CHURN_HORIZON_DAYS=5\n")
    with pytest.raises(SettingsError, match="CUSTINT_CHURN_HORIZON_DAYS is '5'; allowed is .* 7 to 180"):
        load_settings()


@pytest.mark.parametrize(
    ("name", "edge", "beyond"),
    [
        ("sample_customers", "50", "49"),
        ("sample_customers", "100000", "100001"),
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
    assert load_settings().earliest_day == first


def test_dbt_gets_every_variable_that_its_macro_reads_as_text():
    passed = load_settings().for_dbt(dt.date(2026, 9, 30))
    macro = (DBT_DIR / "macros" / "settings.sql").read_text() + (DBT_DIR / "profiles.yml").read_text()
    assert passed["CUSTINT_RUN_AS_OF_DATE"] == "2026-09-30"
    assert passed["CUSTINT_CHURN_HORIZON_DAYS"] == "90"
    assert all(isinstance(value, str) for value in passed.values())
    by_each_run = {"CUSTINT_DBT_FINGERPRINT"}
    assert set(re.findall(r"env_var\('(\w+)'", macro)) - by_each_run == set(passed)


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


@pytest.mark.parametrize("source", NEEDED)
def test_a_live_source_says_which_of_its_settings_are_empty(source: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CUSTINT_SOURCES", source)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    lines = str(caught.value).splitlines()
    assert [line.split(" is empty")[0] for line in lines] == NEEDED[source]
    assert all(f"the source {source} needs it: " in line for line in lines)


def test_what_a_source_needs_is_told_together_with_what_is_wrong(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CUSTINT_SOURCES", "stripe")
    monkeypatch.setenv("CUSTINT_STRIPE_FULL_READ_DAYS", "monthly")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert str(caught.value).splitlines() == [
        "CUSTINT_STRIPE_API_KEY is empty, and the source stripe needs it: a text without spaces.",
        "CUSTINT_STRIPE_FULL_READ_DAYS is 'monthly'; allowed is a whole number of days, 1 to 29.",
    ]


@pytest.mark.parametrize("source", NEEDED)
def test_the_settings_of_a_source_are_named_after_it(source: str):
    assert all(
        variable(known_sources()[source], name).startswith(f"CUSTINT_{source.upper()}_")
        for name in known_sources()[source].model_fields
    )


@pytest.mark.parametrize("source", NEEDED)
def test_the_sample_company_does_not_mix_with_a_live_one(source: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CUSTINT_SOURCES", f"sample,{source}")
    with pytest.raises(SettingsError, match="sample goes with files alone"):
        load_settings()


def test_the_shop_is_simulated_where_the_sample_is_the_source(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CUSTINT_SAMPLE_COMPANY", "shop")
    assert load_settings().is_shop_simulated
    monkeypatch.setenv("CUSTINT_SOURCES", "stripe")
    monkeypatch.setenv("CUSTINT_STRIPE_API_KEY", "rk_test")
    assert not load_settings().is_shop_simulated
    monkeypatch.setenv("CUSTINT_SAMPLE_COMPANY", "software")
    monkeypatch.setenv("CUSTINT_SOURCES", "sample")
    assert not load_settings().is_shop_simulated


@pytest.mark.parametrize("sources", ["sample,files", "files"])
def test_the_shop_and_files_of_ones_own_do_not_fill_one_file_drop(
    sources: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("CUSTINT_SAMPLE_COMPANY", "shop")
    monkeypatch.setenv("CUSTINT_SOURCES", sources)
    with pytest.raises(SettingsError, match="CUSTINT_SAMPLE_COMPANY is 'shop'; allowed is software or shop"):
        load_settings()


@pytest.mark.parametrize("name", sorted(name for name, field in FIELDS.items() if is_secret(field)))
def test_a_secret_is_never_shown_not_even_a_wrong_one(name: str, monkeypatch: pytest.MonkeyPatch):
    scheme = "json" if name == "CUSTINT_ALERT_URLS" else "postgresql"
    monkeypatch.setenv(name, f"{scheme}://hidden-word@host/app")
    assert "hidden" not in repr(load_settings()) + str(load_settings().by_variable())
    monkeypatch.setenv(name, "hidden word")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert str(caught.value).startswith(f"{name} is not usable (not shown: secret); allowed is ")
    assert "hidden" not in str(caught.value)


def test_a_secret_that_may_be_missing_is_one_too():
    class Own(SourceSettings, env_prefix="CUSTINT_OWN_"):
        password: Secret
        proxy_password: Secret | None = None
        address: WebAddress

    assert [name for name, field in Own.model_fields.items() if is_secret(field)] == [
        "password",
        "proxy_password",
    ]


def test_an_object_comes_from_one_source_only(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CUSTINT_SOURCES", "postgres,events")
    monkeypatch.setenv("CUSTINT_EVENTS_PATH", "events")
    monkeypatch.setenv("CUSTINT_POSTGRES_URL", "postgresql://reader@host/app")
    monkeypatch.setenv("CUSTINT_POSTGRES_TABLES", "users=app.users")
    load_settings()
    monkeypatch.setenv("CUSTINT_POSTGRES_TABLES", "users=app.users, events=app.events")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert str(caught.value) == (
        "CUSTINT_SOURCES is 'postgres,events', and both postgres and events write product events; "
        "allowed is one source for each object."
    )
