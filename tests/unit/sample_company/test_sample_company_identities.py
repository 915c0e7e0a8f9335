"""Who the customers are: private persons, families, groups of companies, and their telephone numbers."""

import phonenumbers
import polars as pl
import pytest

from dagster_project.sample_company.directory import build_directory
from dagster_project.sample_company.population import draw_population


@pytest.fixture(scope="module")
def customers(landed) -> pl.DataFrame:
    return landed.truth("customers")


@pytest.fixture(scope="module")
def who(landed) -> pl.DataFrame:
    return landed.truth("identities")


@pytest.fixture(scope="module")
def names() -> pl.DataFrame:
    return build_directory(draw_population(2_000, 20240930, 729)).frame


def records(landed, who, name) -> pl.DataFrame:
    """Delivered records of one object, the last version of each, with the customer that they truly are."""
    system, _, object_name = name.partition("__")
    rows = landed.sound(name).unique(subset=landed.sound(name).columns[0], keep="last", maintain_order=True)
    key = rows.columns[0]
    return rows.with_columns(pl.col(key).cast(pl.String)).join(
        who.filter(system=system, object=object_name), left_on=key, right_on="source_ref", validate="1:1"
    )


def test_about_an_eighth_of_the_paying_customers_are_private_persons(customers):
    paying = customers.filter("is_paying")
    assert 0.08 < (paying["customer_kind"] == "person").mean() < 0.17
    persons = customers.filter(customer_kind="person")
    assert (persons["plan"] == "Starter").all()


def test_persons_have_billing_records_with_their_own_name_and_in_part_a_person_account(
    landed, who, customers
):
    persons = customers.filter(customer_kind="person")["true_customer_ref"]
    billing = records(landed, who, "stripe__customers")
    is_person = pl.col("true_customer_ref").is_in(persons.implode())
    assert billing.filter(is_person)["individual_name"].null_count() == 0
    assert billing.filter(~is_person)["individual_name"].null_count() == billing.filter(~is_person).height
    accounts = records(landed, who, "salesforce__accounts")
    assert (accounts["IsPersonAccount"] == accounts.select(is_person.alias("p"))["p"]).all()
    own = accounts.filter("IsPersonAccount")
    assert 0.4 < own["true_customer_ref"].n_unique() / persons.len() < 0.95
    assert 0 < own["PersonBirthdate"].null_count() < own.height / 2
    assert own["FirstName"].null_count() == 0 and own["Website"].null_count() == own.height
    organizations = who.filter(system="zendesk", object="organizations")["true_customer_ref"]
    assert not set(organizations) & set(persons)
    users = records(landed, who, "zendesk__users").filter(is_person)
    assert users.height > 0 and users["organization_id"].null_count() == users.height


def test_records_of_people_name_the_person_and_those_of_companies_do_not(who):
    people = pl.col("object").is_in(["contacts", "users"])
    assert who.filter(people)["true_person_ref"].null_count() == 0
    assert (
        who.filter(object="workspaces")["true_person_ref"].null_count()
        == who.filter(object="workspaces").height
    )
    both = who.filter(system="stripe", object="customers")["true_person_ref"]
    assert 0 < both.null_count() < both.len()


def test_every_trap_of_persons_is_there(names):
    persons = names.filter("is_person")
    traps = persons.group_by("person_trap").len()
    assert traps.height == 9 and traps["len"].min() >= 3
    bob = persons.filter(person_trap="nickname")
    assert (bob["stripe_given"] != bob["product_given"]).all()
    typo = persons.filter(person_trap="surname_typo")
    differs = (typo["salesforce_surname"] != typo["surname"]) | (typo["zendesk_surname"] != typo["surname"])
    assert differs.mean() > 0.9
    swapped = persons.filter(person_trap="swapped_names")
    assert (swapped["salesforce_given"] == swapped["surname"]).all()
    assert (
        persons.filter(person_trap="no_birth_date")["birth_date"].null_count()
        == traps.filter(person_trap="no_birth_date")["len"].item()
    )
    maiden = persons.filter(person_trap="maiden_name")
    assert (maiden["salesforce_surname"] != maiden["surname"]).mean() > 0.9
    same_name = persons.group_by("stripe_name").agg(pl.len(), pl.col("birth_date").n_unique().alias("births"))
    assert same_name.filter(pl.col("len") > 1, pl.col("births") > 1).height > 0
    assert names["main_email"].filter(names["is_person"]).is_unique().all()


def test_families_live_at_one_address_with_one_surname_and_twins_share_a_birth_date(names):
    persons = names.filter("is_person")
    families = persons.group_by("household").agg(
        pl.len(), pl.col("address_line", "city", "surname", "given", "birth_date").n_unique()
    ).filter(pl.col("len") > 1)  # fmt: skip
    assert 0.25 < families["len"].sum() / persons.height < 0.6 and set(families["len"]) == {2, 3}
    assert (families["address_line"] == 1).all() and (families["surname"] == 1).all()
    assert (families["given"] == families["len"]).all() and (families["city"] == 1).all()
    assert ((families["birth_date"] == 1) & (families["len"] == 2)).any()


def test_relations_are_declared_by_parent_accounts_and_told_by_the_truth(landed, who, customers):
    accounts = records(landed, who, "salesforce__accounts").select("Id", "ParentId", "true_customer_ref")
    declared = accounts.filter(pl.col("ParentId").is_not_null())
    assert set(declared["ParentId"]) <= set(accounts["Id"])
    parents = declared.join(accounts, left_on="ParentId", right_on="Id", suffix="_of_parent", validate="m:1")
    known = customers.select("true_customer_ref", "true_parent_ref", "true_household_ref", "customer_kind")
    both = parents.join(known, on="true_customer_ref", validate="m:1")
    assert (both["true_customer_ref_of_parent"] == both["true_parent_ref"]).all()
    companies = known.filter(customer_kind="organization")
    assert 0.02 < companies["true_parent_ref"].is_not_null().mean() < 0.12
    sizes = known.drop_nulls("true_household_ref").group_by("true_household_ref").len()
    assert sizes["len"].min() >= 2 and (sizes["len"] == 5).any()
    grand = companies.join(
        companies, left_on="true_parent_ref", right_on="true_customer_ref", suffix="_above", validate="m:1"
    )
    assert grand["true_parent_ref_above"].is_not_null().any()


def test_telephone_numbers_are_valid_ones_of_their_country_in_several_notations(names):
    sample = names.head(600)
    found = {}
    for system in ("salesforce", "stripe", "zendesk"):
        pairs = sample.select(f"{system}_phone", "country").rows()
        parsed = [phonenumbers.parse(text, country) for text, country in pairs]
        assert all(phonenumbers.is_valid_number(number) for number in parsed)
        found[system] = [phonenumbers.format_number(n, phonenumbers.PhoneNumberFormat.E164) for n in parsed]
    assert found["salesforce"] == found["stripe"] == found["zendesk"]
    assert sum(text.startswith("+") for text, _ in pairs) < len(pairs)
    counts = pl.Series(found["stripe"]).value_counts()["count"]
    assert counts.max() > 10 and (counts == 5).any() and (counts == 1).mean() > 0.8


def test_customers_live_in_several_countries_and_time_zones(landed):
    workspaces = landed.sound("product__workspaces").unique("id")
    assert workspaces["time_zone"].n_unique() >= 10
    countries = landed.sound("stripe__customers")["address"].str.json_path_match("$.country")
    assert {"US", "GB", "DE"} < set(countries)
