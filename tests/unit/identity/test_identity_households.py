"""Which customers live or belong together, and what changes between two runs."""

import polars as pl
from party_rows import account, buyer, groups, override, resolved, row, sets

HOME = {"address_line": "12 Main Street", "postal_code": "94043"}


def households(result):
    """Household kind, and references with basis and role of each member."""
    ids = result.identities.unique("customer_id", keep="first", maintain_order=True)
    members = result.household_members.join(
        ids.select("customer_id", "source_ref"), on="customer_id", validate="1:1"
    )
    return {
        (kind, frozenset(zip(refs, bases, roles, strict=True)))
        for kind, refs, bases, roles in members.group_by("household_id", "household_kind")
        .agg("source_ref", "basis", "role")
        .select("household_kind", "source_ref", "basis", "role")
        .rows()
    }


def test_persons_of_one_surname_at_one_address_are_a_family():
    result = resolved(
        buyer("a", "Ann Lee", day=2, **HOME),
        buyer("b", "Tom Lee", day=1, **HOME | {"address_line": "12 MAIN ST."}),
        buyer("c", "Eve Fox", **HOME),
        buyer("d", "Kim Lee", **HOME | {"postal_code": "10001"}),
    )
    basis = "same_address_and_surname"
    assert households(result) == {("family", frozenset({("a", basis, "member"), ("b", basis, "head")}))}


def test_a_declared_head_leads_the_household_whatever_the_address():
    result = resolved(
        buyer("a", "Ann Lee", day=5),
        buyer("b", "Kim Fox", day=1, parent_ref="a"),
        buyer("c", "Tom Fox", parent_ref="a"),
    )
    assert groups(result) == sets("a", "b", "c")
    assert households(result) == {
        (
            "family",
            frozenset({("a", "declared", "head"), ("b", "declared", "member"), ("c", "declared", "member")}),
        )
    }


def test_a_tree_of_companies_is_one_group_and_its_members_stay_customers():
    result = resolved(
        account("top", "Acme Holding", domain="acme.com", day=9),
        account("mid", "Acme Europe", domain="acme.com", parent_ref="top", day=1),
        account("leaf", "Acme France", domain="acme.com", parent_ref="mid", day=2),
        account("other", "Beta", domain="beta.com"),
    )
    assert groups(result) == sets("top", "mid", "leaf", "other")
    assert households(result) == {
        (
            "corporate_group",
            frozenset({("top", "parent", "head"), ("mid", "parent", "member"), ("leaf", "parent", "member")}),
        )
    }


def test_companies_under_one_absent_parent_are_a_group_and_one_alone_is_none():
    result = resolved(
        account("a", "Acme", parent_ref="gone"),
        account("b", "Beta", parent_ref="gone"),
        account("c", "Cog", parent_ref="c"),
    )
    assert {members for _, group in households(result) for members, *_ in group} == {"a", "b"}


def test_a_circle_of_parents_ends():
    result = resolved(
        account("a", "Acme", parent_ref="b"),
        account("b", "Beta", parent_ref="c"),
        account("c", "Cog", parent_ref="a"),
    )
    assert result.household_members.height == 3
    assert result.household_members.get_column("role").to_list().count("head") == 1


def test_a_new_member_does_not_rename_a_household():
    rows = [buyer("a", "Ann Lee", day=1, **HOME), buyer("b", "Tom Lee", day=2, **HOME)]
    before = resolved(*rows).household_members.get_column("household_id").unique()
    after = (
        resolved(*rows, buyer("c", "Kim Lee", day=3, **HOME))
        .household_members.get_column("household_id")
        .unique()
    )
    assert before.to_list() == after.to_list()


def test_a_merge_keeps_the_older_id_and_is_told():
    old = [account("a", "Acme", day=1), row("stripe/customers/s", name="Zenith", day=2, is_paying_party=True)]
    before = resolved(*old)
    after = resolved(
        *old, row("stripe/customers/s", "salesforce/accounts/a", day=2), previous=before.identities
    )
    ids = dict(before.identities.select("source_ref", "customer_id").rows())
    assert after.changes.rows() == [("merged", ids["s"], ids["a"], 1)]
    assert groups(after) == sets("a s")


def test_a_split_is_told_and_an_override_makes_one():
    rows = [
        account("a", "Acme", domain="acme.com", day=1),
        account("b", "Acme Two", domain="acme.com", day=2),
    ]
    before = resolved(*rows)
    never = override("never_match", "salesforce/accounts/a", "salesforce/accounts/b")
    after = resolved(*rows, overrides=never, previous=before.identities)
    ids = dict(after.identities.select("source_ref", "customer_id").rows())
    assert after.changes.rows() == [("split", ids["a"], ids["b"], 1)]


def test_a_rename_is_told_and_no_change_is_no_row():
    rows = [account("a", "Acme", day=5)]
    before = resolved(*rows)
    assert resolved(*rows, previous=before.identities).changes.is_empty()
    renamed = before.identities.with_columns(customer_id=pl.lit("c_0000000000000000"))
    assert resolved(*rows, previous=renamed).changes.get_column("change_kind").to_list() == ["renamed"]
