"""What makes a table be built again and what does not: each change is made in the parsed project or in its sources."""

from typing import Any

import pytest
from parsed_changes import changed, parsed_manifest

from dagster_project.settings import DBT_DIR
from dagster_project.table_versions import table_codes, table_versions

SETTINGS = ["USD", 60]
SOURCES = {"source.customer_intelligence.landing.stripe__charges": "files"}
TICKETS = ("nodes", "model.customer_intelligence.fct_tickets")
TEST_OF_TICKETS = "contract_of_fct_tickets"
SEED = ("nodes", "seed.customer_intelligence.channels")
CASES = {
    "a description": ((*TICKETS, "description"), set()),
    "a tag": ((*TICKETS, "config", "tags"), set()),
    "SQL": ((*TICKETS, "raw_code"), {"fct_tickets"}),
    "the type of a column": ((*TICKETS, "columns", "ticket_id", "data_type"), {"fct_tickets"}),
    "values that a contract accepts": ((*TICKETS, "columns", "status", "config", "meta"), {"fct_tickets"}),
    "the types of a seed": ((*SEED, "config", "column_types"), {"channels", "dim_channel"}),
    "a macro of a macro": (
        ("macros", "macro.customer_intelligence.lost_buyer_days", "macro_sql"),
        {"fct_customer_daily"},
    ),
}


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    return parsed_manifest()


@pytest.fixture(scope="module")
def versions(manifest) -> dict[str, str]:
    return table_versions(manifest, table_codes(manifest, DBT_DIR), SETTINGS, SOURCES)


def renewed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    assert before.keys() == after.keys()
    return {name.rsplit(".", 1)[-1] for name in before if before[name] != after[name]}


def descendants(manifest: dict[str, Any], names: set[str]) -> set[str]:
    """The tables of these names and all that read them."""
    found = set(names)
    while True:
        more = {
            node["name"]
            for node in manifest["nodes"].values()
            if node["resource_type"] in ("model", "seed")
            and {parent.rsplit(".", 1)[-1] for parent in node["depends_on"].get("nodes", ())} & found
        } - found
        if not more:
            return found
        found |= more


@pytest.mark.parametrize(("path", "names"), CASES.values(), ids=CASES.keys())
def test_a_change_reaches_the_table_and_all_that_read_it(manifest, versions, path, names):
    other = changed(path)
    after = table_versions(other, table_codes(other, DBT_DIR), SETTINGS, SOURCES)
    assert renewed(versions, after) == descendants(manifest, names)


def test_another_rule_of_a_test_tests_the_table_again(manifest, versions):
    (test,) = [name for name, node in manifest["nodes"].items() if node["name"] == TEST_OF_TICKETS]
    other = changed(("nodes", test, "config", "severity"))
    after = table_versions(other, table_codes(other, DBT_DIR), SETTINGS, SOURCES)
    read = {name.rsplit(".", 1)[-1] for name in manifest["nodes"][test]["depends_on"]["nodes"]}
    assert "fct_tickets" in read
    assert renewed(versions, after) == descendants(manifest, read)


def test_new_files_reach_what_reads_their_object_and_a_setting_reaches_everything(manifest, versions):
    codes = table_codes(manifest, DBT_DIR)
    (source,) = SOURCES
    after = table_versions(manifest, codes, SETTINGS, {source: "one more file"})
    assert renewed(versions, after) == descendants(manifest, {"stripe__charges"})
    assert "customer_features" in renewed(versions, after)
    assert renewed(versions, table_versions(manifest, codes, ["EUR", 60], SOURCES)) == {
        name.rsplit(".", 1)[-1] for name in versions
    }
