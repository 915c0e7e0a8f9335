"""The golden record, its history and its completeness, as the real dbt builds them from hand-made records.

The identities are given here: who is who is not the question of these tests. Customer A is a company that three systems
know and that moved, grew and was renamed; B is a person who pays; C is known from one support request alone.
"""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from dbt_in_process import run_dbt

from dagster_project.contracts import landing_objects
from dagster_project.identity.evidence import party_spellings
from dagster_project.ingest.landing import write_batch, write_empty_file
from dagster_project.settings import DBT_DIR

LOADED_AT = dt.datetime(2026, 10, 1, 6, 0)
POLARS_TYPES = {"VARCHAR": pl.String, "BIGINT": pl.Int64, "DOUBLE": pl.Float64, "BOOLEAN": pl.Boolean}


def unix(day: str) -> int:
    return int(dt.datetime.fromisoformat(f"{day}T00:00:00+00:00").timestamp())


def at(day: str) -> str:
    return f"{day}T00:00:00Z"


def account(modified: str, **fields: Any) -> dict[str, Any]:
    """A version of A's account in the CRM."""
    return {
        "Id": "acc_a", "Name": "Alpha Works Ltd", "CreatedDate": at("2025-01-10"), "SystemModstamp": at(modified),
        "Website": "alpha.example", "Industry": "Energy", "Phone": "+44 20 7946 0001", "BillingCountry": "GB",
        "BillingStreet": "1 Old Lane", "BillingCity": "Leeds", "BillingPostalCode": "LS1", **fields,
    }  # fmt: skip


def payer(customer: str, modified: str, **fields: Any) -> dict[str, Any]:
    """A version of a customer of the billing system."""
    return {"id": customer, "created": unix("2025-02-01"), "event_created": unix(modified), **fields}


# Customers whose name and number the billing system and the CRM write differently, and what the golden record says.
WRITTEN = {
    "small letters": ("lotus bakery", "Lotus Bakery AG", "Lotus Bakery AG"),
    "capitals": ("LOTUS BAKERY LTD", "Lotus Bakery Limited", "Lotus Bakery Limited"),
    "less complete": ("Lotus Bakery", "Lotus Bakery AG", "Lotus Bakery AG"),
    "as good": ("Lotus Bakery Ltd", "Lotus Bakery Limited", "Lotus Bakery Ltd"),
    "another name": ("lotus foods", "Lotus Bakery AG", "lotus foods"),
    "accents and signs": ("muller & sohne", "Müller und Söhne GmbH", "Müller und Söhne GmbH"),
    "acronym": ("ibm", "IBM", "IBM"),
    "without case": ("東京製菓", "東京製菓", "東京製菓"),
}
PHONES = {
    ("030 123 4567", "DE"): "+49301234567",
    ("(650) 253-0000", "United States"): "+16502530000",
    ("+44 20 7946 0001", None): "+442079460001",
    ("call reception", "DE"): "call reception",
}
CASES = [
    (f"w{place}", of_billing, of_crm, None, None) for place, (of_billing, of_crm, _) in enumerate(WRITTEN.values())
] + [(f"p{place}", "Nun", "Nun", *number) for place, number in enumerate(PHONES)]  # fmt: skip

