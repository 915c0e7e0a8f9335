"""What the identity step writes has the columns of its contracts."""

import datetime as dt

import polars as pl
import pytest
from contract_schemas import contract_schema
from party_rows import buyer, frame, resolved

from dagster_project.contracts import silver_tables
from dagster_project.defs.identity import TABLES, with_history
from dagster_project.identity.evidence import party_spellings
from dagster_project.identity.matching import Compared, Learned
from dagster_project.identity.memory import Memory, remembered
from dagster_project.identity.person_model import PERSON_MODEL


@pytest.fixture(scope="module")
def written() -> dict[str, pl.DataFrame]:
    resolution = resolved({"system": "stripe", "object": "customers", "source_ref": "c", "kind": "person"})
    compared = Compared(
        pl.DataFrame(
            {"record_key": ["a", "b"], "row_hash": [1, 2]}, schema_overrides={"row_hash": pl.UInt64}
        ),
        pl.DataFrame({"left_key": ["a"], "right_key": ["b"], "match_weight": [1.5]}).with_columns(
            pl.lit(0, dtype=pl.Int32).alias(comparison.gamma) for comparison in PERSON_MODEL.comparisons
        ),
    )
    learned = {"person": Learned([], has_households=False, record_count=2, compared=compared)}
    memory = remembered(learned, {}, Memory(*[pl.DataFrame()] * 3), "code", dt.date(2026, 9, 30))
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
        "identity_match_models": memory.models,
        "identity_compared_records": memory.records,
        "identity_compared_pairs": memory.pairs,
    }


@pytest.mark.parametrize("table", TABLES)
def test_each_table_has_the_columns_and_types_of_its_contract(table: str, written: dict[str, pl.DataFrame]):
    assert written[table].schema == contract_schema("silver", table)


@pytest.mark.parametrize("table", TABLES)
def test_each_table_has_one_row_per_key_of_its_contract(table: str, written: dict[str, pl.DataFrame]):
    grain = silver_tables()[table].grain
    assert grain
    assert not written[table].select(grain).is_duplicated().any()
