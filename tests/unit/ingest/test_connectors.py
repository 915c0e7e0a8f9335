"""Every live source can be made from the settings, and writes the objects that the graph expects of it."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from dagster_project.ingest.connectors import connector, live_sources, source_objects
from dagster_project.settings import NEEDED_BY_SOURCE, Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        data_dir=tmp_path,
        sources=("files", *NEEDED_BY_SOURCE),
        salesforce_instance_url="https://acme.my.salesforce.com",
        salesforce_client_id=SecretStr("an-id"),
        salesforce_client_secret=SecretStr("a-secret"),
        stripe_api_key=SecretStr("a-key"),
        zendesk_base_url="https://acme.zendesk.com",
        zendesk_email="reader@acme.example",
        zendesk_api_token=SecretStr("a-token"),
        postgres_url=SecretStr("postgresql://reader:word@127.0.0.1/app"),
        postgres_tables=("workspaces=app.workspaces", "users=app.users:changed_at:user_id"),
        events_path=str(tmp_path),
    )


def test_files_are_no_live_source(settings: Settings):
    assert live_sources(settings) == list(NEEDED_BY_SOURCE)


@pytest.mark.parametrize("source", NEEDED_BY_SOURCE)
def test_a_connector_writes_the_objects_that_the_graph_expects(source: str, settings: Settings):
    made = connector(source, settings)
    assert made.name == source
    assert set(made.objects) == set(source_objects(source, settings))
    assert len(set(made.objects)) == len(made.objects)


def test_no_object_belongs_to_two_sources(settings: Settings):
    objects = [name for source in live_sources(settings) for name in source_objects(source, settings)]
    assert len(set(objects)) == len(objects)