ROWS: dict[str, list[dict[str, Any]]] = {
    "salesforce__accounts": [
        *(
            account("2025-01-10", Id=f"acc_{ref}", Name=of_crm, Phone=phone, BillingCountry=country)
            for ref, _, of_crm, phone, country in CASES
        ),
        account("2025-01-10", NumberOfEmployees=10),
        account("2025-06-01", NumberOfEmployees=25, BillingStreet="2 New Road", BillingPostalCode="LS2"),
        # The duplicate is older and was deleted: it counts only where nobody else has a word.
        account(
            "2025-07-01", Id="acc_dup", Name="ALPHA", CreatedDate=at("2025-01-05"), Industry="Mining", IsDeleted=True
        ),
        {"Id": "acc_parent", "Name": "Omega plc", "CreatedDate": at("2024-01-01"), "SystemModstamp": at("2024-01-01")},
        account(
            "2025-08-01", NumberOfEmployees=25, BillingStreet="2 New Road", BillingPostalCode="LS2",
            ParentId="acc_parent",
        ),
    ],
    "stripe__customers": [
        *(payer(f"cus_{ref}", "2025-02-01", business_name=of_billing) for ref, of_billing, *_ in CASES),
        payer("cus_a", "2025-02-01", name="Alpha", business_name="Alpha Works Limited", email="pay@alpha.example"),
        payer("cus_a", "2025-09-01", name="Alpha", business_name="Alpha Group Limited", email="pay@alpha.example"),
        payer("cus_b", "2025-03-01", individual_name="Bea Brown", email="bea@mail.example", phone="+1 555 0100",
              address='{"line1":"7 Elm","city":"Troy","postal_code":"12180","country":"US"}'),
        payer("cus_short", "2025-03-01", metadata='{"salesforce_account_id":"001xx000003DGbA"}'),
    ],
    "product__workspaces": [
        {"id": "ws_a", "name": "alpha!", "owner_email": "o@alpha.example", "time_zone": "Europe/London",
         "created_at": at("2025-02-02"), "updated_at": at("2025-02-02")},
    ],
    "zendesk__users": [
        {"id": 77, "name": "Cy Cole", "email": "cy@mail.example", "role": "end-user", "created_at": at("2025-04-01"),
         "updated_at": at("2025-04-01")},
        # Once an agent, and an end-user since
        {"id": 78, "name": "Di Dunn", "email": "di@mail.example", "role": "end-user", "created_at": at("2025-04-01"),
         "updated_at": at("2025-04-01")},
    ],
    "zendesk__tickets": [
        {"id": 5, "requester_id": 77, "assignee_id": 78, "status": "open", "created_at": at("2025-04-02"),
         "updated_at": at("2025-04-02")},
        {"id": 6, "requester_id": 78, "status": "open", "created_at": at("2025-04-02"),
         "updated_at": at("2025-04-02")},
    ],
}  # fmt: skip
CUSTOMER_OF = {
    ("salesforce", "accounts", "acc_a"): "A",
    ("salesforce", "accounts", "acc_dup"): "A",
    ("stripe", "customers", "cus_a"): "A",
    ("product", "workspaces", "ws_a"): "A",
    ("salesforce", "accounts", "acc_parent"): "P",
    ("stripe", "customers", "cus_b"): "B",
    ("zendesk", "users", "77"): "C",
    **{("salesforce", "accounts", f"acc_{ref}"): ref for ref, *_ in CASES},
    **{("stripe", "customers", f"cus_{ref}"): ref for ref, *_ in CASES},
}
IDENTITIES = pl.DataFrame(
    [(*key, customer, None, "only_record", 1.0, "only record") for key, customer in CUSTOMER_OF.items()],
    schema={
        "system": pl.String, "object": pl.String, "source_ref": pl.String, "customer_id": pl.String,
        "person_id": pl.String, "match_kind": pl.String, "match_probability": pl.Float64, "evidence": pl.String,
    },
    orient="row",
)  # fmt: skip
HOUSEHOLDS = pl.DataFrame(
    [
        ("h_1", "P", "corporate_group", "declared", "head"),
        ("h_1", "A", "corporate_group", "declared", "member"),
    ],
    schema=["household_id", "customer_id", "household_kind", "basis", "role"],
    orient="row",
)
MODELS = [
    "dim_customer", "dim_customer_history", "dim_household", "bridge_household_member", "customer_golden_fields",
    "customer_profile_completeness", "source_freshness",
]  # fmt: skip
TESTS = ["assert_customer_history_is_one_unbroken_line", "assert_golden_fields_follow_a_written_rule"]


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    data_dir = tmp_path_factory.mktemp("golden")
    for name, fields in landing_objects().items():
        system, object_name = name.split("__", 1)
        write_empty_file(data_dir / "landing", system, object_name, fields)
        if name in ROWS:
            schema = {field: POLARS_TYPES[kind] for field, kind in fields.items()}
            frame = pl.DataFrame(
                [{field: row.get(field) for field in schema} for row in ROWS[name]], schema=schema
            )
            write_batch(data_dir / "landing", system, object_name, "b1", frame, LOADED_AT)
    run_dbt(data_dir, "seed")
    run_dbt(data_dir, "run", "-s", "bronze", "support_staff", "parties")
    with duckdb.connect(str(data_dir / "warehouse.duckdb")) as connection:
        spellings = party_spellings(pl.DataFrame(connection.sql("from silver.parties").to_arrow_table()))
        for name, frame in (
            ("customer_identities", IDENTITIES), ("household_members", HOUSEHOLDS), ("party_spellings", spellings),
        ):  # fmt: skip
            connection.register("rows", frame.to_arrow())
            connection.execute(f"create table silver.{name} as from rows")
    run_dbt(
        data_dir,
        "run",
        "-s",
        *(f"+{name}" for name in MODELS),
        "--exclude",
        "bronze",
        "support_staff",
        "parties",
    )
    run_dbt(data_dir, "test", "-s", *TESTS)
    with duckdb.connect(str(data_dir / "warehouse.duckdb"), read_only=True) as connection:
        yield connection


