"""dbt in the process of the tests: started once, on the project as it was parsed. Not here: what is asserted."""

import datetime as dt
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest
from dbt.parser.manifest import extended_mashumuro_decoder

from dagster_project.defs.dbt import parsed_project
from dagster_project.settings import DBT_DIR

OPEN_END = dt.datetime(9999, 12, 31)
"""The end of a span that has none, inside of silver: the macro `open_end`."""


def _invoke(data_dir: Path, arguments: tuple[str, ...], settings: dict[str, str], **runner: Any) -> Any:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("CUSTINT_", "DBT_"))}
    environment = {
        **clean, "CUSTINT_DATA_DIR": str(data_dir), "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "CUSTINT_DBT_FINGERPRINT": "",  # unset, a person would have typed it
        **settings,
    }  # fmt: skip
    with mock.patch.dict(os.environ, environment, clear=True):
        outcome = dbtRunner(**runner).invoke(
            [
                *arguments, "--quiet", "--log-level-file", "none", "--no-write-json",
                "--project-dir", str(DBT_DIR), "--profiles-dir", str(DBT_DIR),
                "--target-path", str(data_dir / "dbt"), "--log-path", str(data_dir / "dbt"),
            ]
        )  # fmt: skip
    DuckDBConnectionManager.close_all_connections()  # else the file stays open with dbt's settings
    return outcome


@cache
def _parsed_project() -> bytes:
    """What the runs themselves use, so that the workers and the processes of the tests parse it once together."""
    return (Path(parsed_project().project_dir) / "target" / "partial_parse.msgpack").read_bytes()


def run_dbt(
    data_dir: Path,
    *arguments: str,
    callbacks: tuple[Callable[[Any], None], ...] = (),
    is_success_needed: bool = True,
    **settings: str,
) -> Any:
    """Run dbt on a data folder.

    Args:
        data_dir: Where the warehouse and the landing zone lie.
        arguments: Command and options.
        callbacks: Called with every event of dbt.
        is_success_needed: Fail the test when a model or a test of dbt fails.
        settings: Environment variables.

    Returns:
        What dbt returns: the results of its nodes.
    """
    manifest = Manifest.from_msgpack(_parsed_project(), decoder=extended_mashumuro_decoder)
    manifest.build_flat_graph()  # what macros see as `graph`; not kept in the file
    outcome = _invoke(data_dir, arguments, settings, manifest=manifest, callbacks=list(callbacks))
    failed = [
        f"{result.node.name}: {result.message}"
        for result in outcome.result or []
        if result.status not in ("success", "pass")
    ]
    assert outcome.success or not is_success_needed, outcome.exception or failed
    return outcome.result
