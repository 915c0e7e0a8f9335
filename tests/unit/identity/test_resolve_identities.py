"""Who is joined with whom, and who is kept apart."""

import datetime as dt
import hashlib
import random
import re
import time

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from dagster_project.identity.evidence import PARTY_SCHEMA
from dagster_project.identity.overrides import no_overrides
from dagster_project.identity.resolve import IdentityOptions, resolve_identities

START = dt.datetime(2025, 1, 1)


def party(record, kind="organization", email=None, domain=None, link=None, day=0):
    """One row of evidence; `record` and `link` are written `system/object/ref`."""
    row = dict(zip(("system", "object", "source_ref"), record.split("/"), strict=True))
    row |= dict(
        zip(("link_system", "link_object", "link_ref"), link.split("/") if link else [None] * 3, strict=True)
    )
    return row | {
        "kind": kind,
        "email": email,
        "domain": domain,
        "created_at": START + dt.timedelta(days=day),
    }


def account(ref, domain=None, day=0):
    return party(f"salesforce/accounts/{ref}", domain=domain, day=day)


def contact(ref, email=None, account=None, day=0):
    link = f"salesforce/accounts/{account}" if account else None
    return party(f"salesforce/contacts/{ref}", kind="person", email=email, link=link, day=day)


def billing(ref, email=None, account=None, day=0):
    link = f"salesforce/accounts/{account}" if account else None
    return party(f"stripe/customers/{ref}", email=email, link=link, day=day)


def user(ref, email=None, link=None, day=0):
    return party(f"product/users/{ref}", kind="person", email=email, link=link, day=day)


def frame(*rows):
    return (
        pl.DataFrame(rows, schema=PARTY_SCHEMA, orient="row") if rows else pl.DataFrame(schema=PARTY_SCHEMA)
    )


def identities_of(parties, cap=10):
    options = IdentityOptions(max_parties_per_identifier=cap)
    return resolve_identities(parties, no_overrides(), pl.DataFrame(), options).identities


def customers(*rows, cap=10):
    """The customers as a set of sets of references."""
    result = identities_of(frame(*rows), cap)
    groups = result.group_by("customer_id").agg("source_ref")
    return {frozenset(refs) for refs in groups["source_ref"].to_list()}


def kinds(*rows):
    result = identities_of(frame(*rows))
    return dict(zip(result["source_ref"].to_list(), result["match_kind"].to_list(), strict=True))


def sets(*groups):
    """`sets("a b", "c")` is {{a, b}, {c}}."""
    return {frozenset(group.split()) for group in groups}


def test_a_record_belongs_to_the_record_whose_id_it_carries():
    rows = [account("a"), contact("c", account="a"), billing("s", account="a"), account("b")]
    assert customers(*rows) == sets("a c s", "b")
    assert kinds(*rows) == {"a": "external_id", "c": "external_id", "s": "external_id", "b": "only_record"}


def test_two_records_that_carry_the_id_of_the_same_absent_record_belong_together():
    rows = [billing("s", account="gone"), contact("c", account="gone"), billing("t", account="other")]
    assert customers(*rows) == sets("s c", "t")
    assert kinds(*rows)["t"] == "only_record"


def test_an_account_that_was_merged_into_another_takes_its_records_along():
    merged = party("salesforce/accounts/loser", domain="old.example", link="salesforce/accounts/winner")
    rows = [
        account("winner", "new.example"), merged, billing("s", account="loser"), contact("c", account="winner"),
        billing("t", "pay@old.example"), account("other", "other.example"),
    ]  # fmt: skip
    assert customers(*rows) == sets("winner loser s c t", "other")


def test_several_rows_of_a_record_are_evidence_together():
    rows = [
        billing("s", account="a"),
        billing("s", email="ann@acme.com"),
        account("a"),
        user("u", "Ann@acme.com"),
    ]
    assert customers(*rows) == sets("s a u")
    assert identities_of(frame(*rows)).height == 3


def test_the_same_address_joins_persons_of_different_systems():
    rows = [contact("c", "ann@gmail.com"), user("u", "A.nn+x@googlemail.com"), user("v", "bob@gmail.com")]
    assert customers(*rows) == sets("c u", "v")
    assert kinds(*rows) == {"c": "email", "u": "email", "v": "only_record"}


def test_the_strongest_key_names_the_match():
    rows = [
        account("a", "acme.com"),
        contact("c", "ann@acme.com", account="a"),
        user("u", "ann@acme.com"),
        user("v", "bob@acme.com"),
    ]
    assert kinds(*rows) == {"a": "external_id", "c": "external_id", "u": "email", "v": "domain"}


def test_organizations_of_one_domain_are_joined():
    rows = [
        account("a", "https://www.acme.co.uk/"),
        party("zendesk/organizations/z", domain="support.acme.co.uk"),
        billing("s", "accounts@acme.co.uk"),
        billing("t", "info@other.co.uk"),
    ]
    assert customers(*rows) == sets("a z s", "t")
    assert kinds(*rows)["s"] == "domain"


