"""Which connector reads which source: the one place that knows all of them.

Imports each source's module only when it is wanted: some of their libraries take seconds to load.
"""

from typing import TYPE_CHECKING

from pydantic import SecretStr

from dagster_project.contracts import landing_objects
from dagster_project.ingest.streams import Connector
from dagster_project.settings import TABLE_SETTING, Settings

if TYPE_CHECKING:
    from dagster_project.ingest.api_client import HttpLimits


def live_sources(settings: Settings) -> list[str]:
    """The items of the setting `sources` that read a live system, in its order."""
    return [source for source in settings.sources if source in _MAKERS]


def source_objects(source: str, settings: Settings) -> tuple[str, ...]:
    """Landing objects that a live source writes; known without asking it."""
    if source == "postgres":
        tables = [TABLE_SETTING.fullmatch(text) for text in settings.postgres_tables]
        return tuple(f"product__{found['object']}" for found in tables if found)
    whole_system = tuple(name for name in landing_objects() if name.startswith(f"{source}__"))
    return _OBJECTS.get(source, whole_system)


def connector(source: str, settings: Settings) -> Connector:
    """The connector of one item of the setting `sources`, with its settings.

    Raises:
        KeyError: The source is not a live one.
    """
    return _MAKERS[source](settings)


def _salesforce(settings: Settings) -> Connector:
    from dagster_project.ingest.salesforce.connector import Salesforce

    return Salesforce(
        instance_url=str(settings.salesforce_instance_url),
        client_id=_opened(settings.salesforce_client_id),
        client_secret=_opened(settings.salesforce_client_secret),
        api_version=settings.salesforce_api_version,
        landing_dir=settings.landing_dir,
        limits=_limits(settings),
        batch_rows=settings.source_batch_rows,
        lag_seconds=settings.source_lag_seconds,
    )


def _stripe(settings: Settings) -> Connector:
    from dagster_project.ingest.stripe.connector import Stripe

    return Stripe(
        api_key=_opened(settings.stripe_api_key),
        api_base=settings.stripe_api_base,
        landing_dir=settings.landing_dir,
        limits=_limits(settings),
        batch_rows=settings.source_batch_rows,
        full_read_days=settings.stripe_full_read_days,
    )


def _zendesk(settings: Settings) -> Connector:
    from dagster_project.ingest.zendesk.connector import Zendesk

    return Zendesk(
        base_url=str(settings.zendesk_base_url),
        email=str(settings.zendesk_email),
        api_token=_opened(settings.zendesk_api_token),
        landing_dir=settings.landing_dir,
        limits=_limits(settings),
        batch_rows=settings.source_batch_rows,
        calls_per_minute=settings.zendesk_calls_per_minute,
    )


def _postgres(settings: Settings) -> Connector:
    from dagster_project.ingest.postgres.connector import Postgres

    return Postgres(
        url=_opened(settings.postgres_url),
        tables=settings.postgres_tables,
        landing_dir=settings.landing_dir,
        batch_rows=settings.source_batch_rows,
        lag_seconds=settings.source_lag_seconds,
        timeout_seconds=settings.postgres_timeout_seconds,
    )


def _events(settings: Settings) -> Connector:
    from dagster_project.ingest.events.connector import EventFiles

    return EventFiles(path=str(settings.events_path), landing_dir=settings.landing_dir)


_OBJECTS = {"events": ("product__events",)}
"""What a source writes that does not fill all objects of a system of its own name."""

_MAKERS = {
    "salesforce": _salesforce,
    "stripe": _stripe,
    "zendesk": _zendesk,
    "postgres": _postgres,
    "events": _events,
}


def _opened(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret else ""


def _limits(settings: Settings) -> "HttpLimits":
    from dagster_project.ingest.api_client import HttpLimits

    return HttpLimits(
        timeout_seconds=settings.http_timeout_seconds,
        attempt_count=settings.http_attempts,
        page_limit=settings.http_page_limit,
    )
