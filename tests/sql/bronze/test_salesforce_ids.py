"""Salesforce ids of 15 and of 18 characters are one id: `dbt/macros/salesforce.sql`, and where bronze uses it."""

import string
from typing import Any

import duckdb
import jinja2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagster_project.contracts import bronze_tables
from dagster_project.settings import DBT_DIR

MACROS: Any = (
    jinja2.Environment(autoescape=False)
    .from_string((DBT_DIR / "macros" / "salesforce.sql").read_text())
    .module
)
SIGNS = string.digits + string.ascii_letters
SHORT_IDS = st.text(SIGNS, min_size=15, max_size=15)
CHECK_SIGNS = string.ascii_uppercase + string.digits[:6]


def normal(ids: list[str | None], prefix: str = "") -> list[str | None]:
    """What the SQL makes of ids."""
    sql = f"select {MACROS.salesforce_id('id', prefix)} from (select unnest($ids::text[]) as id)"
    return [found for (found,) in duckdb.execute(sql, {"ids": ids}).fetchall()]


def long_id(short: str) -> str:
    """The definition, written another way: the bits of each five characters, the last one first, as a number."""
    fives = [short[first : first + 5] for first in (0, 5, 10)]
    bits = ["".join("01"[sign in string.ascii_uppercase] for sign in reversed(five)) for five in fives]
    return short + "".join(CHECK_SIGNS[int(number, base=2)] for number in bits)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("001xx000003DGbA", "001xx000003DGbAAAW"),
        ("001xx000003DGba", "001xx000003DGbaAAG"),
        ("0015800000ABCDE", "0015800000ABCDEAA5"),
        ("001xx000003DGbAAAW", "001xx000003DGbAAAW"),
        ("001xx000003DGb", "001xx000003DGb"),
        ("001xx000003DG_A", "001xx000003DG_A"),
        ("", ""),
        (None, None),
    ],
)
def test_an_id_of_15_characters_gets_its_three_others_and_all_else_stays(
    written: str | None, expected: str | None
) -> None:
    assert normal([written]) == [expected]


@pytest.mark.parametrize(
    "page",
    [
        "https://acme.lightning.force.com/lightning/r/Account/{}/view",
        "https://acme.lightning.force.com/lightning/r/{}/view?tab=1",
        "https://acme.lightning.force.com/one/one.app#/sObject/{}/view",
        "https://acme.my.salesforce.com/{}",
        "http://eu5.salesforce.com/{}?srPos=0",
    ],
)
@pytest.mark.parametrize("record", ["001xx000003DGbA", "001xx000003DGbAAAW"])
def test_the_address_of_a_page_is_the_id_in_it(page: str, record: str) -> None:
    assert normal([page.format(record)]) == ["001xx000003DGbAAAW"]
    assert normal([page.format(record)], "001") == ["001xx000003DGbAAAW"]
    assert normal([page.format(record)], "701") == [page.format(record)]


@pytest.mark.parametrize(
    "address",
    [
        "https://acme.example/001xx000003DGbA",
        "https://salesforce.com.acme.example/001xx000003DGbA",
        "https://acme.my.salesforce.com/001xx000003DG",
        "https://acme.my.salesforce.com/home?id=x",
        "acme.my.salesforce.com",
    ],
)
def test_other_addresses_stay_as_they_are(address: str) -> None:
    assert normal([address]) == [address]


def test_what_begins_like_no_record_of_the_kind_is_no_id_of_it() -> None:
    assert normal(["701xx000003DGbA", "spring2026promo"], "701") == ["701xx000003DGbAAAW", "spring2026promo"]


@settings(max_examples=50, deadline=None)
@given(st.lists(SHORT_IDS, min_size=1, max_size=50))
def test_both_ways_to_write_an_id_are_one_and_case_tells_ids_apart(ids: list[str]) -> None:
    ids += [short.swapcase() for short in ids]
    found = normal(ids)
    assert found == [long_id(short) for short in ids]
    assert normal(found) == found
    # the three signs are there for those who do not know case
    assert len({str(long).upper() for long in found}) == len(set(ids))


def test_bronze_knows_every_column_that_holds_such_an_id() -> None:
    parsed = {
        f"{name}.{column.name}"
        for name, table in bronze_tables().items()
        for column in table.columns
        if column.rules.get("parse") == "salesforce_id"
    }
    of_salesforce = {
        f"{name}.{column.name}"
        for name, table in bronze_tables().items()
        for column in table.columns
        if name.startswith("salesforce__") and column.name.endswith("_ref")
    }
    assert parsed == of_salesforce | {
        "stripe__customers.salesforce_account_ref",
        "zendesk__organizations.salesforce_account_ref",
        "marketing__touchpoints.campaign_ref",
        "files__touchpoints.campaign_ref",
    }
