"""What a failed run says for its cause, and whom the sensor tells."""

import logging
import time

import dagster as dg
import pytest
from alert_servers import webhook
from dagster._daemon.monitoring.run_monitoring import check_run_timeout
from dbt.cli.main import dbtRunner, dbtRunnerResult

from dagster_project.defs import dbt, failures
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


def test_an_interrupt_that_reaches_dbt_is_no_fault_of_dbt(monkeypatch: pytest.MonkeyPatch):
    interrupted = dbtRunnerResult(success=False, exception=KeyboardInterrupt())
    monkeypatch.setattr(dbtRunner, "invoke", lambda *_: interrupted)
    with dg.DagsterInstance.ephemeral() as instance:
        done = dg.materialize(
            [dbt.dbt_bronze],
            instance=instance,
            raise_on_error=False,
            selection=dg.AssetSelection.assets(["bronze", "currency_rates"]),
        )
    assert [cause.reason for cause in failure_causes(done.all_events)] == [INTERRUPTED]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch):
    """What the sensor sends of a run: it looks at each of its failures."""

    def tell(instance: dg.DagsterInstance, run_id: str) -> list[dict[str, str]]:
        with webhook() as (port, posts):
            monkeypatch.setenv("CUSTINT_ALERT_URLS", f"json://127.0.0.1:{port}")
            values = load_settings()
            monkeypatch.setattr(failures, "settings", lambda: values)
            assert list(failures.failure_sensor().sensors or ()) == [failures.failures_are_told]
            for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.RUN_FAILURE):
                context = dg.build_run_status_sensor_context(
                    sensor_name="failures_are_told",
                    dagster_event=entry.dagster_event,
                    dagster_instance=instance,
                    dagster_run=instance.get_run_by_id(run_id),
                )
                failures.failures_are_told(context.for_run_failure())
        return posts

    return tell


def test_a_run_that_monitoring_ends_is_told_once_with_what_to_do(told, monkeypatch: pytest.MonkeyPatch):
    """Its process fails after it, of whatever was cut off."""

    @dg.asset
    def endless(context: dg.AssetExecutionContext) -> None:
        time.sleep(0.2)
        record = context.instance.get_run_record_by_id(context.run.run_id)
        check_run_timeout(context.instance, record, logging.getLogger(), 0.1)
        raise RuntimeError("INTERRUPT Error: Interrupted!")

    monkeypatch.setenv("CUSTINT_MAX_RUN_MINUTES", "0.5")
    with dg.DagsterInstance.ephemeral() as instance:
        ended = run(instance, endless)
        assert len(instance.all_logs(ended.run_id, of_type=dg.DagsterEventType.RUN_FAILURE)) == 2
        (post,) = told(instance, ended.run_id)
    assert post["message"].startswith("the run took longer than 0.5 minutes and was ended; ")
    assert "raise CUSTINT_MAX_RUN_MINUTES." in post["message"]


@pytest.mark.parametrize(("tags", "messages"), [({}, 1), ({TOLD_BY: "the command line"}, 0)])
def test_the_sensor_tells_of_runs_that_nobody_else_tells_of(tags: dict[str, str], messages: int, told):
    with dg.DagsterInstance.ephemeral() as instance:
        posts = told(instance, run(instance, refused, downstream, broken_too, **tags).run_id)
    assert len(posts) == messages
    for post in posts:
        assert post["title"].startswith("Customer intelligence: the run failed in ")
        assert post["message"].startswith("HTTP 401; check the key.\n")


def test_without_an_address_there_is_no_sensor(monkeypatch: pytest.MonkeyPatch):
    values = load_settings()
    monkeypatch.setattr(failures, "settings", lambda: values)
    assert not failures.failure_sensor().sensors
