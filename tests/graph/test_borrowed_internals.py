"""What `defs/dbt_runner.py`, `warehouse_io.py` and `event_log.py` use of dbt and Dagster without a promise
that it stays.

A new version of a library that breaks one of them fails here first, with its name.
"""

import inspect
from importlib import import_module
from typing import Any

import pytest

# Where it is, the parameters that are given (None: only that it is there), and who stands on it.
CALLED = {
    "dbt.cli.main:dbtRunner": ["manifest", "callbacks"],
    "dbt.cli.main:dbtRunner.invoke": ["args"],
    "dbt.contracts.graph.manifest:Manifest.from_msgpack": ["decoder"],
    "dbt.contracts.graph.manifest:Manifest.build_flat_graph": [],
    "dbt.parser.manifest:extended_mashumuro_decoder": ["data"],
    "dbt.adapters.duckdb.connections:DuckDBConnectionManager.close_all_connections": [],
    "dbt_common.events.functions:msg_to_dict": ["msg"],
    "dagster_dbt.asset_utils:get_updated_cli_invocation_params_for_context": [
        "context", "manifest", "dagster_dbt_translator",
    ],
    "dagster_dbt.core.dbt_cli_event:DbtCoreCliEventMessage": ["raw_event", "event_history_metadata"],
    "dagster_dbt.core.dbt_cli_event:DbtCoreCliEventMessage.to_default_asset_events": [
        "manifest", "dagster_dbt_translator", "context", "target_path", "project",
    ],
    "dagster_dbt:DagsterDbtTranslator.get_asset_spec": ["manifest", "unique_id", "project"],
    "dagster._core.storage.db_io_manager:DbTypeHandler.handle_output": [
        "context", "table_slice", "obj", "connection",
    ],
    "dagster_duckdb_polars.duckdb_polars_type_handler:DuckDBPolarsTypeHandler.handle_output": [
        "context", "table_slice", "obj", "connection",
    ],
    "dagster_duckdb:DuckDBIOManager.type_handlers": [],
    "dagster_duckdb:DuckDBIOManager.default_load_type": [],
    "dagster_duckdb:DuckDBIOManager._is_dagster_maintained": [],
    "dagster._core.storage.event_log.sqlite.sqlite_event_log:SqliteEventLogStorage.__init__": ["base_dir", "inst_data"],
    "dagster._core.storage.event_log.sqlite.sqlite_event_log:SqliteEventLogStorage._connect": ["shard"],
    "dagster._core.storage.event_log.sqlite.sqlite_event_log:SqliteEventLogStorage._initdb": ["engine"],
}  # fmt: skip
READ = {
    "dbt.cli.main:dbtRunnerResult": ["success", "exception", "result"],
    "dbt.artifacts.schemas.results:NodeResult": ["node", "status", "message"],
    "dagster_dbt.asset_utils:DbtCliInvocationPartialParams": [
        "manifest", "dagster_dbt_translator", "selection_args", "indirect_selection", "dbt_project",
    ],
    "dagster._core.storage.db_io_manager:TableSlice": ["schema", "table"],
}  # fmt: skip
EVENTS = {
    "LogModelResult": ["node_info", "execution_time"],
    "LogTestResult": ["node_info"],
    "LogSeedResult": ["node_info"],
    "LogSnapshotResult": ["node_info"],
    "LogStartLine": ["node_info", "total"],
}
OPTIONS = [
    "--indirect-selection", "--exclude-resource-type", "--quiet", "--log-level-file", "--no-write-json",
    "--project-dir", "--profiles-dir", "--target-path", "--log-path", "--select", "--exclude",
]  # fmt: skip


def found(place: str) -> Any:
    module, _, path = place.partition(":")
    value = import_module(module)
    for name in path.split("."):
        value = getattr(value, name)
    return value


@pytest.mark.parametrize(("place", "parameters"), CALLED.items(), ids=CALLED.keys())
def test_what_is_called_is_there_and_takes_what_it_is_given(place: str, parameters: list[str]):
    assert set(parameters) <= set(inspect.signature(found(place)).parameters)


@pytest.mark.parametrize(("place", "fields"), READ.items(), ids=READ.keys())
def test_what_is_read_has_the_fields_that_are_read(place: str, fields: list[str]):
    known = {name for kind in found(place).__mro__ for name in getattr(kind, "__annotations__", {})}
    assert set(fields) <= known


@pytest.mark.parametrize(("event", "fields"), EVENTS.items(), ids=EVENTS.keys())
def test_dbt_tells_what_is_listened_to(event: str, fields: list[str]):
    message = found(f"dbt.events.types:{event}")()
    assert set(fields) <= set(message.pb_msg.DESCRIPTOR.fields_by_name)


def test_an_event_names_its_table():
    node_info = found("dbt.events.types:LogStartLine")().pb_msg.node_info
    assert {"node_name", "resource_type", "node_relation"} <= set(node_info.DESCRIPTOR.fields_by_name)
    assert {"schema", "alias"} <= set(node_info.node_relation.DESCRIPTOR.fields_by_name)


def test_dbt_keeps_the_parsed_project_where_it_is_read():
    assert found("dbt.constants:PARTIAL_PARSE_FILE_NAME") == "partial_parse.msgpack"


@pytest.mark.parametrize("option", OPTIONS)
def test_dbt_build_has_the_options_that_it_is_given(option: str):
    known = {
        name
        for parameter in found("dbt.cli.main:build").params
        for name in [*parameter.opts, *parameter.secondary_opts]
    }
    assert option in known
