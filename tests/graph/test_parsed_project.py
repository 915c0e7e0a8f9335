"""The dbt project is parsed once for its files as they are, however many processes start together."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dagster_project.defs import dbt


@pytest.fixture
def parsings(tmp_path, monkeypatch) -> list[Path]:
    """The parsings of an empty project, each slow enough that whoever starts with it comes while it runs."""
    parsings: list[Path] = []

    def parse(target: Path) -> None:
        parsings.append(target)
        time.sleep(0.2)
        (target / "manifest.json").write_text("{}")

    (tmp_path / "dbt_project.yml").write_text("name: empty\nprofile: customer_intelligence\n")
    monkeypatch.setattr(dbt, "DBT_DIR", tmp_path)
    monkeypatch.setattr(dbt, "refresh_contract_macro", lambda: None)
    monkeypatch.setattr(dbt.dbt_runner, "parse", parse)
    return parsings


def test_of_those_that_start_together_one_parses_and_the_others_wait(parsings):
    with ThreadPoolExecutor(4) as starting:
        projects = [starting.submit(dbt.parsed_project) for _ in range(4)]
    assert {project.result().manifest_path.read_text() for project in projects} == {"{}"}
    assert len(parsings) == 1


def test_a_changed_file_is_parsed_again_and_an_unchanged_one_is_not(parsings, tmp_path):
    dbt.parsed_project()
    (tmp_path / "model.sql").write_text("select 1")
    dbt.parsed_project()
    dbt.parsed_project()
    assert len(parsings) == 2
