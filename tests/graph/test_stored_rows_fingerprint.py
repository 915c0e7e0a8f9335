"""What loads everything anew and what does not: each change is made in the parsed project, as dbt would note it."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from parsed_changes import changed, parsed_manifest

from dagster_project.settings import DBT_DIR
from dagster_project.stored_rows import stored_rows_fingerprint

SETTINGS = ("USD", 60)
CHARGES = ("nodes", "model.customer_intelligence.stripe__charges")
PAYMENTS = ("nodes", "model.customer_intelligence.received_payments")
TICKETS = ("nodes", "model.customer_intelligence.fct_tickets")
SILVER_TABLE = ("nodes", "model.customer_intelligence.subscription_terms")
RATES = ("nodes", "seed.customer_intelligence.currency_rates")


def macro(name: str) -> tuple[str, ...]:
    return ("macros", f"macro.customer_intelligence.{name}", "macro_sql")


HARMLESS = {
    "a gold description": (*TICKETS, "description"),
    "the description of a gold column": (*TICKETS, "columns", "ticket_id", "description"),
    "gold SQL": (*TICKETS, "raw_code"),
    "a bronze description": (*CHARGES, "description"),
    "the description of a bronze column": (*CHARGES, "columns", "amount", "description"),
    "the tag of a bronze table": (*CHARGES, "config", "tags"),
    "what a bronze contract says to other models": (*CHARGES, "config", "meta", "names_parties"),
    "SQL of a silver table that every run makes anew": (*SILVER_TABLE, "raw_code"),
    "a macro that only gold uses": macro("lifecycle_stage"),
    "another seed": ("nodes", "seed.customer_intelligence.channels", "checksum"),
}
SHAPING = {
    "a bronze rule": (*CHARGES, "columns", "amount", "config", "meta", "min"),
    "the type of a bronze column": (*CHARGES, "columns", "amount", "data_type"),
    "the key of a bronze table": (*CHARGES, "config", "meta", "key"),
    "SQL of a stored silver table": (*PAYMENTS, "raw_code"),
    "the key by which rows replace others": (*PAYMENTS, "config", "unique_key"),
    "a macro of bronze": macro("bronze"),
    "a macro of a macro": macro("minor_unit"),
    "a macro of a hook": macro("choose_landing_files"),
    "a macro of received_usage_events": macro("latest_versions"),
    "a macro of received_tickets": macro("moment_after"),
    "a macro of later runs alone": macro("changed_keys"),
    "the types of a seed's columns": (*RATES, "config", "column_types"),
}


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    return parsed_manifest()


def fingerprint(manifest: dict[str, Any]) -> str:
    return stored_rows_fingerprint(manifest, DBT_DIR, SETTINGS)


@pytest.mark.parametrize("path", HARMLESS.values(), ids=HARMLESS.keys())
def test_what_no_stored_row_depends_on_loads_nothing_anew(path: tuple[str, ...], manifest: dict[str, Any]):
    other = changed(path)
    assert other != manifest
    assert fingerprint(other) == fingerprint(manifest)


@pytest.mark.parametrize("path", SHAPING.values(), ids=SHAPING.keys())
def test_what_shapes_stored_rows_loads_them_anew(path: tuple[str, ...], manifest: dict[str, Any]):
    assert fingerprint(changed(path)) != fingerprint(manifest)


def test_a_setting_that_shapes_stored_rows_loads_them_anew(manifest: dict[str, Any]):
    settings = [("USD", 60), ("EUR", 60), ("USD", 90)]
    assert len({stored_rows_fingerprint(manifest, DBT_DIR, values) for values in settings}) == 3


@pytest.mark.parametrize(("seed", "is_loaded_anew"), [("currency_rates", True), ("channels", False)])
def test_the_rows_of_a_seed_count_when_stored_rows_depend_on_it(
    seed: str, is_loaded_anew: bool, manifest: dict[str, Any], tmp_path: Path
):
    shutil.copytree(DBT_DIR / "seeds", tmp_path / "seeds")
    before = stored_rows_fingerprint(manifest, tmp_path, SETTINGS)
    with (tmp_path / "seeds" / f"{seed}.csv").open("a") as file:
        file.write("\n")
    assert (stored_rows_fingerprint(manifest, tmp_path, SETTINGS) != before) == is_loaded_anew
    assert before == stored_rows_fingerprint(manifest, DBT_DIR, SETTINGS)
