"""Files that land in the inbox start a run, once, and only when the copy is over."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest

from dagster_project.defs import inbox
from dagster_project.defs.daily_run import NoCompleteDayError
from dagster_project.settings import Settings

Look = Callable[[], dg.SensorResult | dg.SkipReason]


@pytest.fixture
def inbox_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An inbox of its own that the sensors look into."""
    values = Settings(data_dir=tmp_path, sources=("files",), as_of_date=None)
    monkeypatch.setattr(inbox, "settings", lambda: values)
    values.inbox_dir.mkdir()
    return values.inbox_dir


@pytest.fixture
def look(inbox_dir: Path) -> Look:
    """One look of the sensor; it remembers what the daemon would."""
    cursor: list[str | None] = [None]

    def one_look() -> dg.SensorResult | dg.SkipReason:
        with dg.DagsterInstance.ephemeral() as instance:
            context = dg.build_sensor_context(instance=instance, cursor=cursor[0])
            said = inbox.inbox_files(context)
            cursor[0] = said.cursor if isinstance(said, dg.SensorResult) else context.cursor
        return said

    return one_look


def is_run(said: dg.SensorResult | dg.SkipReason) -> bool:
    return isinstance(said, dg.SensorResult) and len(said.run_requests or ()) == 1


def test_an_empty_inbox_starts_nothing(look: Look, inbox_dir: Path):
    assert not is_run(look())
    inbox_dir.rmdir()
    assert not is_run(look())


def test_a_file_starts_one_run_and_not_a_second(look: Look, inbox_dir: Path):
    look()
    (inbox_dir / "transactions.csv").write_text("a")
    assert [is_run(look()) for _ in range(4)] == [False, True, False, False]


def test_a_file_that_still_grows_is_waited_for(look: Look, inbox_dir: Path):
    path = inbox_dir / "transactions.csv"
    said = []
    for size in range(1, 4):
        path.write_text("a" * size)
        said.append(is_run(look()))
    assert [*said, is_run(look())] == [False, False, False, True]


def test_a_changed_file_and_a_removed_one_start_a_run_again(look: Look, inbox_dir: Path):
    (inbox_dir / "transactions.csv").write_text("a")
    (inbox_dir / "tickets.csv").write_text("a")
    assert [is_run(look()), is_run(look())] == [False, True]
    (inbox_dir / "transactions.csv").write_text("ab")
    assert [is_run(look()), is_run(look())] == [False, True]
    (inbox_dir / "tickets.csv").unlink()
    assert [is_run(look()), is_run(look())] == [False, True]


def landed_context(instance: dg.DagsterInstance) -> dg.RunStatusSensorContext:
    result = inbox_job.execute_in_process(instance=instance)
    return dg.build_run_status_sensor_context(
        sensor_name="inbox_landed",
        dagster_event=result.get_run_success_event(),
        dagster_instance=instance,
        dagster_run=result.dagster_run,
    )


@dg.op
def nothing() -> None:
    pass


@dg.job(name="land_inbox")
def inbox_job() -> None:
    nothing()


def test_after_the_inbox_has_landed_its_last_complete_day_is_run(
    inbox_dir: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(inbox, "default_as_of_date", lambda: dt.date(1998, 6, 30).isoformat())
    with dg.DagsterInstance.ephemeral() as instance:
        asked = inbox.inbox_landed(landed_context(instance))
    assert isinstance(asked, dg.RunRequest)
    assert asked.tags == {"dagster/partition": "1998-06-30"}, "the UI may not know of the day yet"
    assert asked.partition_key is None


def test_files_without_a_complete_day_say_so(inbox_dir: Path, monkeypatch: pytest.MonkeyPatch):
    def no_day() -> str:
        raise NoCompleteDayError("The files hold no event with a day that is over.")

    monkeypatch.setattr(inbox, "default_as_of_date", no_day)
    with dg.DagsterInstance.ephemeral() as instance:
        said = inbox.inbox_landed(landed_context(instance))
    assert isinstance(said, dg.SkipReason)
    assert "no event" in str(said.skip_message)


def test_the_sensors_are_there_where_the_inbox_is_a_source(inbox_dir: Path, monkeypatch: pytest.MonkeyPatch):
    names = {sensor.name for sensor in inbox.inbox_sensors().sensors or ()}
    assert names == {"inbox_files", "inbox_landed"}
    monkeypatch.setattr(inbox, "settings", Settings)
    assert not inbox.inbox_sensors().sensors
