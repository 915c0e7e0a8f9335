"""dbt in this process: the models and tests that a step selects, and what became of each as Dagster events.

dagster-dbt starts a process per step, and most of a small step is that start. What a step selects and how a result
becomes a Dagster event stays dagster-dbt's.

Not here: the assets (`dbt.py`), and the models.
"""

from collections.abc import Callable, Collection, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator
from dagster_dbt.asset_utils import get_updated_cli_invocation_params_for_context
from dagster_dbt.core.dbt_cli_event import DbtCoreCliEventMessage

from dagster_project.defs.progress import show_progress
from dagster_project.defs.warehouse_io import read_warehouse
from dagster_project.settings import DBT_DIR

RESULT_EVENTS = ("LogModelResult", "LogTestResult", "LogSeedResult", "LogSnapshotResult")
FINISHED = ("success", "pass", "warn", "skipped")


def parse(target_path: Path) -> None:
    """Write the project's manifest.

    Raises:
        RuntimeError: The project cannot be parsed; dbt's reason.
    """
    from dbt.cli.main import dbtRunner

    outcome = dbtRunner().invoke(["parse", "--quiet", *_paths(DBT_DIR, target_path)])
    if not outcome.success:
        raise RuntimeError(f"dbt could not parse {DBT_DIR}: {outcome.exception}")


def _parsed_project(project_dir: Path) -> Any:
    """The project as `parse` left it, so that no step parses it again; a new copy, because a run changes it."""
    from dbt.contracts.graph.manifest import Manifest
    from dbt.parser.manifest import extended_mashumuro_decoder

    parsed = (project_dir / "target" / "partial_parse.msgpack").read_bytes()
    manifest = Manifest.from_msgpack(parsed, decoder=extended_mashumuro_decoder)
    manifest.build_flat_graph()  # type: ignore[no-untyped-call] # the one part that is not kept in the file: what macros see as `graph`
    return manifest


def _paths(project_dir: Path, target_path: Path) -> list[str]:
    return [
        "--project-dir", str(project_dir), "--profiles-dir", str(DBT_DIR),
        "--target-path", str(target_path), "--log-path", str(target_path),
    ]  # fmt: skip


def build(
    context: dg.AssetExecutionContext,
    manifest: dict[str, Any],
    translator: DagsterDbtTranslator,
    target_path: Path,
    nodes: Collection[str],
    when_done: Callable[[dict[str, str]], None],
) -> Iterator[Any]:
    """Run `dbt build` for tables and tests.

    Args:
        context: Of a step made by `dbt_assets`.
        manifest: The parsed project.
        translator: Names the assets.
        target_path: Where dbt writes what it compiles, and its log.
        nodes: Unique ids of what to build and test; the tests that the step selects when there are none.
        when_done: Gets the status of each, once dbt has closed the warehouse.

    Yields:
        An output per model and a check result or observation per test.

    Raises:
        dg.Failure: Something failed, raised last; one line per model or test with dbt's reason.
    """
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner
    from dbt_common.events.functions import msg_to_dict

    results: list[dict[str, Any]] = []
    started = count(1)

    def follow(event: Any) -> None:
        if event.info.name in RESULT_EVENTS:
            results.append(msg_to_dict(event))
        elif event.info.name == "LogStartLine":
            show_progress(f"{next(started)}/{event.data.total} {_table_or_test(event.data.node_info)}")

    outcome = dbtRunner(_parsed_project(DBT_DIR), callbacks=[follow]).invoke(
        [
            "build", *_selection(context, manifest, translator, nodes),
            # They test the SQL, not the data of the day: `make test` runs them.
            "--exclude-resource-type", "unit_test",
            "--quiet", "--log-level-file", "info", "--no-write-json",
            *_paths(DBT_DIR, target_path),
        ]
    )  # fmt: skip
    DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call] # the I/O manager opens the file with settings of its own
    if outcome.exception and not isinstance(outcome.exception, Exception):
        raise outcome.exception  # an interrupt: the run is ended, and dbt has no fault in it
    done: Any = [] if outcome.exception else outcome.result
    when_done({result.node.unique_id: str(result.status) for result in done})
    for raw_event in results:
        yield from DbtCoreCliEventMessage(
            raw_event=raw_event, event_history_metadata={}
        ).to_default_asset_events(
            manifest=manifest,
            dagster_dbt_translator=translator,
            context=context,
            target_path=target_path,
        )
    if not outcome.success:
        raise dg.Failure(_reasons(outcome), allow_retries=False)


def _selection(
    context: dg.AssetExecutionContext,
    manifest: dict[str, Any],
    translator: DagsterDbtTranslator,
    nodes: Collection[str],
) -> list[str]:
    if nodes:
        names = [f"fqn:{'.'.join(manifest['nodes'][name]['fqn'])}" for name in nodes]
        return ["--select", *names, "--indirect-selection", "empty"]
    checks = get_updated_cli_invocation_params_for_context(
        context=context, manifest=manifest, dagster_dbt_translator=translator
    )
    return [*checks.selection_args, "--indirect-selection", checks.indirect_selection or "empty"]


def _table_or_test(node: Any) -> str:
    if node.resource_type == "test":
        return str(node.node_name)
    return f"{node.node_relation.schema}.{node.node_relation.alias}"


def _reasons(outcome: Any) -> str:
    if outcome.exception:
        return f"dbt could not run: {outcome.exception}"
    return "\n".join(_reason(result) for result in outcome.result if result.status not in FINISHED)


def _reason(result: Any) -> str:
    """What dbt says; of a broken contract, which rules by how many rows."""
    if (
        getattr(getattr(result.node, "test_metadata", None), "name", "") == "contract"
        and result.status == "fail"
    ):
        with read_warehouse() as connection:
            broken = connection.execute(result.node.compiled_code).fetchall()
        table = result.node.file_key_name.rsplit(".", 1)[-1]
        return "; ".join(f"{table}: {rule} ({rows} times)" for rule, rows in broken)
    return f"{result.node.name}: {' '.join(str(result.message).split())}"
