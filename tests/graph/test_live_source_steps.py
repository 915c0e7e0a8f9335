"""What a step makes of what its connector brings: go on with a warning, or fail with one line."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace

import dagster as dg
import pytest
from live_settings import live_settings

from dagster_project.contracts import system_objects
from dagster_project.defs import daily_run, landing_assets, live_sources
from dagster_project.ingest.streams import Landed, Probe, SourceError
from dagster_project.ingest.stripe import StripeSource

STRIPE = system_objects("stripe")


class Prepared:
    """A connector that brings prepared results, and then ends with an error, if it has one."""

    name = "stripe"
    objects = STRIPE

    def __init__(self, results: list[Landed], errors: list[Exception | None]) -> None:
        self.results, self.errors = results, errors

    def land(self, read_at: dt.datetime) -> Iterator[Landed]:
        error = self.errors.pop(0) if self.errors else None
        for landed in self.results:
            of_source = isinstance(error, SourceError)
            yield replace(landed, failure=str(error), may_pass=error.may_pass) if of_source else landed
        if error:
            raise error

    def probe(self) -> list[Probe]:
        return []


@pytest.fixture
def run(tmp_path, monkeypatch: pytest.MonkeyPatch):
    """Run the step of Stripe over a connector; what Dagster says of it."""
    values = live_settings(
        monkeypatch, "stripe", CUSTINT_DATA_DIR=str(tmp_path), CUSTINT_SOURCE_RETRY_SECONDS="0"
    )
    monkeypatch.setattr(live_sources, "settings", lambda: values)
    monkeypatch.setattr(landing_assets, "settings", lambda: values)

    def run_step(results: list[Landed], *errors: Exception | None) -> dg.ExecuteInProcessResult:
        prepared = Prepared(results, list(errors))
        monkeypatch.setattr(StripeSource, "connector", lambda *_: prepared)
        with dg.DagsterInstance.ephemeral() as instance:
            (step,) = live_sources.live_source_assets().assets or ()
            return dg.materialize([step], instance=instance, raise_on_error=False)

    return run_step


def results(**of_customers) -> list[Landed]:
    return [
        Landed(name, fetched_row_count=3, landed_row_count=2, repeated_row_count=1, rejected_row_count=1)
        if name != "stripe__customers"
        else Landed(name, **of_customers)
        for name in STRIPE
    ]


def failure_of(result: dg.ExecuteInProcessResult) -> str:
    (event,) = [event for event in result.all_events if event.event_type_value == "STEP_FAILURE"]
    assert event.step_failure_data.user_failure_data is not None
    return str(event.step_failure_data.user_failure_data.description)


def test_each_object_shows_what_its_read_brought(run):
    done = run(results())
    assert done.success
    (shown,) = [
        event.metadata for event in done.asset_materializations_for_node("stripe_landing")
        if event.asset_key.path[1] == "stripe__invoices"
    ]  # fmt: skip
    said = {name: value.value for name, value in shown.items()}
    assert {name: said[name] for name in ("fetched_rows", "kept_rows", "repeated_rows", "quarantined_rows")} == {
        "fetched_rows": 3, "kept_rows": 1, "repeated_rows": 1, "quarantined_rows": 1,
    }  # fmt: skip
    assert {"cursor_before", "cursor_after", "api_calls", "duration_seconds", "new_columns"} <= said.keys()


def test_a_note_of_a_read_is_shown_at_its_asset_and_in_the_summary_of_the_run(run):
    done = run(results(notes=("stripe customers: the moon was full",)))
    assert done.success
    said = [event.metadata["notes"].value for event in done.asset_materializations_for_node("stripe_landing")]
    assert sorted(set(said)) == ["none", "stripe customers: the moon was full"]
    assert said.count("none") == len(STRIPE) - 1
    assert daily_run._warnings(done) == ("stripe customers: the moon was full",)


def test_an_object_of_another_shape_warns_and_the_step_goes_on(run):
    done = run(results(refused="stripe customers: required column id is missing"))
    assert done.success
    (failed,) = [check for check in done.get_asset_check_evaluations() if not check.passed]
    assert failed.severity == dg.AssetCheckSeverity.WARN
    assert failed.description == "stripe customers: required column id is missing"


def test_an_object_that_could_not_be_read_fails_the_step_after_the_others(run):
    done = run(results(failure="Stripe customers: HTTP 500."))
    assert not done.success
    assert failure_of(done) == "Stripe customers: HTTP 500."
    assert len(done.asset_materializations_for_node("stripe_landing")) == len(STRIPE) - 1


def test_a_source_that_stops_is_one_line(run):
    line = "Stripe: HTTP 401; check CUSTINT_STRIPE_API_KEY."
    done = run([Landed(name, failure=line) for name in STRIPE], SourceError(line, stops_source=True))
    assert failure_of(done) == line


def test_a_source_that_shows_nothing_at_all_fails(run):
    done = run([Landed(name, refused=f"{name}: HTTP 404", is_hidden=True) for name in STRIPE])
    assert failure_of(done).splitlines() == [f"{name}: HTTP 404" for name in STRIPE]


def test_drift_of_every_object_is_a_warning_still(run):
    assert run([Landed(name, refused=f"{name}: column id is missing") for name in STRIPE]).success


def attempts(done: dg.ExecuteInProcessResult) -> int:
    begun = [event for event in done.all_events if event.event_type_value in ("STEP_START", "STEP_RESTARTED")]
    return len(begun)


PASSING = SourceError("PostgreSQL: cannot connect: it is starting up", stops_source=True, may_pass=True)
REFUSED = SourceError("Stripe: HTTP 401; check CUSTINT_STRIPE_API_KEY.", stops_source=True)


@pytest.mark.parametrize(
    ("errors", "expected_attempts", "failure"),
    [
        ([PASSING, None], 2, ""),
        ([PASSING, PASSING, None], 3, ""),
        ([PASSING] * 4, 3, str(PASSING)),
        ([REFUSED, None], 1, str(REFUSED)),
        ([PASSING, REFUSED, None], 2, str(REFUSED)),
    ],
)
def test_a_fault_that_may_pass_is_tried_again_and_a_refused_key_is_not(
    run, errors: list[SourceError | None], expected_attempts: int, failure: str
):
    done = run(results(), *errors)
    assert attempts(done) == expected_attempts
    assert done.success is not bool(failure)
    if failure:
        assert failure_of(done) == failure
    else:
        assert len(done.asset_materializations_for_node("stripe_landing")) == len(STRIPE)


def test_what_is_broken_here_is_not_tried_again(run):
    done = run(results(), ValueError("a mistake of ours"))
    assert (attempts(done), done.success) == (1, False)
