"""The committed example of what the macros of bronze compile to is what they compile to today."""

import os
from pathlib import Path
from typing import Any

from dbt_in_process import run_dbt

from dagster_project.contracts import landing_objects
from dagster_project.ingest.landing import write_empty_file
from dagster_project.settings import DBT_DIR

TABLE = "stripe__refunds"
EXAMPLE = DBT_DIR / "examples" / f"{TABLE}.sql"
UPDATE = "UPDATE_EXAMPLE=1 .venv/bin/python -m pytest -n 0 tests/sql/bronze/test_compiled_example.py"
FORM = """\
-- What dbt executes for the bronze table {table}, so that its macros can be read as the SQL that they become:
-- the model, and the hook after it. A test compares it with what compiles today and says how to write it anew.
{model};

{hook};
"""


def compiled_example(data_dir: Path) -> str:
    """The model and its quarantine, built on an empty landing folder; names without dbt's quotes."""
    statements: list[str] = []

    def catch(event: Any) -> None:
        if event.info.name == "SQLQuery":
            statements.append(event.data.sql.replace('"', ""))

    system, object_name = TABLE.split("__", 1)
    write_empty_file(data_dir / "landing", system, object_name, landing_objects()[TABLE])
    tables = ("-s", "currency_rates", TABLE, "--exclude-resource-type", "test")
    results = run_dbt(data_dir, "build", *tables, "--log-level", "debug", callbacks=(catch,))
    (model,) = (result.node.compiled_code for result in results if result.node.name == TABLE)
    (hook,) = (
        text.split("*/", 1)[1] for text in statements if f"insert into warehouse.quarantine.{TABLE}" in text
    )
    text = FORM.format(table=TABLE, model=model.strip(), hook=hook.strip())
    return text.replace(str(data_dir), "data").replace('"', "")


def test_the_committed_example_is_what_compiles_today(tmp_path: Path):
    compiled = compiled_example(tmp_path)
    if os.environ.get("UPDATE_EXAMPLE"):
        EXAMPLE.write_text(compiled)
    assert EXAMPLE.read_text() == compiled, f"write it anew: {UPDATE}"
