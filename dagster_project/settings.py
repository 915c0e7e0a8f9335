"""Every path and tunable of the pipeline, typed and with its unit.

The only reader of environment variables and `.env`. Nothing else belongs here: no logic, no input or output
beyond reading the list of currencies that a setting may name.
"""

import csv
import datetime as dt
import os
import re
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from dagster_project.databases import DatabaseLimits, machine_limits

PROJECT_DIR = Path(__file__).resolve().parent.parent
DBT_DIR = PROJECT_DIR / "dbt"

PATTERN_SIGNS = set("*?[]'\"")
"""What DuckDB reads as a pattern or a quote in the path of a file."""

SourceName = Literal["sample", "files", "salesforce", "stripe", "zendesk", "postgres", "events"]

NEEDED_BY_SOURCE = {
    "salesforce": ("salesforce_instance_url", "salesforce_client_id", "salesforce_client_secret"),
    "stripe": ("stripe_api_key",),
    "zendesk": ("zendesk_base_url", "zendesk_email", "zendesk_api_token"),
    "postgres": ("postgres_url", "postgres_tables"),
    "events": ("events_path",),
}
"""Settings without a default that a live source cannot do without."""

TABLE_SETTING = re.compile(
    r"(?P<object>workspaces|users|events)=(?P<table>[\w$]+(?:\.[\w$]+)?)(?::(?P<cursor>[\w$]+)(?::(?P<key>[\w$]+))?)?"
)
"""One of `postgres_tables`: object=schema.table[:cursor column[:key column]]."""

WEB_ADDRESS = r"^https?://[^\s/?#@]+(/[^\s?#]*)?$"
MEMORY = r"^[1-9]\d*(\.\d+)? ?([KMGT]i?B)$"
SECRET = "a text without spaces"  # noqa: S105 - what is allowed, not a secret


class SettingsError(Exception):
    """A setting has a value that is not allowed; the message is one line per setting, for a person."""


def known_currencies() -> list[str]:
    """Currencies that have a rate in `dbt/seeds/currency_rates.csv`."""
    with (DBT_DIR / "seeds" / "currency_rates.csv").open() as rates:
        return list(dict.fromkeys(row["currency"] for row in csv.DictReader(rates)))


