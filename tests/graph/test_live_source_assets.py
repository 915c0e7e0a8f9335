"""Each live source as the Dagster UI shows it: one step, an asset per object with a check and a freshness policy."""

import dagster as dg
import pytest
from pydantic import SecretStr

from dagster_project.contracts import landing_objects
from dagster_project.defs import live_sources
from dagster_project.settings import NEEDED_BY_SOURCE, Settings


@pytest.fixture(autouse=True)
def every_source(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings with all live sources; nothing is asked of them."""
    values = Settings(
        sources=tuple(NEEDED_BY_SOURCE),
        stripe_api_key=SecretStr("a-key"),
        postgres_tables=("workspaces=app.workspaces", "users=app.users"),
    )
    monkeypatch.setattr(live_sources, "settings", lambda: values)


@pytest.fixture
def steps() -> dict[str, dg.AssetsDefinition]:
    return {step.node_def.name: step for step in live_sources.live_source_assets().assets or ()}


def test_each_source_is_a_step_with_its_objects(steps: dict[str, dg.AssetsDefinition]):
    assert list(steps) == [f"{source}_landing" for source in NEEDED_BY_SOURCE]
    objects = {name: {key.path[1] for key in step.keys} for name, step in steps.items()}
    for system in ("salesforce", "stripe", "zendesk"):
        assert objects[f"{system}_landing"] == {
            name for name in landing_objects() if name.startswith(f"{system}__")
        }
    assert objects["postgres_landing"] == {"product__workspaces", "product__users"}
    assert objects["events_landing"] == {"product__events"}


def test_each_object_has_a_check_of_its_shape_and_a_freshness_policy(
    steps: dict[str, dg.AssetsDefinition],
):
    for step in steps.values():
        assert {check.asset_key for check in step.check_keys} == set(step.keys)
        assert {check.name for check in step.check_keys} == {"shape_as_agreed"}
        assert all(spec.freshness_policy is not None for spec in step.specs)
