"""What a failed run says for its cause, and whom the sensor tells."""

import dagster as dg
import pytest
from alert_servers import webhook

from dagster_project.defs import failures
from dagster_project.defs.failures import INTERRUPTED, TOLD_BY, failure_causes
from dagster_project.settings import load_settings


@dg.asset
def refused() -> int:
    raise dg.Failure("HTTP 401; check the key.", allow_retries=False)


@dg.asset
def downstream(refused: int) -> None:
    """Only waits for the other."""


@dg.asset
def broken() -> None:
    try:
        raise KeyError("the real reason")
    except KeyError as error:
        raise RuntimeError("wrapped") from error


@dg.asset
def broken_too() -> None:
    raise dg.Failure("HTTP 401; check the key.", allow_retries=False)


@dg.asset
def stopped() -> None:
    raise KeyboardInterrupt


def run(instance: dg.DagsterInstance, *assets: dg.AssetsDefinition, **tags: str) -> dg.ExecuteInProcessResult:
    return dg.materialize(list(assets), instance=instance, raise_on_error=False, tags=tags)


def test_steps_that_fail_alike_are_one_cause_and_those_that_waited_none():
    with dg.DagsterInstance.ephemeral() as instance:
        causes = failure_causes(run(instance, refused, downstream, broken_too, broken).all_events)
    assert {(frozenset(cause.steps), cause.reason) for cause in causes} == {
        (frozenset({"refused", "broken_too"}), "HTTP 401; check the key."),
        (frozenset({"broken"}), "KeyError: 'the real reason'"),
    }


def test_a_run_that_was_ended_says_so():
    with dg.DagsterInstance.ephemeral() as instance:
        (cause,) = failure_causes(run(instance, stopped).all_events)
    assert (cause.steps, cause.reason) == (("stopped",), INTERRUPTED)


@pytest.mark.parametrize(("tags", "messages"), [({}, 1), ({TOLD_BY: "the command line"}, 0)])
def test_the_sensor_tells_of_runs_that_nobody_else_tells_of(
    tags: dict[str, str], messages: int, monkeypatch: pytest.MonkeyPatch
):
    with webhook() as (port, posts), dg.DagsterInstance.ephemeral() as instance:
        monkeypatch.setenv("CUSTINT_ALERT_URLS", f"json://127.0.0.1:{port}")
        values = load_settings()
        monkeypatch.setattr(failures, "settings", lambda: values)
        assert list(failures.failure_sensor().sensors or ()) == [failures.failures_are_told]
        result = run(instance, refused, downstream, broken_too, **tags)
        (event,) = [event for event in result.all_events if event.event_type_value == "PIPELINE_FAILURE"]
        context = dg.build_run_status_sensor_context(
            sensor_name="failures_are_told",
            dagster_event=event,
            dagster_instance=instance,
            dagster_run=result.dagster_run,
        ).for_run_failure()
        failures.failures_are_told(context)
    assert len(posts) == messages
    for post in posts:
        assert post["title"].startswith("Customer intelligence: the run failed in ")
        assert post["message"].startswith("HTTP 401; check the key.\n")


def test_without_an_address_there_is_no_sensor(monkeypatch: pytest.MonkeyPatch):
    values = load_settings()
    monkeypatch.setattr(failures, "settings", lambda: values)
    assert not failures.failure_sensor().sensors
