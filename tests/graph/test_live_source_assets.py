"""Each live source as the Dagster UI shows it: one step, an asset per object with a check and a freshness policy."""

import dagster as dg
import pytest
from live_settings import live_settings

from dagster_project.contracts import system_objects
from dagster_project.defs import live_sources
from dagster_project.ingest.connectors import known_sources


@pytest.fixture(autouse=True)
def every_source(monkeypatch: pytest.MonkeyPatch) -> None:
    values = live_settings(monkeypatch)
    monkeypatch.setattr(live_sources, "settings", lambda: values)


@pytest.fixture
def steps() -> dict[str, dg.AssetsDefinition]:
    return {step.node_def.name: step for step in live_sources.live_source_assets().assets or ()}


def test_each_source_is_a_step_with_its_objects(steps: dict[str, dg.AssetsDefinition]):
    assert list(steps) == [f"{source}_landing" for source in known_sources()]
    objects = {name: {key.path[1] for key in step.keys} for name, step in steps.items()}
    for system in ("salesforce", "stripe", "zendesk"):
        assert objects[f"{system}_landing"] == set(system_objects(system))
    assert objects["postgres_landing"] == {"product__workspaces", "product__users"}
    assert objects["events_landing"] == {"product__events"}


def test_each_object_has_a_check_of_its_shape_and_a_freshness_policy(
    steps: dict[str, dg.AssetsDefinition],
):
    for step in steps.values():
        assert {check.asset_key for check in step.check_keys} == set(step.keys)
        assert {check.name for check in step.check_keys} == {"shape_as_agreed"}
        assert all(spec.freshness_policy is not None for spec in step.specs)
