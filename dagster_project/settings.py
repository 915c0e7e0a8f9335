"""Every path and tunable of the pipeline, typed and with its unit.

The only reader of environment variables and `.env`. The settings of a source are in its folder under `ingest/`, on the
base class here. Nothing else belongs here: no logic, no input or output beyond what a setting may name (the currencies
that have a rate, the sources that have a folder).
"""

import csv
import datetime as dt
import os
from abc import abstractmethod
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from dagster_project.alerts import alert_addresses
from dagster_project.databases import DatabaseLimits, machine_limits
from dagster_project.ingest.connectors import known_sources

if TYPE_CHECKING:
    from dagster_project.ingest.streams import Connector

Kind = TypeVar("Kind", bound=BaseSettings)

PROJECT_DIR = Path(__file__).resolve().parent.parent
DBT_DIR = PROJECT_DIR / "dbt"

SAMPLE_FIRST_DATE = dt.date(2024, 10, 1)
SAMPLE_END_DATE = dt.date(2026, 9, 30)
"""The simulated company's first day with enough to score, and the last that is simulated without asking for more."""

PATTERN_SIGNS = set("*?[]'\"")
"""What DuckDB reads as a pattern or a quote in the path of a file."""

MEMORY = r"^[1-9]\d*(\.\d+)? ?([KMGT]i?B)$"


class SettingsError(Exception):
    """A setting has a value that is not allowed; the message is one line per setting, for a person."""


def known_currencies() -> list[str]:
    """Currencies that have a rate in `dbt/seeds/currency_rates.csv`."""
    with (DBT_DIR / "seeds" / "currency_rates.csv").open() as rates:
        return list(dict.fromkeys(row["currency"] for row in csv.DictReader(rates)))


FROM_ENVIRONMENT = SettingsConfigDict(
    env_prefix="CUSTINT_", env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
)


def _split_comma_list(value: object) -> object:
    return tuple(part.strip() for part in value.split(",")) if isinstance(value, str) else value


def _has_no_space(value: SecretStr) -> SecretStr:
    if len(value.get_secret_value().split()) != 1:
        raise ValueError("white space")
    return value


def _are_alert_addresses(value: SecretStr) -> SecretStr:
    alert_addresses(value.get_secret_value())
    return value


def _is_known(source: str) -> str:
    if source not in source_names():
        raise ValueError("no such source")
    return source


CommaList = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_comma_list)]
Secret = Annotated[SecretStr, AfterValidator(_has_no_space), Field(description="a text without spaces")]
WebAddress = Annotated[
    str,
    Field(
        pattern=r"^https?://[^\s/?#@]+(/[^\s?#]*)?$", description="an address like https://api.example.com"
    ),
]


class SourceSettings(BaseSettings):
    """One live source: its settings, what it lands, and what reads it. A package of `ingest/` exports it as `SOURCE`.

    A subclass says where its settings are: `class StripeSource(SourceSettings, env_prefix="CUSTINT_STRIPE_")`. Those
    without a default must be set where the source is used.
    """

    model_config = FROM_ENVIRONMENT

    @property
    @abstractmethod
    def objects(self) -> tuple[str, ...]:
        """Landing objects that the source writes; known without asking it."""

    @abstractmethod
    def connector(self, common: "Settings") -> "Connector":
        """What reads the source; imported here, as some libraries take seconds to load."""


def source_names() -> tuple[str, ...]:
    """What the setting `sources` may name."""
    return ("sample", "files", *known_sources())


