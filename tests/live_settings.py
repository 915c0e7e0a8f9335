"""Settings of every live source, each with values that are allowed; nothing is asked of any."""

import pytest

from dagster_project.ingest.connectors import known_sources
from dagster_project.settings import Settings, load_settings

VALUES = {
    "CUSTINT_SALESFORCE_INSTANCE_URL": "https://acme.my.salesforce.com",
    "CUSTINT_SALESFORCE_CLIENT_ID": "an-id",
    "CUSTINT_SALESFORCE_CLIENT_SECRET": "a-secret",
    "CUSTINT_STRIPE_API_KEY": "a-key",
    "CUSTINT_ZENDESK_BASE_URL": "https://acme.zendesk.com",
    "CUSTINT_ZENDESK_EMAIL": "reader@acme.example",
    "CUSTINT_ZENDESK_API_TOKEN": "a-token",
    "CUSTINT_POSTGRES_URL": "postgresql://reader:word@127.0.0.1/app",
    "CUSTINT_POSTGRES_TABLES": "workspaces=app.workspaces, users=app.users:changed_at:user_id",
    "CUSTINT_EVENTS_PATH": "a-folder",
}


def live_settings(monkeypatch: pytest.MonkeyPatch, *sources: str, **variables: str) -> Settings:
    """The settings with these live sources, all of them when none is named."""
    chosen = {"CUSTINT_SOURCES": ",".join(sources or known_sources())}
    for name, value in (VALUES | chosen | variables).items():
        monkeypatch.setenv(name, value)
    return load_settings()