def rows(warehouse: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[Any, ...]]:
    return warehouse.execute(sql).fetchall()


def test_each_field_comes_from_the_source_that_its_rule_trusts_most(warehouse: duckdb.DuckDBPyConnection):
    company = rows(
        warehouse,
        "select kind, name, email, domain, industry, country, employee_count, time_zone from gold.dim_customer"
        " where customer_id = 'A'",
    )
    assert company == [
        (
            "organization",
            "Alpha Group Limited",
            "pay@alpha.example",
            "alpha.example",
            "Energy",
            "GB",
            25,
            "Europe/London",
        )
    ]


@pytest.mark.parametrize("place", range(len(WRITTEN)), ids=list(WRITTEN))
def test_the_name_is_the_believed_one_in_its_best_spelling(warehouse: duckdb.DuckDBPyConnection, place: int):
    (name,) = rows(warehouse, f"select name from gold.dim_customer where customer_id = 'w{place}'")[0]
    assert name == list(WRITTEN.values())[place][2]


@pytest.mark.parametrize("place", range(len(PHONES)))
def test_telephone_numbers_are_written_in_one_way(warehouse: duckdb.DuckDBPyConnection, place: int):
    (phone,) = rows(warehouse, f"select phone from gold.dim_customer where customer_id = 'p{place}'")[0]
    assert phone == list(PHONES.values())[place]


def test_street_city_and_postal_code_are_of_one_place(warehouse: duckdb.DuckDBPyConnection):
    place = rows(
        warehouse, "select address_line, city, postal_code from gold.dim_customer where customer_id = 'A'"
    )
    assert place == [("2 New Road", "Leeds", "LS2")]


def test_who_pays_for_themselves_is_a_person(warehouse: duckdb.DuckDBPyConnection):
    person = rows(
        warehouse, "select kind, is_person, name, city from gold.dim_customer where customer_id = 'B'"
    )
    assert person == [("person", True, "Bea Brown", "Troy")]


def test_a_contact_lends_name_and_address_only_to_a_customer_without_an_account(
    warehouse: duckdb.DuckDBPyConnection,
):
    known = rows(warehouse, "select kind, name, email, phone from gold.dim_customer where customer_id = 'C'")
    assert known == [("person", "Cy Cole", "cy@mail.example", None)]


def test_the_parent_is_a_customer_and_heads_the_household(warehouse: duckdb.DuckDBPyConnection):
    child = rows(
        warehouse, "select parent_customer_id, household_id from gold.dim_customer where customer_id = 'A'"
    )
    assert child == [("P", "h_1")]
    assert rows(warehouse, "select member_count, head_customer_id from gold.dim_household") == [(2, "P")]


