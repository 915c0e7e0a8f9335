"""Who is joined by an address or number that several parties share, and who is not."""

import datetime as dt
import itertools

import polars as pl
import pytest
from party_rows import account, buyer, contact, groups, identity, override, resolved, row, sets, user


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


def test_a_number_of_father_and_son_joins_neither_with_a_record_without_birth_date():
    number = {"phone": "+1 650 253 0000"}
    father = buyer("a", "Robert Gray", birth_date=dt.date(1955, 1, 2), **number)
    son = buyer("b", "Robert Gray", birth_date=dt.date(1980, 3, 17), **number)
    again = buyer("c", "Bob Gray", birth_date=dt.date(1980, 3, 17), **number)
    either = buyer("x", "Robert Gray", **number)
    assert groups(resolved(son, again, either)) == sets("b c x")
    assert groups(resolved(father, son, again, either)) == sets("a", "b c", "x")


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
        *(user(f"u{i}", "Ann Lee", email="ann@shared.com", phone="+16502530000") for i in range(4)),
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
        *(user(f"u{i}", email="ann@shared.com") for i in range(12)),
    )
    texts = " ".join(
        str(value)
        for name, table in result._asdict().items()
        if name != "learned"
        for column in table.select(pl.col(pl.String)).iter_columns()
        for value in column.to_list()
    ).lower()
    for text in ("ann", "lee", "gmail", "650253", "main", "94043", "1980", "shared.com"):
        assert text not in texts


DESKS = [
    "team",
    "support",
    "info",
    "sales",
    "billing",
    "office",
    "admin",
    "hello",
    "kontakt",
    "buchhaltung",
    "facturation",
]


@pytest.mark.parametrize("desk", DESKS)
@pytest.mark.parametrize("domain", ["ours.de", "gmail.com"])
def test_the_mailbox_of_a_desk_joins_neither_two_customers_nor_two_persons(desk, domain):
    shared = {"email": f"{desk}@{domain}"}
    result = resolved(
        buyer("a", "Ann Miller", **shared),
        buyer("b", "Bob Stone", **shared),
        buyer("c", "Ann Stone", **shared),
        buyer("d", **shared),
        buyer("e", **shared),
    )
    assert groups(result) == groups(result, "person_id") == sets("a", "b", "c", "d", "e")


@pytest.mark.parametrize("mailbox", ["team", "ann.lee"])
@pytest.mark.parametrize("host", ["alpha.de", "elsewhere.de"])
@pytest.mark.parametrize(("of_alpha", "of_beta"), [("alpha.de", None), (None, "alpha.de"), (None, None)])
def test_accounts_of_different_names_are_two_whatever_mailbox_their_contacts_share(
    mailbox, host, of_alpha, of_beta
):
    shared = {"email": f"{mailbox}@{host}"}
    result = resolved(
        account("a", "Alpha GmbH", domain=of_alpha),
        account("b", "Beta GmbH", domain=of_beta),
        contact("c", "a", "Ann Miller", **shared),
        contact("d", "b", "Bob Stone", **shared),
    )
    assert groups(result) == sets("a c", "b d")
    assert groups(result, "person_id") == sets("c", "d")


@pytest.mark.parametrize(
    ("object_name", "domain"),
    [
        *itertools.product(
            ["stripe/customers", "files/customers", "zendesk/organizations"], [None, "alpha.de"]
        ),
        ("product/workspaces", None),
    ],
)
def test_companies_of_different_names_are_two_whatever_mailbox_they_share(object_name, domain):
    shared = {"email": "billing@alpha.de", "is_paying_party": True}
    result = resolved(
        row(f"{object_name}/a", name="Alpha GmbH", domain=domain, **shared),
        row(f"{object_name}/b", name="Beta AG", **shared),
        row(f"{object_name}/c", name="ALPHA", **shared),
    )
    assert groups(result) == sets("a c", "b")


