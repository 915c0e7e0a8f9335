"""The event log keeps its connections open, and loses and hides nothing by it."""

from pathlib import Path

import dagster as dg
import pytest
from dagster._core.events import DagsterEvent, StepMaterializationData
from dagster._core.events.log import EventLogEntry

from dagster_project.defs.event_log import MAX_OPEN_FILES, KeptConnections
from dagster_project.defs.resources import prepare_dagster_home

COUNTED = dg.AssetKey("counted")


def materialized(run_id: str, number: int) -> EventLogEntry:
    return EventLogEntry(
        error_info=None,
        level=20,
        user_message="",
        run_id=run_id,
        timestamp=float(number),
        dagster_event=DagsterEvent(
            event_type_value="ASSET_MATERIALIZATION",
            job_name="job",
            event_specific_data=StepMaterializationData(
                dg.AssetMaterialization(COUNTED, metadata={"number": number})
            ),
        ),
    )


def numbers(log: KeptConnections, run_id: str) -> list[int]:
    records = log.get_records_for_run(run_id).records
    return [record.asset_materialization.metadata["number"].value for record in records]


def test_what_one_process_stores_another_reads_at_once(tmp_path: Path) -> None:
    writer, reader = KeptConnections(str(tmp_path)), KeptConnections(str(tmp_path))
    for number in range(3):
        writer.store_event(materialized("run", number))
        assert numbers(reader, "run") == list(range(number + 1))
    reader.store_event(materialized("run", 3))
    assert numbers(writer, "run") == [0, 1, 2, 3]
    assert writer.get_latest_materialization_events([COUNTED])[COUNTED].run_id == "run"


def test_more_runs_than_files_are_kept_open_are_all_read(tmp_path: Path) -> None:
    log = KeptConnections(str(tmp_path))
    runs = [f"run-{number}" for number in range(2 * MAX_OPEN_FILES)]
    for number, run_id in enumerate(runs):
        log.store_event(materialized(run_id, number))
    assert [numbers(log, run_id) for run_id in runs] == [[number] for number in range(len(runs))]
    assert len(log._engines) <= MAX_OPEN_FILES


def test_a_log_that_was_closed_or_emptied_is_written_anew(tmp_path: Path) -> None:
    log = KeptConnections(str(tmp_path))
    log.store_event(materialized("run", 0))
    log.dispose()
    log.store_event(materialized("run", 1))
    assert numbers(log, "run") == [0, 1]
    log.wipe()
    log.store_event(materialized("run", 2))
    assert numbers(log, "run") == [2]


def test_the_home_of_runs_names_this_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "")  # set by what follows, and put back
    prepare_dagster_home()
    with dg.DagsterInstance.get() as instance:
        assert isinstance(instance.event_log_storage, KeptConnections)
