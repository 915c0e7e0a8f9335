"""What the identity step writes has the columns of its contracts."""

import datetime as dt

import polars as pl
import pytest
from contract_schemas import contract_schema
from party_rows import buyer, frame, resolved

from dagster_project.contracts import silver_tables
from dagster_project.defs.identity import TABLES, with_history
from dagster_project.identity.evidence import party_spellings


@pytest.fixture(scope="module")
def written() -> dict[str, pl.DataFrame]:
    resolution = resolved({"system": "stripe", "object": "customers", "source_ref": "c", "kind": "person"})
    changes = resolution.changes.with_columns(detected_date=pl.lit(dt.date(2026, 9, 30)))
    return {
        "customer_identities": resolution.identities,
        "identity_review_queue": resolution.review_queue,
        "identity_shared_identifiers": resolution.shared_identifiers,
        "identity_changes": with_history(pl.DataFrame(), changes),
        "household_members": resolution.household_members,
        "party_spellings": party_spellings(
            frame(buyer("b", "Ann Lee", phone="030 1234567", country="DE"), buyer("c", "Ann Lee"))
        ),
    }


@pytest.mark.parametrize("table", TABLES)
def test_each_table_has_the_columns_and_types_of_its_contract(table: str, written: dict[str, pl.DataFrame]):
    assert written[table].schema == contract_schema("silver", table)


@pytest.mark.parametrize("table", TABLES)
def test_each_table_has_one_row_per_key_of_its_contract(table: str, written: dict[str, pl.DataFrame]):
    grain = silver_tables()[table].grain
    assert grain
    assert not written[table].select(grain).is_duplicated().any()