def test_a_record_called_after_the_contact_or_by_a_users_fancy_belongs_to_the_company_of_its_domain():
    result = resolved(
        account("a", "Alpha GmbH", domain="alpha.de"),
        contact("c", "a", "Ann Lee", email="ann@alpha.de"),
        row("stripe/customers/s", name="Ann Lee", email="ann@alpha.de", is_paying_party=True),
        row("product/workspaces/w", name="Playground", email="ann@alpha.de"),
    )
    assert groups(result) == sets("a c s w")


def test_one_person_behind_the_mailbox_of_a_desk_is_known_by_the_whole_name():
    shared = {"email": "team@ours.de"}
    result = resolved(
        buyer("a", "Robert Gray", **shared), user("b", "Bob Gray", **shared), user("c", "Bob", **shared)
    )
    assert groups(result) == sets("a b", "c")


def test_a_bare_address_goes_to_the_only_customer_that_has_the_desk():
    address = row("marketing/emails/m", kind="person", email="info@gmail.com")
    holder = buyer("a", "Ann Miller", email="info@gmail.com")
    assert groups(resolved(holder, address)) == sets("a m")
    assert groups(resolved(holder, buyer("b", "Bob Stone", email="info@gmail.com"), address)) == sets(
        "a", "b", "m"
    )


def test_private_customers_who_share_a_desk_of_a_company_do_not_become_the_company():
    shared = {"email": "team@alpha.de"}
    result = resolved(
        account("a", "Alpha GmbH", domain="alpha.de"),
        buyer("b", "Ann Miller", **shared),
        buyer("c", "Bob Stone", **shared),
        user("u", **shared),
    )
    assert groups(result) == sets("a u", "b", "c")


@pytest.mark.parametrize("domain", ["gmail.com", "ours.de"])
def test_the_same_own_mailbox_and_like_names_are_one_person_and_unlike_names_are_two(domain):
    shared = {"email": f"grays@{domain}"}
    result = resolved(
        buyer("a", "Robert Gray", **shared),
        buyer("b", "Bob Grey", **shared),
        buyer("c", "Ann Gray", **shared),
    )
    assert groups(result) == sets("a b", "c")


@pytest.mark.parametrize(
    "shared", [{"email": "test@test.com"}, {"email": "n/a"}, {"phone": "1234567890", "country": "US"}]
)
def test_what_is_typed_where_something_is_demanded_joins_nobody(shared):
    assert groups(resolved(buyer("a", "Ann Lee", **shared), buyer("b", "Ann Lee", **shared))) == sets(
        "a", "b"
    )


@pytest.mark.parametrize("name", ["N/A", "unknown", "Test Test", "-"])
def test_a_name_that_stands_for_nothing_agrees_with_no_other(name):
    shared = {"phone": "+1 650 253 0000"}
    assert groups(resolved(buyer("a", name, **shared), buyer("b", name, **shared))) == sets("a", "b")


@pytest.mark.parametrize(
    "nobodys", [dt.date(1899, 12, 31), dt.date(1900, 1, 1), dt.date(1029, 3, 17), dt.date(2999, 1, 1)]
)
def test_a_birth_date_on_which_nobody_was_born_neither_joins_nor_parts(nobodys):
    born = {"email": "tom.gray@gmail.com", "birth_date": dt.date(1950, 3, 17)}
    assert groups(
        resolved(buyer("a", "Tom Gray", **born), buyer("b", "Tom Gray", **born | {"birth_date": nobodys}))
    ) == sets("a b")
    namesakes = [buyer(ref, "Tom Gray", birth_date=nobodys) for ref in "ab"]
    assert groups(resolved(*namesakes)) == sets("a", "b")