class Settings(BaseSettings):
    """Settings from the environment or `.env`: the field `data_dir` is `CUSTINT_DATA_DIR`, and so on."""

    model_config = FROM_ENVIRONMENT

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
    sources: Annotated[
        tuple[Annotated[str, AfterValidator(_is_known)], ...], NoDecode, BeforeValidator(_split_comma_list)
    ] = Field(
        default=("sample",),
        min_length=1,
        description="a comma list of {sources}; sample goes with files alone",
    )
    as_of_date: dt.date | None = Field(default=None, description="a day YYYY-MM-DD, 1990-01-01 to 2099-12-31")
    first_as_of_date: dt.date | None = Field(
        default=None, description="a day YYYY-MM-DD, 1990-01-01 to 2099-12-31"
    )
    sample_company: Literal["software", "shop"] = Field(
        default="software",
        description="software or shop; the shop fills the file drop itself, and goes with no other source than sample",
    )
    sample_customers: int = Field(default=2000, ge=50, le=100_000, description="a whole number, 50 to 100000")
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
    annual_discount_share: float = Field(default=0.10, ge=0, le=1, description="a share, 0 to 1")
    accept_older_data: bool = Field(default=False, description="true or false")

    publish_contacts: bool = Field(default=False, description="true or false")

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
    source_retries: int = Field(default=2, ge=0, le=10, description="a whole number, 0 to 10")
    source_retry_seconds: int = Field(
        default=30, ge=0, le=3600, description="a whole number of seconds, 0 to 3600"
    )

    max_run_minutes: float = Field(
        default=360, gt=0, le=10_080, description="a number of minutes above 0, up to 10080"
    )
    alert_urls: Annotated[SecretStr, AfterValidator(_are_alert_addresses)] | None = Field(
        default=None,
        description="addresses as Apprise writes them (mailto://..., slack://..., jsons://...), with spaces or commas "
        "between them",
    )
    ui_port: int = Field(default=3000, ge=1, le=65_535, description="a port, 1 to 65535")
    mlflow_port: int = Field(default=5000, ge=1, le=65_535, description="a port, 1 to 65535")

    _of_sources: dict[str, SourceSettings] = PrivateAttr(default_factory=dict)

    @field_validator("sources")
    @classmethod
    def _is_one_company(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if "sample" in value and set(value) - {"sample", "files"}:
            raise ValueError("the sample company beside a live one")
        return value

    @field_validator("sample_company")
    @classmethod
    def _has_the_file_drop_alone(cls, value: str, checked: ValidationInfo) -> str:
        if value == "shop" and "files" in checked.data.get("sources", ()):
            raise ValueError("two that fill the file drop")
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

    @field_validator("as_of_date", "first_as_of_date", mode="before")
    @classmethod
    def _is_an_iso_day(cls, value: object) -> object:
        return dt.datetime.strptime(value.strip(), "%Y-%m-%d").date() if isinstance(value, str) else value

    @field_validator("as_of_date", "first_as_of_date")
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
    def live_sources(self) -> dict[str, SourceSettings]:
        """The items of `sources` that read a live system, by name, in their order."""
        return {name: self._of_sources[name] for name in self.sources if name in self._of_sources}

    def by_variable(self) -> dict[str, object]:
        """Every setting, those of all sources included, by its variable; None when it has no value."""
        return {
            variable(type(each), name): getattr(each, name, None)
            for each in (self, *self._of_sources.values())
            for name in type(each).model_fields
        }

    @property
    def alert_addresses(self) -> tuple[str, ...]:
        """Who is told of a failure; secret."""
        return alert_addresses(self.alert_urls.get_secret_value()) if self.alert_urls else ()

    @property
    def inbox_dir(self) -> Path:
        """Where a user drops files; nothing of ours writes there."""
        return self.data_dir / "inbox"

    @property
    def is_shop_simulated(self) -> bool:
        """Whether the simulated shop is what a run reads."""
        return "sample" in self.sources and self.sample_company == "shop"

    @property
    def sample_inbox_dir(self) -> Path:
        """Where the simulated shop puts its exports; read as the inbox is."""
        return self.data_dir / "sample_inbox"

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
    def notebook_pages_dir(self) -> Path:
        """The notebooks as pages."""
        return self.data_dir / "notebooks"

    @property
    def model_tracking_dir(self) -> Path:
        """MLflow's database and models."""
        return self.data_dir / "mlflow"

    @property
    def quality_dir(self) -> Path:
        """Pages that show how each run's data was judged."""
        return self.data_dir / "quality"

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
            self.sample_inbox_dir,
            self.warehouse_path,
            self.published_dir,
            self.notebook_pages_dir,
            self.model_tracking_dir,
            self.quality_dir,
            self.dbt_target_dir,
            self.data_dir / "spill",
            self.dagster_home,
            self.data_dir / "company.json",
            self.run_days_path,
        ]

    @property
    def run_days_path(self) -> Path:
        """The days that runs were for, as the Dagster UI needs them."""
        return self.data_dir / "run_days.json"

    @property
    def dagster_home(self) -> Path:
        """Where Dagster keeps runs, events and schedules."""
        return self.data_dir / "dagster_home"

    @property
    def earliest_day(self) -> dt.date:
        """First day that may be scored: the sample company's first, or early enough for anybody's files."""
        return SAMPLE_FIRST_DATE if self.sources == ("sample",) else dt.date(1990, 1, 1)

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
            "CUSTINT_GROSS_MARGIN_SHARE": str(self.gross_margin_share),
            "CUSTINT_LATE_ARRIVAL_DAYS": str(self.late_arrival_days),
            "CUSTINT_CUSTOMER_DAILY_DAYS": str(self.customer_daily_days),
        }