def test_a_stated_domain_outranks_the_domain_of_an_address():
    rows = [
        account("a", "acme.com"),
        billing("s", "billing@agency.com", account="a"),
        account("g", "agency.com"),
        user("u", "eve@agency.com"),
    ]
    assert customers(*rows) == sets("a s", "g u")


def test_duplicate_accounts_of_one_domain_are_joined():
    rows = [account("a", "acme.com"), account("b", "www.acme.com"), contact("c", "ann@acme.com", account="b")]
    assert customers(*rows) == sets("a b c")


def test_free_mail_joins_no_organizations():
    assert customers(billing("s", "ann@gmail.com"), billing("t", "bob@gmail.com")) == sets("s", "t")


def test_a_person_joins_the_only_organization_of_its_domain():
    assert customers(account("a", "acme.com"), user("u", "bob@acme.com")) == sets("a u")


def test_persons_of_one_domain_without_an_organization_stay_apart():
    assert customers(user("u", "ann@acme.com"), user("v", "bob@acme.com")) == sets("u", "v")


def test_a_person_of_two_domains_joins_neither_organization():
    rows = [
        account("a", "acme.com"),
        account("b", "beta.com"),
        user("u", "ann@acme.com"),
        user("u", "ann@beta.com"),
    ]
    assert customers(*rows) == sets("a", "b", "u")


def test_an_address_of_too_many_parties_links_nobody():
    persons = [user(f"u{i}", "ann@shared.com") for i in range(4)]
    assert customers(*persons, cap=4) == sets("u0 u1 u2 u3")
    assert customers(*persons, cap=3) == sets("u0", "u1", "u2", "u3")


def test_the_cap_counts_linked_groups_and_not_records():
    contacts = [contact(f"c{i}", f"p{i}@acme.com", account="a") for i in range(30)]
    rows = [account("a", "acme.com"), *contacts, party("zendesk/organizations/z", domain="acme.com")]
    assert customers(*rows) == sets(" ".join(["a", "z", *(f"c{i}" for i in range(30))]))


def test_a_domain_of_too_many_organizations_links_nobody():
    stores = [account(f"a{i}", "franchise.com") for i in range(11)]
    assert len(customers(*stores)) == 11
    assert len(customers(*stores[:10])) == 1


def test_a_domain_of_too_many_loose_persons_leaves_them_alone():
    persons = [user(f"u{i}", f"p{i}@university.edu") for i in range(11)]
    assert len(customers(account("a", "university.edu"), *persons)) == 12


def test_the_billing_address_of_an_agency_does_not_join_its_clients():
    rows = [
        account("a", "acme.com"),
        account("b", "beta.com"),
        billing("s", "billing@agency.com", account="a"),
        billing("t", "billing@agency.com", account="b"),
    ]
    assert customers(*rows) == sets("a s", "b t")


def test_accounts_without_a_domain_are_not_joined_by_an_address_alone():
    rows = [billing("s", "billing@agency.com", account="x"), billing("t", "billing@agency.com", account="y")]
    assert customers(*rows) == sets("s", "t")


def test_an_account_without_a_domain_joins_the_owner_of_the_address_domain():
    rows = [
        account("a", "acme.com"),
        contact("c", "ann@acme.com", account="a"),
        account("b"),
        contact("d", "ann@acme.com", account="b"),
    ]
    assert customers(*rows) == sets("a c b d")


def test_an_address_belongs_to_the_account_that_owns_its_domain():
    rows = [
        account("a", "acme.com"),
        contact("c", "ann@acme.com", account="a"),
        account("b", "beta.com"),
        contact("d", "ann@acme.com", account="b"),
        user("u", "ann@acme.com"),
    ]
    assert customers(*rows) == sets("a c u", "b d")


def test_a_record_between_two_accounts_does_not_join_them():
    rows = [
        account("a", "acme.com"),
        contact("c", "ann@gmail.com", account="a"),
        account("b", "beta.com"),
        contact("d", "bob@gmail.com", account="b"),
        user("u", "ann@gmail.com"),
        user("u", "bob@gmail.com"),
    ]
    assert customers(*rows) == sets("a c", "b d", "u")


def test_a_chain_between_two_accounts_is_cut_in_the_middle():
    rows = [
        account("a", "acme.com"),
        contact("c", "ann@gmail.com", account="a"),
        account("b", "beta.com"),
        contact("d", "bob@gmail.com", account="b"),
        user("u", "ann@gmail.com"),
        user("u", "mid@gmail.com"),
        user("v", "mid@gmail.com"),
        user("v", "bob@gmail.com"),
    ]
    assert customers(*rows) == sets("a c u", "b d v")


def test_a_customer_is_named_after_its_earliest_record():
    rows = [account("a", day=5), contact("c", account="a", day=2), user("u", day=9)]
    result = identities_of(frame(*rows))
    expected = "c_" + hashlib.sha256(b"salesforce|contacts|c").hexdigest()[:16]
    assert set(result.filter(pl.col("source_ref") != "u")["customer_id"]) == {expected}
    assert all(re.fullmatch("c_[0-9a-f]{16}", name) for name in result["customer_id"])


