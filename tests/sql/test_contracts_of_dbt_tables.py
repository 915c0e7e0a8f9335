"""The one test per dbt table finds each kind of broken rule, and says which and how often."""

import shutil

import duckdb
import pytest
from dbt_in_process import run_dbt

from dagster_project.contracts import gold_tables, silver_tables

TICKETS = """
    insert into silver.tickets by name select * from (values
        ('zendesk:1'), ('zendesk:1'), (null), ('zendesk:2')
    ) as rows (ticket_id)
"""
PAYMENTS = """
    insert into gold.fct_payments by name select * from (values
        ('p1', 'c1', 't1', 'succeeded'), ('p2', 'c2', 't1', 'succeeded'), ('p3', 'c3', null, 'odd')
    ) as rows (payment_id, customer_id, transaction_id, status)
"""
CASES = {
    "a seed as it is": ("lifecycle_stages", "select 1", {}),
    "a key twice": (
        "lifecycle_stages",
        "insert into bronze.lifecycle_stages"
        " select * replace (-stage_order as stage_order) from bronze.lifecycle_stages limit 2",
        {"rows share lifecycle_stage": 2},
    ),
    "a second key twice": (
        "lifecycle_stages",
        "update bronze.lifecycle_stages set stage_order = 1 where stage_order < 4",
        {"rows share stage_order": 1},
    ),
    "a number that is not accepted": (
        "default_business_hours",
        "update bronze.default_business_hours set iso_weekday = 8 where iso_weekday = 1",
        {"iso_weekday is none of 1, 2, 3, 4, 5, 6, 7": 1},
    ),
    "an empty key, and one twice": ("tickets", TICKETS, {"ticket_id is empty": 1, "rows share ticket_id": 1}),
    "words and references": (
        "fct_payments",
        PAYMENTS,
        {
            "status is none of succeeded, pending, failed": 1,
            "customer_id is not in dim_customer": 2,
            "transaction_id is not in fct_transactions": 2,
        },
    ),
}


@pytest.fixture(scope="module")
def seeded(tmp_path_factory):
    """A warehouse with the seeds, and empty tables of the contracts that the cases fill."""
    data_dir = tmp_path_factory.mktemp("contracts")
    run_dbt(data_dir, "seed")
    with duckdb.connect(str(data_dir / "warehouse.duckdb")) as connection:
        for schema, contracts in (("silver", silver_tables()), ("gold", gold_tables())):
            connection.execute(f"create schema if not exists {schema}")
            for name in {"tickets", "fct_payments", "dim_customer", "fct_transactions"} & contracts.keys():
                columns = [f"{column.name} {column.data_type}" for column in contracts[name].columns]
                connection.execute(f"create table {schema}.{name} ({', '.join(columns)})")
        connection.execute("insert into gold.dim_customer by name select 'c1' as customer_id")
    return data_dir


@pytest.mark.parametrize(("table", "change", "broken"), CASES.values(), ids=CASES.keys())
def test_a_broken_rule_is_named_and_counted(seeded, tmp_path, table, change, broken):
    path = shutil.copy(seeded / "warehouse.duckdb", tmp_path)
    with duckdb.connect(str(path)) as connection:
        connection.execute(change)
    results = run_dbt(tmp_path, "test", "--select", f"contract_of_{table}", is_success_needed=False)
    (result,) = [result for result in results if result.node.resource_type == "test"]
    assert result.status == ("fail" if broken else "pass")
    with duckdb.connect(str(path)) as connection:
        assert dict(connection.execute(result.node.compiled_code).fetchall()) == broken