def variable(kind: type[BaseSettings], name: str) -> str:
    """The environment variable of a field."""
    return f"{kind.model_config.get('env_prefix')}{name}".upper()


def is_secret(field: FieldInfo) -> bool:
    """Whether the value of a setting is shown nowhere; also where it may be missing (`Secret | None`)."""
    return SecretStr.__name__ in repr(field.annotation)


def load_settings() -> Settings:
    """Read and check all settings, those of every source included.

    Raises:
        SettingsError: one line per wrong setting: its name, its value and what is allowed.
    """
    problems: list[str] = []
    found = _read(Settings, problems)
    for name, kind in known_sources().items():
        found._of_sources[name] = _read(kind, problems, name if name in found.sources else "")
    problems = problems or _objects_with_two_writers(found)
    if problems:
        raise SettingsError("\n".join(problems))
    return found


def _read(kind: type[Kind], problems: list[str], used_by: str = "") -> Kind:
    """Settings of one kind; what is wrong is added to `problems`, and what is missing where a source uses them."""
    try:
        return kind()
    except ValidationError as error:
        lines: dict[str, str] = {}
        given: dict[str, Any] = {}
        for problem in error.errors():
            name = str(problem["loc"][0])
            if problem["type"] == "missing":
                given = {key: value for key, value in problem["input"].items() if key in kind.model_fields}
            if problem["type"] != "missing" or used_by:
                lines.setdefault(name, _line(kind, name, problem, used_by))
        problems += lines.values()
        hidden = {name for name, field in kind.model_fields.items() if is_secret(field)}
        shown = {name: SecretStr(str(value)) if name in hidden else value for name, value in given.items()}
        return kind.model_construct(set(given), **shown)


def _line(kind: type[BaseSettings], name: str, problem: ErrorDetails, used_by: str) -> str:
    field = kind.model_fields[name]
    allowed = str(field.description).replace("{sources}", ", ".join(source_names()))
    if problem["type"] == "missing":
        return f"{variable(kind, name)} is empty, and the source {used_by} needs it: {allowed}."
    value = "not usable (not shown: secret)" if is_secret(field) else repr(problem["input"])
    # Of several addresses it helps to know which.
    which = f" ({problem['msg'].removeprefix('Value error, ')})" if name == "alert_urls" else ""
    return f"{variable(kind, name)} is {value}; allowed is {allowed}{which}."


def _objects_with_two_writers(found: Settings) -> list[str]:
    writers: dict[str, list[str]] = {}
    for name, source in found.live_sources.items():
        for object_name in source.objects:
            writers.setdefault(object_name, []).append(name)
    return [
        f"CUSTINT_SOURCES is '{','.join(found.sources)}', and both {' and '.join(names)} write "
        f"{object_name.replace('__', ' ')}; allowed is one source for each object."
        for object_name, names in writers.items()
        if len(names) > 1
    ]


@cache
def settings() -> Settings:
    """The settings of this process, read once."""
    return load_settings()
