"""How e-mail addresses, company domains and telephone numbers are spelled as keys."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagster_project.identity.keys import (
    email_company_domain,
    email_key,
    is_role_mailbox,
    web_company_domain,
)
from dagster_project.identity.telephone import country_code, phone_numbers


def key_of(email: str | None) -> str | None:
    return (
        pl.DataFrame({"email": [email]}, schema={"email": pl.String})
        .select(email_key(pl.col("email")))
        .item()
    )


def domain_of(address: str | None) -> str | None:
    frame = pl.DataFrame({"web": [address]}, schema={"web": pl.String})
    return frame.select(web_company_domain(pl.col("web"))).item()


@pytest.mark.parametrize(
    ("email", "key"),
    [
        ("  Ann@Acme.COM ", "ann@acme.com"),
        ("ann+billing@acme.com", "ann@acme.com"),
        ("a.n.n+x@gmail.com", "ann@gmail.com"),
        ("ann@googlemail.com", "ann@gmail.com"),
        ("a.nn@acme.com", "a.nn@acme.com"),
        ("jürgen@müller.de", "jürgen@müller.de"),
        (None, None),
        ("", None),
        ("ann", None),
        ("ann@acme", None),
        ("@acme.com", None),
        ("+tag@acme.com", None),
        ("...@gmail.com", None),
        ("ann@acme..com", None),
        ("ann@b@acme.com", None),
        ("ann@acme.com; bob@acme.com", None),
        ("No-Reply@acme.com", None),
        ("none@none.com", None),
        ("test@acme.com", None),
        ("Test.Test2@acme.com", None),
        ("keine@acme.com", None),
        ("n/a", None),
        ("000000@acme.com", None),
        ("1234567890@acme.com", None),
        ("xxx@acme.com", None),
        ("ann@example.com", None),
        ("ann@acme.invalid", None),
        ("ann@test.com", None),
        ("a@a.com", None),
        ("smith@smith.com", "smith@smith.com"),
        ("234199@qq.com", "234199@qq.com"),
        ("testa.rossi@acme.com", "testa.rossi@acme.com"),
    ],
)
def test_an_address_has_one_spelling_or_is_no_key(email, key):
    assert key_of(email) == key


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=20) | st.emails())
def test_normalising_an_address_twice_changes_nothing(email):
    key = key_of(email)
    assert key is None or key_of(key) == key


@pytest.mark.parametrize(
    ("address", "domain"),
    [
        ("https://www.Acme.com/about?x=1", "acme.com"),
        ("shop.acme.co.uk", "acme.co.uk"),
        ("acme.com:8080", "acme.com"),
        ("http://user:secret@acme.com", "acme.com"),
        ("acme.com.", "acme.com"),
        ("shop1.myshopify.com", "shop1.myshopify.com"),
        ("acme.zendesk.com", "acme.zendesk.com"),
        ("www.acme.lib.ca.us", "acme.lib.ca.us"),
        ("www.acme.com.ck", "acme.com.ck"),
        ("www.müller.de", "müller.de"),
        ("acme.nonesuch", "acme.nonesuch"),
        ("co.uk", None),
        ("gmail.com", None),
        ("https://facebook.com/acme", None),
        ("localhost", None),
        ("10.0.0.1", None),
        ("not a domain", None),
        ("", None),
        (None, None),
    ],
)
def test_a_company_domain_is_the_registered_name_of_a_host_of_its_own(address, domain):
    assert domain_of(address) == domain


@pytest.mark.parametrize(
    ("key", "domain"),
    [
        ("ann@mail.acme.com", "acme.com"),
        ("ann@gmail.com", None),
        ("ann@yahoo.co.uk", None),
        ("ann@mailinator.com", None),
        ("ann@pp.inet.fi", None),
        (None, None),
    ],
)
def test_free_and_throw_away_mail_says_nothing_about_a_company(key, domain):
    frame = pl.DataFrame({"key": [key]}, schema={"key": pl.String})
    assert frame.select(email_company_domain(pl.col("key"))).item() == domain


@pytest.mark.parametrize(
    ("country", "code"),
    [
        ("us", "US"),
        ("DEU", "DE"),
        ("UK", "GB"),
        ("U.S.A.", "US"),
        ("United States of America", "US"),
        ("The Netherlands", "NL"),
        ("Holland", "NL"),
        ("Österreich", "AT"),
        ("États-Unis", "US"),
        ("Trinidad & Tobago", "TT"),
        ("Trinidad and Tobago", "TT"),
        ("Saint Lucia", "LC"),
        ("Korea, Republic of", "KR"),
        ("Hong Kong", "HK"),
        ("Kongo", "KONGO"),  # two countries, so none
        ("Atlantis", "ATLANTIS"),
        ("", None),
        (None, None),
    ],
)
def test_a_country_is_known_by_its_codes_and_by_what_people_call_it(country, code):
    frame = pl.DataFrame({"country": [country]}, schema={"country": pl.String})
    assert frame.select(country_code(pl.col("country"))).item() == code


@pytest.mark.parametrize(
    ("phone", "country", "key"),
    [
        ("(650) 253-0000", "United States", "+16502530000"),
        ("0049 30 1234567", "us", None),
        ("030 1234567", "Deutschland", "+49301234567"),
        ("+49 30 1234567", "Atlantis", "+49301234567"),
        ("030 1234567", "Atlantis", None),
        ("030 1234567", None, None),
        ("000 000 000", "DE", None),
        ("123 456 7890", "US", None),
        ("0987654321", "FR", None),
        ("030 00000000", "DE", None),
        ("+49 170 1111111", None, None),
        ("+1 650 253 4567", None, "+16502534567"),
        ("call me", "DE", None),
    ],
)
def test_a_number_without_country_code_is_read_by_the_country(phone, country, key):
    phones = pl.DataFrame({"phone": [phone], "country": [country]}, schema_overrides={"country": pl.String})
    assert phone_numbers(phones).item(0, "phone_key") == key


@pytest.mark.parametrize(
    ("mailbox", "is_role"),
    [
        ("team", True),
        ("info2", True),
        ("support.uk", True),
        ("office-berlin", True),
        ("acme.billing", True),
        ("accounts-payable", True),
        ("buchhaltung", True),
        ("facturation", True),
        ("kontakt", True),
        ("administracion", True),
        ("biuro", True),
        ("hr", True),
        ("ann.lee", False),
        ("infante", False),
        ("teamer", False),
        ("pr.lee", False),
        ("saleswoman", False),
    ],
)
def test_a_mailbox_that_a_desk_reads_is_known_in_several_languages(mailbox, is_role):
    frame = pl.DataFrame({"key": [f"{mailbox}@acme.com"]})
    assert frame.select(is_role_mailbox(pl.col("key"))).item() is is_role