SPELLINGS = [
    ("Müller GmbH", "Mueller AG"),
    ("Müller & Söhne GmbH & Co. KG", "MULLER UND SOEHNE"),
    ("Smith & Sons Ltd", "Smith and Sons Limited"),
    ("Alpha Forge B.V.", "ALPHA FORGE BV"),
    ("Alpha Forge PLC", "Alpha Forge Public Limited Company"),
    ("Dupont et Fils S.A.R.L.", "Dupont & Fils"),
    ("Alpha Forge, Inc.", "alpha-forge"),
    ("Ørsted Værft A/S", "Orsted Vaerft AS"),
    ("Comercial Alpha S.A. de C.V.", "Comercial Alpha"),
]


@pytest.mark.parametrize(
    "shared", [{"phone": "+49 30 1234567"}, {"email": "ann.lee@gmail.com"}, {"email": "info@ours.de"}]
)
@pytest.mark.parametrize(("name", "other_name"), SPELLINGS)
def test_one_company_in_two_spellings_with_one_address_or_number_is_joined(name, other_name, shared):
    billed = [
        row(f"stripe/customers/{ref}", name=spelled, is_paying_party=True, **shared)
        for ref, spelled in (("s", name), ("t", other_name))
    ]
    assert groups(resolved(*billed)) == sets("s t")
    # The CRM knows its mail and its numbers by the contacts.
    accounts = [account("a", name), account("b", other_name)]
    contacts = [contact("c", "a", "Ann Lee", **shared), contact("d", "b", "Ann Lee", **shared)]
    assert groups(resolved(*accounts, *contacts)) == sets("a b c d")


def test_subsidiaries_in_two_spellings_are_duplicates_of_one_and_other_names_are_not():
    parent = account("p", "Omega plc", domain="omega.com")
    names = {"a": "Alpha Forge B.V.", "b": "ALPHA FORGE BV"}
    duplicates = [account(ref, name, domain="forge.com", parent_ref="p") for ref, name in names.items()]
    other = account("c", "Beta Forge BV", domain="beta.com", parent_ref="p")
    assert groups(resolved(parent, *duplicates, other)) == sets("p", "a b", "c")


def stripe_customer(ref: str, of: str, name: str, **fields) -> dict:
    return row(
        f"stripe/customers/{ref}", f"salesforce/accounts/{of}", name=name, is_paying_party=True, **fields
    )


@pytest.mark.parametrize(
    ("accounts", "expected"),
    [
        (({"name": "North Mill Ltd"}, {"name": "South Quay Ltd"}), sets("a x", "b y")),
        (({"name": "North Mill Ltd"}, {"name": "North Mill GmbH"}), sets("a b x y")),
        (({"name": "North Mill", "domain": "mill.example"}, {"name": "South Quay"}), sets("a x", "b y")),
        (
            (
                {"name": "North Mill", "domain": "mill.example"},
                {"name": "South Quay", "domain": "mill.example"},
            ),
            sets("a b x y"),
        ),
    ],
)
def test_payers_of_one_name_and_mailbox_stay_with_the_two_accounts_that_they_name(accounts, expected):
    first, second = accounts
    result = resolved(
        account("a", **first),
        account("b", **second),
        stripe_customer("x", "a", "Case Works", email="bill@case.example"),
        stripe_customer("y", "b", "Case Works", email="bill@case.example"),
    )
    assert groups(result) == expected


def test_two_accounts_kept_apart_by_their_names_come_up_for_review():
    result = resolved(
        account("a", "North Mill Ltd"),
        account("b", "South Quay Ltd"),
        stripe_customer("x", "a", "Case Works", email="bill@case.example"),
        stripe_customer("y", "b", "Case Works", email="bill@case.example"),
    )
    assert result.review_queue.select("left_ref", "right_ref").rows() == [("a", "b")]


def test_accounts_of_two_names_are_one_when_somebody_says_so():
    result = resolved(
        account("a", "North Mill Ltd"),
        account("b", "South Quay Ltd"),
        overrides=override("always_match", "salesforce/accounts/a", "salesforce/accounts/b"),
    )
    assert groups(result) == sets("a b")
