"""A day that was not built is no empty day: who reads it fails with one line that says what to run."""

import dagster as dg
import duckdb
import pytest

from dagster_project.defs import dbt, value
from dagster_project.defs.warehouse_io import WarehouseIOManager

DAY, OTHER = "2026-09-30", "2026-09-29"
BY_DAY = {"partition_expr": "as_of_date"}


@pytest.fixture
def warehouse(tmp_path):
    """A warehouse whose features hold the day before alone."""
    path = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema gold")
        connection.execute(
            f"create table gold.customer_features as select 'c1' as customer_id, date '{OTHER}' as as_of_date"
        )
    return path


def run(warehouse, asset, *, is_built: bool = False) -> dg.ExecuteInProcessResult:
    features = dg.AssetKey(["gold", "customer_features"])
    with dg.DagsterInstance.ephemeral() as instance:
        if is_built:
            instance.report_runless_asset_event(dg.AssetMaterialization(features, partition=DAY))
        return dg.materialize(
            [asset, dg.AssetSpec(features, partitions_def=value.daily, metadata=BY_DAY)],
            resources={"io_manager": WarehouseIOManager(database=str(warehouse))},
            instance=instance,
            partition_key=DAY,
            raise_on_error=False,
        )


def reasons(result: dg.ExecuteInProcessResult) -> str:
    from dagster_project.defs.failures import failure_causes

    return "\n".join(str(cause) for cause in failure_causes(result.all_events))


@pytest.mark.parametrize("is_table_there", [True, False])
def test_scores_of_a_day_without_features_fail_and_name_the_day_and_what_to_run(warehouse, is_table_there):
    if not is_table_there:
        with duckdb.connect(str(warehouse)) as connection:
            connection.execute("drop table gold.customer_features")
    result = run(warehouse, value.customer_rfm)
    assert not result.success
    assert reasons(result) == (
        f"customer_rfm: gold.customer_features has no day {DAY}: run it first, with CUSTINT_AS_OF_DATE={DAY} make run,"
        f" or materialise gold/customer_features of {DAY} in the UI"
    )


def test_a_day_that_was_built_without_customers_has_scores_without_rows(tmp_path):
    """A company may begin later; its first days are empty and true."""

    @dg.asset(partitions_def=value.daily, ins={"features": dg.AssetIn(["gold", "customer_features"])})
    def reader(features) -> None:
        assert features.is_empty()

    path = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema gold")
        connection.execute("create table gold.customer_features (customer_id text, as_of_date date)")
    assert run(path, reader, is_built=True).success


def test_marts_of_a_day_without_scores_fail_before_dbt_writes_them(warehouse, monkeypatch):
    monkeypatch.setattr(dbt, "read_warehouse", lambda: duckdb.connect(str(warehouse), read_only=True))
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize(
            [dbt.dbt_daily_marts],
            instance=instance,
            partition_key=DAY,
            raise_on_error=False,
            selection=dg.AssetSelection.assets(["gold", "customer_360"]),
        )
    assert not result.success
    assert "has no day 2026-09-30: run it first" in reasons(result)
    assert len(reasons(result).splitlines()) == 1