def test_every_field_says_from_which_record_it_is_and_since_when(warehouse: duckdb.DuckDBPyConnection):
    origins = rows(
        warehouse,
        "select field, system, source_ref, rule, valid_from::date::text from gold.customer_golden_fields"
        " where customer_id = 'A' and field in ('address', 'name', 'industry') order by 1",
    )
    assert origins == [
        ("address", "salesforce", "acc_a", "most_recent", "2025-06-01"),
        ("industry", "salesforce", "acc_a", "most_trusted_source", "2025-01-10"),
        ("name", "stripe", "cus_a", "best_spelling", "2025-09-01"),
    ]


def test_history_has_a_row_for_each_change_and_none_for_a_version_that_says_the_same(
    warehouse: duckdb.DuckDBPyConnection,
):
    """The account's version of August only names the parent, which is no part of the history."""
    history = rows(
        warehouse,
        "select valid_from::date::text, valid_to::date::text, name, address_line, employee_count, is_current"
        " from gold.dim_customer_history where customer_id = 'A' order by 1",
    )
    assert history == [
        ("2025-01-05", "2025-01-10", "ALPHA", "1 Old Lane", None, False),
        ("2025-01-10", "2025-02-01", "Alpha Works Ltd", "1 Old Lane", 10, False),
        ("2025-02-01", "2025-06-01", "Alpha Works Limited", "1 Old Lane", 10, False),
        ("2025-06-01", "2025-09-01", "Alpha Works Limited", "2 New Road", 25, False),
        ("2025-09-01", None, "Alpha Group Limited", "2 New Road", 25, True),
    ]


def test_completeness_weighs_the_fields_of_the_kind_and_lists_what_is_missing(
    warehouse: duckdb.DuckDBPyConnection,
):
    profiles = rows(
        warehouse,
        "select customer_id, completeness_score, completeness_level, is_complete_enough, missing_fields"
        " from gold.customer_profile_completeness where customer_id < 'a' order by 1",
    )
    assert profiles == [
        ("A", 100.0, "COMPLETE", True, None),
        ("B", 90.0, "COMPLETE", True, "birth_date"),
        ("C", 50.0, "GOOD", False, "address, phone, birth_date, country"),
        ("P", 20.0, "BASIC", False, "email, address, country, domain, employee_count, industry, phone"),
    ]


def test_freshness_counts_from_the_newest_event_of_all(warehouse: duckdb.DuckDBPyConnection):
    ages = rows(
        warehouse,
        "select object, kept_row_count, age_days from gold.source_freshness"
        " where system = 'salesforce' and object in ('accounts', 'contacts') or object = 'workspaces' order by 1",
    )
    assert ages == [("accounts", 5 + len(CASES), 31), ("contacts", 0, None), ("workspaces", 1, 211)]


def test_every_rule_of_the_seed_is_one_that_the_golden_record_has(warehouse: duckdb.DuckDBPyConnection):
    columns = {name for name, *_ in rows(warehouse, "describe gold.dim_customer")} | {"address"}
    fields = {field for (field,) in rows(warehouse, "select field from bronze.survivorship_rules")}
    assert fields <= columns
    assert (DBT_DIR / "seeds" / "survivorship_rules.csv").read_text().startswith("field,rule,sources,reason")


def test_an_object_that_a_rule_does_not_name_comes_last_or_is_not_asked(tmp_path: Path):
    rules = ("stripe:customers > others", "stripe:customers")
    places = [f"{{{{ source_priority(\"'{rule}'\", \"'new'\", \"'people'\") }}}}" for rule in rules]
    compiled = run_dbt(tmp_path, "compile", "--inline", f"select {', '.join(places)}")
    assert duckdb.sql(compiled.results[0].node.compiled_code).fetchall() == [(2, 0)]


def test_who_left_support_is_nobodys_customer(warehouse: duckdb.DuckDBPyConnection) -> None:
    users = "select distinct source_ref from silver.parties where system = 'zendesk' and object = 'users'"
    assert warehouse.execute(users).fetchall() == [("77",)]


def test_a_reference_of_15_characters_names_the_account_of_18(warehouse: duckdb.DuckDBPyConnection) -> None:
    named = "select link_ref from silver.parties where source_ref = 'cus_short'"
    assert warehouse.execute(named).fetchall() == [("001xx000003DGbAAAW",)]
