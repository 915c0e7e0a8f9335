"""Which tables a step builds, and which tests it runs, by what the warehouse remembers of the last time."""

import duckdb
import pytest
from dbt_in_process import run_dbt

from dagster_project.defs import dbt
from dagster_project.defs.unchanged import Plan, forget, plan_step, remember
from dagster_project.settings import settings

PROJECT = "customer_intelligence"
SEED, STAGES = f"seed.{PROJECT}.lifecycle_stages", f"model.{PROJECT}.dim_lifecycle_stage"
SELECTED = (SEED, STAGES)
FINGERPRINT = "as it was built"


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A warehouse in which the stages were built."""
    data_dir = tmp_path_factory.mktemp("built")
    landed = data_dir / "landing" / "files" / "customers"
    landed.mkdir(parents=True)
    (landed / "20260930T000000Z.parquet").touch()
    run_dbt(
        data_dir,
        "build",
        "--select",
        "lifecycle_stages",
        "dim_lifecycle_stage",
        "--indirect-selection",
        "cautious",
        CUSTINT_DBT_FINGERPRINT=FINGERPRINT,
    )
    return data_dir


@pytest.fixture(autouse=True)
def warehouse(built, monkeypatch):
    """The same in every test, and nothing remembered."""
    monkeypatch.setenv("CUSTINT_DATA_DIR", str(built))
    settings.cache_clear()
    with duckdb.connect(str(settings().warehouse_path)) as connection:
        connection.execute("delete from silver.table_versions")
        connection.execute("update bronze.built_by set fingerprint = ?", [FINGERPRINT])
    yield settings().warehouse_path
    monkeypatch.undo()
    settings.cache_clear()


def plan(*selected: str, fingerprint: str = FINGERPRINT) -> Plan:
    return plan_step(dbt._manifest, dbt._codes(), selected or SELECTED, "2026-09-30", fingerprint)


def test_what_is_not_remembered_is_built_with_its_tests():
    found = plan()
    assert (found.built, found.unchanged) == (tuple(sorted(SELECTED)), ())
    assert [name.split(".")[2] for name in found.tests] == [
        "contract_of_dim_lifecycle_stage", "contract_of_lifecycle_stages"
    ]  # fmt: skip


def test_what_was_built_and_tested_stays():
    remember(plan().versions, SELECTED)
    assert plan().unchanged == tuple(sorted(SELECTED))
    assert (plan().built, plan().tests) == ((), ())


def test_what_failed_a_test_is_built_again_and_its_readers_stay():
    remember(plan().versions, [STAGES])
    assert (plan().built, plan().unchanged) == ((SEED,), (STAGES,))


def test_what_nobody_knows_of_a_parent_makes_its_readers_new():
    """A parent that another step builds counts by the version that was built."""
    remember(plan().versions, SELECTED)
    assert plan(STAGES).unchanged == (STAGES,)
    forget([SEED])
    assert plan(STAGES).built == (STAGES,)


@pytest.mark.parametrize(
    "change", ["another fingerprint", "a table that is gone", "dbt typed by hand", "a run that broke off"]
)
def test_what_may_be_another_is_built(change, built, warehouse):
    remember(plan().versions, SELECTED)
    fingerprint = FINGERPRINT
    match change:
        case "another fingerprint":
            fingerprint = "another"
        case "a table that is gone":
            with duckdb.connect(str(warehouse)) as connection:
                connection.execute("alter table gold.dim_lifecycle_stage rename to dim_elsewhere")
        case "dbt typed by hand":
            run_dbt(built, "run", "--select", "dim_lifecycle_stage", CUSTINT_DBT_FINGERPRINT="unset")
        case "a run that broke off":
            forget(plan().unchanged)
    try:
        assert STAGES in plan(fingerprint=fingerprint).built
    finally:
        with duckdb.connect(str(warehouse)) as connection:
            if change == "a table that is gone":
                connection.execute("alter table gold.dim_elsewhere rename to dim_lifecycle_stage")


def test_a_test_waits_for_all_tables_that_it_reads(warehouse):
    """`fct_payments` refers to tables that are not there yet."""
    found = plan(f"model.{PROJECT}.fct_payments")
    assert found.tests == ()
    together = [f"model.{PROJECT}.{name}" for name in ("fct_payments", "dim_customer", "fct_transactions")]
    assert [name.split(".")[2] for name in plan(*together).tests if "fct_payments" in name] == [
        "contract_of_fct_payments"
    ]
