"""Every live source is found by its folder, can be made from the settings, and writes what the graph expects of it."""

from collections import Counter

import pytest
from live_settings import live_settings

from dagster_project.ingest.connectors import known_sources
from dagster_project.settings import PROJECT_DIR

INGEST = PROJECT_DIR / "dagster_project" / "ingest"


def test_the_live_sources_are_the_folders_of_ingest_but_the_file_drop():
    folders = {path.parent.name for path in INGEST.glob("*/__init__.py")}
    assert set(known_sources()) == folders - {"files"}


def test_live_sources_keep_the_order_in_which_they_are_named(monkeypatch: pytest.MonkeyPatch):
    assert list(live_settings(monkeypatch, "zendesk", "files", "events").live_sources) == [
        "zendesk",
        "events",
    ]


@pytest.mark.parametrize("name", known_sources())
def test_a_connector_writes_the_objects_that_the_graph_expects(name: str, monkeypatch: pytest.MonkeyPatch):
    settings = live_settings(monkeypatch, name)
    (source,) = settings.live_sources.values()
    made = source.connector(settings)
    assert made.name == name
    assert Counter(made.objects) == Counter(source.objects)


def test_no_object_belongs_to_two_sources(monkeypatch: pytest.MonkeyPatch):
    sources = live_settings(monkeypatch).live_sources.values()
    assert max(Counter(name for source in sources for name in source.objects).values()) == 1


def test_a_folder_of_ingest_is_imported_without_the_libraries_of_its_connector():
    for name in known_sources():
        text = (INGEST / name / "__init__.py").read_text()
        top = [line for line in text.splitlines() if line.startswith(("import ", "from "))]
        assert not [line for line in top if "dlt" in line or "connector" in line or "adbc" in line], name