def test_later_records_never_rename_a_customer():
    before = [
        account("a", "acme.com", day=1),
        contact("c", "ann@acme.com", account="a", day=2),
        user("u", day=3),
    ]
    after = [*before, user("v", "ann@acme.com", day=4), account("b", "acme.com", day=5), user("w", day=6)]
    old = identities_of(frame(*before))
    new = identities_of(frame(*after))
    both = old.join(new, on=["system", "object", "source_ref"], validate="1:1")
    assert both["customer_id"].to_list() == both["customer_id_right"].to_list()
    assert both.height == 3


def test_an_empty_frame_and_untyped_columns_work():
    empty = identities_of(frame())
    assert empty.schema == {
        "system": pl.String,
        "object": pl.String,
        "source_ref": pl.String,
        "customer_id": pl.String,
        "person_id": pl.String,
        "match_kind": pl.String,
        "match_probability": pl.Float64,
        "evidence": pl.String,
    }
    bare = frame(user("u"), user("v")).with_columns(
        pl.lit(None).alias(column)
        for column in PARTY_SCHEMA
        if column not in ("system", "object", "source_ref")
    )
    assert identities_of(bare)["match_kind"].to_list() == ["only_record", "only_record"]


def test_a_missing_column_or_key_is_named():
    with pytest.raises(ValueError, match="parties lack the columns email"):
        identities_of(frame(user("u")).drop("email"))
    with pytest.raises(ValueError, match="1 parties have no"):
        identities_of(frame(user("u")).with_columns(source_ref=pl.lit(None)))


DOMAIN = st.sampled_from([None, "acme.com", "beta.com", "gamma.com"])
EMAIL = st.sampled_from(
    [None, "ann@gmail.com", "bob@acme.com", "bob@beta.com", "eve@agency.com", "joe@gmail.com"]
)
RECORD = st.sampled_from(
    [
        f"{name}/{ref}"
        for name in ("salesforce/accounts", "stripe/customers", "product/users")
        for ref in "1234"
    ]
)
ROW = st.builds(
    lambda record, email, domain, link, day: party(
        record, "person" if "users" in record else "organization", email, domain, link, day
    ),
    RECORD,
    EMAIL,
    DOMAIN,
    st.none() | st.sampled_from(["salesforce/accounts/1", "salesforce/accounts/2", "salesforce/accounts/9"]),
    st.integers(0, 3),
)


@settings(max_examples=25, deadline=None)
@given(st.lists(ROW, min_size=1, max_size=14), st.randoms(use_true_random=False))
def test_row_order_does_not_matter(rows, rng: random.Random):
    shuffled = rows.copy()
    rng.shuffle(shuffled)
    assert_frame_equal(identities_of(frame(*rows)), identities_of(frame(*shuffled)))


@settings(max_examples=40, deadline=None)
@given(st.lists(ROW, min_size=1, max_size=14).map(lambda rows: [row | {"link_ref": None} for row in rows]))
def test_no_customer_has_accounts_that_state_different_domains(rows):
    evidence = frame(*rows)
    stated = evidence.filter(pl.col("object") == "accounts").drop_nulls("domain")
    # One account that states two domains itself says that the domains are one company.
    ambiguous = stated.group_by("source_ref").agg(pl.col("domain").n_unique()).filter(pl.col("domain") > 1)
    evidence = evidence.join(ambiguous, on="source_ref", how="anti")
    result = identities_of(evidence)
    found = stated.join(result, on=["system", "object", "source_ref"], validate="m:1")
    assert found.group_by("customer_id").agg(pl.col("domain").n_unique())["domain"].max() in (None, 1)


def test_two_hundred_thousand_records_are_resolved(record_property):
    company = pl.int_range(25_000, eager=True).cast(pl.String)
    person = pl.int_range(75_000, eager=True)
    of_company = (person // 3).cast(pl.String)
    email = "p" + (person % 3).cast(pl.String) + "@company" + of_company + ".com"

    def records(system, name, refs, kind, **columns):
        return pl.DataFrame({"source_ref": refs, **columns}).select(
            pl.lit(system).alias("system"),
            pl.lit(name).alias("object"),
            pl.lit(kind).alias("kind"),
            pl.all(),
        )

    accounts = records("salesforce", "accounts", company, "organization", domain="company" + company + ".com")
    contacts = records(
        "salesforce", "contacts", person.cast(pl.String), "person", email=email, link_ref=of_company
    )
    contacts = contacts.with_columns(link_system=pl.lit("salesforce"), link_object=pl.lit("accounts"))
    payers = records("stripe", "customers", company, "organization", email="pay@company" + company + ".com")
    users = records("product", "users", person.cast(pl.String), "person", email=email)
    evidence = pl.concat([frame(), accounts, contacts, payers, users], how="diagonal_relaxed")

    started = time.perf_counter()
    result = identities_of(evidence)
    record_property("seconds", round(time.perf_counter() - started, 2))
    assert (result.height, result["customer_id"].n_unique()) == (200_000, 25_000)
    assert set(result["match_kind"]) == {"external_id", "email", "domain"}
