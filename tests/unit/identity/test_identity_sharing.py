"""Who is joined by an address or number that several parties share, and who is not."""

import datetime as dt

import polars as pl
import pytest
from party_rows import account, buyer, contact, groups, identity, resolved, row, sets, user


def test_a_phone_shared_by_contacts_of_two_companies_joins_neither_persons_nor_companies():
    result = resolved(
        account("a", "Acme", domain="acme.com"),
        account("b", "Beta", domain="beta.com"),
        contact("c", "a", "Ann Lee", phone="+1 650 253 0000"),
        contact("d", "b", "Tom Fox", phone="+1 650 253 0000"),
    )
    assert groups(result) == sets("a c", "b d")
    assert groups(result, "person_id") == sets("c", "d")


@pytest.mark.parametrize("shared", [{"email": "ann.lee@gmail.com"}, {"phone": "+1 650 253 0000"}])
def test_a_person_who_is_contact_of_two_companies_is_one_person_and_two_customers(shared):
    result = resolved(
        account("a", "Acme", domain="acme.com"),
        row("zendesk/organizations/z", name="Zenith", is_paying_party=True),
        contact("c", "a", "Ann Lee", **shared),
        row("zendesk/users/d", "zendesk/organizations/z", kind="person", name="Ann Lee", **shared),
    )
    assert groups(result) == sets("a c", "z d")
    assert groups(result, "person_id") == sets("c d")


def test_one_company_in_two_systems_is_joined_by_its_contact_and_its_name():
    result = resolved(
        account("a", "Acme Ltd", domain="acme.com"),
        row("zendesk/organizations/z", name="Acme", is_paying_party=True),
        contact("c", "a", "Ann Lee", email="ann.lee@gmail.com"),
        row(
            "zendesk/users/d",
            "zendesk/organizations/z",
            kind="person",
            name="A. Lee",
            email="AnnLee@gmail.com",
        ),
    )
    assert groups(result) == sets("a c z d")


def test_a_phone_joins_two_records_of_a_person_whatever_its_spelling():
    result = resolved(
        buyer("a", "Robert Gray", phone="(650) 253-0000", country="US"),
        buyer("b", "Bob Gray", phone="+1 650 253 0000"),
    )
    assert groups(result) == sets("a b")
    assert identity(result, "b")["match_kind"] == "phone"


def test_the_landline_of_a_family_joins_nobody():
    names = ["Robert Gray", "Ann Gray", "Tom Gray", None]
    assert (
        len(groups(resolved(*(buyer(str(i), name, phone="+1 650 253 0000") for i, name in enumerate(names)))))
        == 4
    )


def test_a_mailbox_that_a_couple_shares_does_not_make_them_one():
    couple = [
        buyer("a", "Ann Gray", email="grays@gmail.com"),
        buyer("b", "Tom Gray", email="grays@gmail.com"),
    ]
    assert groups(resolved(*couple)) == sets("a", "b")
    nameless = user("u", email="grays@gmail.com")
    assert groups(resolved(*couple, nameless)) == sets("a", "b", "u")
    assert groups(resolved(couple[0], nameless)) == sets("a u")


def test_father_and_son_of_one_name_and_mailbox_are_two_persons():
    father = buyer("a", "Tom Gray", email="grays@gmail.com", birth_date=dt.date(1950, 3, 17))
    son = buyer("b", "Tom Gray", email="grays@gmail.com", birth_date=dt.date(1981, 11, 2))
    assert groups(resolved(father, son)) == sets("a", "b")
    slip = son | {"birth_date": dt.date(1950, 3, 11)}
    assert groups(resolved(father, slip)) == sets("a b")


def test_companies_of_one_switchboard_need_one_name():
    phone = {"phone": "+1 650 253 0000", "is_paying_party": True}
    result = resolved(
        row("stripe/customers/s", name="Acme Inc.", **phone),
        row("zendesk/organizations/z", name="ACME", **phone),
        row("stripe/customers/t", name="Tower Offices", **phone),
    )
    assert groups(result) == sets("s z", "t")


def test_identifiers_above_the_cap_link_nobody_and_are_listed_masked():
    result = resolved(
        *(user(f"u{i}", "Ann Lee", email="info@shared.com", phone="+16502530000") for i in range(4)),
        *(account(f"a{i}", f"Store {chr(65 + i) * 5}", domain="franchise.com") for i in range(4)),
        cap=3,
    )
    assert len(groups(result)) == 8
    shared = result.shared_identifiers
    assert shared.get_column("identifier_kind").to_list() == ["domain", "email", "phone"]
    assert shared.get_column("party_count").to_list() == [4, 4, 4]
    assert shared.get_column("identifier").to_list()[0] == "franchise.com"
    assert shared.get_column("identifier").str.contains("^[0-9a-f]{16}$").to_list() == [False, True, True]


def test_a_person_who_pays_and_works_for_a_company_stays_two_customers():
    same = {"email": "ann.lee@gmail.com", "birth_date": dt.date(1980, 5, 5)}
    result = resolved(
        account("a", "Acme"),
        contact("c", "a", "Ann Lee", **same),
        buyer("b", "Ann Lee"),
        buyer("d", "Tom Fox"),
    )
    assert groups(result) == sets("a c", "b", "d")


def test_only_persons_have_a_person_id_and_ids_say_what_they_are():
    result = resolved(account("a", "Acme"), contact("c", "a", "Ann Lee"))
    assert identity(result, "a")["person_id"] is None
    assert identity(result, "c")["person_id"].startswith("p_")
    assert result.identities.get_column("customer_id").str.contains("^c_[0-9a-f]{16}$").all()


def test_nothing_that_comes_out_holds_personal_data():
    person = {
        "email": "ann.lee@gmail.com",
        "phone": "+16502530000",
        "address_line": "12 Main Street",
        "postal_code": "94043",
    }
    result = resolved(
        *(
            buyer(f"b{i}", name, birth_date=dt.date(1980, 5, 5), **person)
            for i, name in enumerate(["Ann Lee", "Anne Lee", "Tom Lee"])
        ),
        *(user(f"u{i}", email="info@shared.com") for i in range(12)),
    )
    texts = " ".join(
        str(value)
        for table in result
        for column in table.select(pl.col(pl.String)).iter_columns()
        for value in column.to_list()
    ).lower()
    for text in ("ann", "lee", "gmail", "650253", "main", "94043", "1980", "shared.com"):
        assert text not in texts