class Settings(BaseSettings):
    """Settings from the environment or `.env`: the field `data_dir` is `CUSTINT_DATA_DIR`, and so on."""

    model_config = SettingsConfigDict(
        env_prefix="CUSTINT_", env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    data_dir: Path = Field(
        default=Path("data"),
        description="a folder that can be written, without * ? [ ] or quotes in its path",
    )
    memory_limit: str = Field(
        default_factory=lambda: machine_limits().memory_limit,
        pattern=MEMORY,
        description="an amount of memory like 900MiB or 4GB",
    )
    threads: int = Field(
        default_factory=lambda: machine_limits().threads, ge=1, le=256, description="a whole number, 1 to 256"
    )
    sources: Annotated[tuple[SourceName, ...], NoDecode] = Field(
        default=("sample",),
        min_length=1,
        description="a comma list of sample, files, salesforce, stripe, zendesk, postgres, events; "
        "sample goes with files alone",
    )
    as_of_date: dt.date | None = Field(default=None, description="a day YYYY-MM-DD, 1990-01-01 to 2099-12-31")
    sample_customers: int = Field(default=2000, ge=50, le=50_000, description="a whole number, 50 to 50000")
    reporting_currency: str = Field(default="USD", description=f"one of {', '.join(known_currencies())}")
    churn_horizon_days: int = Field(default=90, ge=7, le=180, description="a whole number of days, 7 to 180")
    late_arrival_days: int = Field(default=60, ge=1, le=3650, description="a whole number of days, 1 to 3650")
    customer_daily_days: int = Field(
        default=400, ge=31, le=3650, description="a whole number of days, 31 to 3650"
    )
    identity_match_probability: float = Field(
        default=0.95, ge=0.5, lt=1, description="a probability, 0.5 to below 1"
    )
    identity_review_probability: float = Field(
        default=0.50,
        ge=0.01,
        lt=1,
        description="a probability, 0.01 to below 1, not above the one for a match",
    )
    identity_max_parties_per_identifier: int = Field(
        default=10, ge=2, le=1000, description="a whole number, 2 to 1000"
    )
    gross_margin_share: float = Field(default=0.80, gt=0, le=1, description="a share above 0, up to 1")

    salesforce_instance_url: str | None = Field(
        default=None, pattern=WEB_ADDRESS, description="an address like https://acme.my.salesforce.com"
    )
    salesforce_client_id: SecretStr | None = Field(default=None, description=SECRET)
    salesforce_client_secret: SecretStr | None = Field(default=None, description=SECRET)
    salesforce_api_version: str = Field(
        default="v62.0", pattern=r"^v[1-9]\d\.0$", description="a version like v62.0"
    )
    stripe_api_key: SecretStr | None = Field(default=None, description=SECRET)
    stripe_api_base: str = Field(
        default="https://api.stripe.com",
        pattern=WEB_ADDRESS,
        description="an address like https://api.stripe.com",
    )
    stripe_full_read_days: int = Field(default=28, ge=1, le=29, description="a whole number of days, 1 to 29")
    zendesk_base_url: str | None = Field(
        default=None, pattern=WEB_ADDRESS, description="an address like https://acme.zendesk.com"
    )
    zendesk_email: str | None = Field(
        default=None, pattern=r"^[^\s@]+@[^\s@]+$", description="an e-mail address"
    )
    zendesk_api_token: SecretStr | None = Field(default=None, description=SECRET)
    zendesk_calls_per_minute: int = Field(default=10, ge=1, le=700, description="a whole number, 1 to 700")
    postgres_url: SecretStr | None = Field(
        default=None, description="an address like postgresql://user:password@host:5432/database"
    )
    postgres_tables: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="a comma list like workspaces=app.workspaces, users=app.users:updated_at:id, each of "
        "workspaces, users, events at most once, events not beside the source events",
    )
    postgres_timeout_seconds: int = Field(
        default=3600, ge=1, le=86_400, description="a whole number of seconds, 1 to 86400"
    )
    events_path: str | None = Field(
        default=None,
        pattern=r"^[^*?\[\]'\"\s][^*?\[\]'\"]*$",
        description="a folder, without * ? [ ] or quotes",
    )
    source_lag_seconds: int = Field(
        default=600, ge=0, le=604_800, description="a whole number of seconds, 0 to 604800"
    )
    source_batch_rows: int = Field(
        default=50_000, ge=100, le=1_000_000, description="a whole number of rows, 100 to 1000000"
    )
    http_timeout_seconds: int = Field(
        default=60, ge=1, le=3600, description="a whole number of seconds, 1 to 3600"
    )
    http_attempts: int = Field(default=6, ge=1, le=20, description="a whole number, 1 to 20")
    http_page_limit: int = Field(
        default=100_000, ge=1, le=10_000_000, description="a whole number of pages, 1 to 10000000"
    )

    @field_validator("sources", "postgres_tables", mode="before")
    @classmethod
    def _split_comma_list(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",")) if isinstance(value, str) else value

    @field_validator("sources")
    @classmethod
    def _is_one_company(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if "sample" in value and set(value) & set(NEEDED_BY_SOURCE):
            raise ValueError("the sample company beside a live one")
        return value

    @field_validator("postgres_url")
    @classmethod
    def _is_a_postgres_address(cls, value: SecretStr | None) -> SecretStr | None:
        if value and not value.get_secret_value().startswith(("postgresql://", "postgres://")):
            raise ValueError("another scheme")
        return value

    @field_validator(
        "salesforce_client_id",
        "salesforce_client_secret",
        "stripe_api_key",
        "zendesk_api_token",
        "postgres_url",
    )
    @classmethod
    def _has_no_space(cls, value: SecretStr | None) -> SecretStr | None:
        if value and len(value.get_secret_value().split()) != 1:
            raise ValueError("white space")
        return value

    @field_validator("postgres_tables")
    @classmethod
    def _are_tables(cls, value: tuple[str, ...], checked: ValidationInfo) -> tuple[str, ...]:
        objects = [TABLE_SETTING.fullmatch(text) for text in value]
        names = [found["object"] for found in objects if found]
        if len(set(names)) != len(value) or (
            "events" in names and "events" in checked.data.get("sources", ())
        ):
            raise ValueError("not tables, or twice the same")
        return value

    @field_validator("data_dir")
    @classmethod
    def _can_be_a_folder(cls, value: Path) -> Path:
        try:
            folder = value.expanduser().resolve()
            nearest = next(path for path in (folder, *folder.parents) if path.exists())
            is_writable = nearest.is_dir() and os.access(nearest, os.W_OK)
        except OSError as error:
            raise ValueError("cannot be looked at") from error
        if not is_writable or set(str(folder)) & PATTERN_SIGNS:
            raise ValueError("cannot be made or written, or holds signs of file patterns")
        return folder

    @field_validator("as_of_date", mode="before")
    @classmethod
    def _is_an_iso_day(cls, value: object) -> object:
        return dt.datetime.strptime(value.strip(), "%Y-%m-%d").date() if isinstance(value, str) else value

    @field_validator("as_of_date")
    @classmethod
    def _is_in_range(cls, value: dt.date | None) -> dt.date | None:
        if value is not None and not 1990 <= value.year <= 2099:
            raise ValueError("out of range")
        return value

    @field_validator("identity_review_probability")
    @classmethod
    def _is_not_above_the_match(cls, value: float, checked: ValidationInfo) -> float:
        if value > checked.data.get("identity_match_probability", 1):
            raise ValueError("above the probability of a match")
        return value

    @field_validator("reporting_currency")
    @classmethod
    def _has_a_rate(cls, value: str) -> str:
        if value not in known_currencies():
            raise ValueError("no rate")
        return value

    @property
    def inbox_dir(self) -> Path:
        """Where a user drops files; nothing of ours writes there."""
        return self.data_dir / "inbox"

    @property
    def identity_overrides_path(self) -> Path:
        """Where a user decides which records are one customer; need not exist."""
        return self.data_dir / "identity_overrides.csv"

    @property
    def landing_dir(self) -> Path:
        """Immutable files as the sources delivered them."""
        return self.data_dir / "landing"

    @property
    def sample_truth_dir(self) -> Path:
        """What is true of the sample company; never read by the pipeline."""
        return self.data_dir / "sample_truth"

    @property
    def warehouse_path(self) -> Path:
        """The DuckDB file that runs write; analysts read the published one instead."""
        return self.data_dir / "warehouse.duckdb"

    @property
    def published_dir(self) -> Path:
        """What analysts open."""
        return self.data_dir / "published"

    @property
    def model_tracking_dir(self) -> Path:
        """MLflow's database and models."""
        return self.data_dir / "mlflow"

    @property
    def dbt_target_dir(self) -> Path:
        """What dbt compiles and logs."""
        return self.data_dir / "dbt_target"

    @property
    def database_limits(self) -> DatabaseLimits:
        """What a DuckDB database may use."""
        return DatabaseLimits(self.memory_limit, self.threads, self.data_dir / "spill")

    @property
    def built_paths(self) -> list[Path]:
        """Everything that runs build, and that landing plus code can build again, landing included."""
        return [
            self.landing_dir,
            self.sample_truth_dir,
            self.warehouse_path,
            self.published_dir,
            self.model_tracking_dir,
            self.dbt_target_dir,
            self.data_dir / "spill",
            self.dagster_home,
            self.data_dir / "company.json",
        ]

    @property
    def dagster_home(self) -> Path:
        """Where Dagster keeps runs, events and schedules."""
        return self.data_dir / "dagster_home"

    @property
    def first_as_of_date(self) -> dt.date:
        """First day that may be scored: the sample company's first, or early enough for anybody's files."""
        return dt.date(2024, 10, 1) if self.sources == ("sample",) else dt.date(1990, 1, 1)

    def for_dbt(self, as_of_date: dt.date | None) -> dict[str, str]:
        """The settings as the environment variables that `dbt/macros/settings.sql` reads.

        The day of a run has a name of its own: child processes inherit these variables, and the setting
        `CUSTINT_AS_OF_DATE` is the user's.
        """
        return {
            "CUSTINT_DATA_DIR": str(self.data_dir),
            "CUSTINT_MEMORY_LIMIT": self.memory_limit,
            "CUSTINT_THREADS": str(self.threads),
            "CUSTINT_RUN_AS_OF_DATE": as_of_date.isoformat() if as_of_date else "",
            "CUSTINT_REPORTING_CURRENCY": self.reporting_currency,
            "CUSTINT_CHURN_HORIZON_DAYS": str(self.churn_horizon_days),
            "CUSTINT_LATE_ARRIVAL_DAYS": str(self.late_arrival_days),
            "CUSTINT_CUSTOMER_DAILY_DAYS": str(self.customer_daily_days),
        }


def load_settings() -> Settings:
    """Read and check all settings.

    Raises:
        SettingsError: one line per wrong setting: its name, its value and what is allowed.
    """
    try:
        found = Settings()
    except ValidationError as error:
        lines: dict[str, str] = {}
        for problem in error.errors():
            name = str(problem["loc"][0])
            field = Settings.model_fields[name]
            value = (
                "not usable (not shown: secret)"
                if SecretStr in get_args(field.annotation)
                else repr(problem["input"])
            )
            lines.setdefault(name, f"CUSTINT_{name.upper()} is {value}; allowed is {field.description}.")
        raise SettingsError("\n".join(lines.values())) from None
    missing = [
        f"CUSTINT_{name.upper()} is empty, and the source {source} needs it: "
        f"{Settings.model_fields[name].description}."
        for source in found.sources
        for name in NEEDED_BY_SOURCE.get(source, ())
        if not getattr(found, name)
    ]
    if missing:
        raise SettingsError("\n".join(missing))
    return found


@cache
def settings() -> Settings:
    """The settings of this process, read once."""
    return load_settings()
