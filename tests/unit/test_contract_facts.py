"""What bronze contracts say to models elsewhere: of columns that exist, in words that the models know."""

import csv
import re
from typing import Any

import pytest

from dagster_project.contract_macro import PATH, contract_macro
from dagster_project.contracts import FACTS_FOR_OTHERS, Table, bronze_tables, silver_tables
from dagster_project.settings import DBT_DIR

HOW_PARTIES_ARE_READ = {"only_if", "link_to", "merged_into"}
WRITTEN_BY_THE_MODEL = {"system", "object", "source_ref", "link_system", "link_object"}
PROFILE_COLUMNS = {
    "kind", "name", "given_name", "surname", "email", "phone", "domain", "address", "country", "birth_date",
    "industry", "employee_count", "stated_plan", "time_zone", "parent_ref", "is_deleted",
}  # fmt: skip
GOLDEN_FIELD = {"stated_plan": "plan", "parent_ref": "parent_customer_id"}
# Objects that silver SQL makes golden fields of, because they are no profiles.
SPOKEN_FOR = {
    ("plan", "stripe:subscriptions"),
    ("plan", "files:subscriptions"),
    ("email", "marketing:emails"),
}
BRONZE = pytest.mark.parametrize("table", bronze_tables().values(), ids=bronze_tables().keys())


def column_names(table: Table) -> set[str]:
    return {column.name for column in table.columns}


def tables_with(fact: str) -> dict[str, Any]:
    return {name: table.meta[fact] for name, table in bronze_tables().items() if fact in table.meta}


def test_the_committed_macro_is_that_of_the_contracts():
    assert PATH.read_text(encoding="utf-8") == contract_macro(bronze_tables()), "run `make contracts`"


@BRONZE
def test_a_contract_says_nothing_of_its_table_that_nobody_reads(table: Table):
    assert set(table.meta) <= {"key", "version", *FACTS_FOR_OTHERS}


@BRONZE
def test_clocks_and_references_are_columns_of_the_table(table: Table):
    clocks = [table.meta[fact] for fact in ("newest_at", "happened_at") if fact in table.meta]
    clocks += [named["named_at"] for named in table.meta.get("names_parties", [])]
    assert set(clocks) <= column_names(table)
    if "party" in table.meta or "profile" in table.meta:
        assert "created_at" in column_names(table)
        assert len(table.grain) == 1


@BRONZE
def test_a_contract_says_where_its_rows_are_found_or_why_nowhere(table: Table):
    reaches = table.meta["reaches"]
    if reaches == "parties":
        assert "party" in table.meta
        return
    assert set(reaches) <= {"table", "id", "as", "at", "is_history", "unless", "needs", "otherwise"} or set(
        reaches
    ) == {"because"}
    assert len({"table", "id", "as"} & set(reaches)) in (0, 3)
    assert reaches.get("at", table.grain[0]) in column_names(table)
    for entry in reaches.get("unless", []):
        assert set(entry) == {"when", "reason", "do"}
    for entry in reaches.get("needs", []):
        assert set(entry) == {"table", "id", "as", "reason", "do"}


def test_a_party_fills_columns_that_parties_have():
    known = column_names(silver_tables()["parties"]) - WRITTEN_BY_THE_MODEL
    for name, party in tables_with("party").items():
        assert set(party) <= known | HOW_PARTIES_ARE_READ, name
        assert isinstance(party["is_paying_party"], bool), name
        assert ("link_to" in party) == ("link_ref" in party), name
        assert party.get("link_to", name) in tables_with("party"), name


def test_a_profile_fills_golden_fields():
    for name, profile in tables_with("profile").items():
        assert set(profile) <= PROFILE_COLUMNS, name
        assert len(profile.get("address", [None] * 3)) == 3, name


def test_a_named_party_is_one_that_some_object_delivers_or_an_address():
    for name, named in tables_with("names_parties").items():
        for reference in named:
            whom = set(reference) - {"named_at", "heard_at"}
            assert whom in ({"party", "source_ref"}, {"email"}), name
            assert reference.get("heard_at", reference["named_at"]) in column_names(bronze_tables()[name])
            assert reference.get("party") in {None, *tables_with("party")}, name


def test_late_events_are_listed_by_the_clock_by_which_silver_leaves_them_out():
    calls = {
        match
        for path in (DBT_DIR / "models" / "silver").rglob("*.sql")
        for match in re.findall(r"arrived_in_time\('(\w+)', '(\w+)'\)", path.read_text())
    }
    assert calls == set(tables_with("happened_at").items())


def test_every_golden_field_that_a_profile_fills_has_a_rule_and_every_named_source_fills_it():
    fills = {
        (GOLDEN_FIELD.get(field, field), name.replace("__", ":"))
        for name, profile in tables_with("profile").items()
        for field in profile
        if field != "is_deleted"
    } | SPOKEN_FOR
    with (DBT_DIR / "seeds" / "survivorship_rules.csv").open(encoding="utf-8") as file:
        rules = {row["field"]: row["sources"].split(" > ") for row in csv.DictReader(file)}
    named = {(field, source) for field, sources in rules.items() for source in sources if source != "others"}
    assert named <= fills
    assert {field for field, _ in fills} == set(rules)
