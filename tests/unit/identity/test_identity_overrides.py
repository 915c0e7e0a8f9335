"""What a person decides about two records, and how the file that says so is read."""

import csv

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from party_rows import account, buyer, contact, groups, identity, override, resolved, row, sets, user

from dagster_project.identity.overrides import PAIR_COLUMNS, RULES, OverrideError, read_overrides

HEADER = "rule," + ",".join(PAIR_COLUMNS)
COMPANY = [
    account("a", "Acme", domain="acme.com", day=1),
    contact("c", "a", "Ann Lee", email="ann@acme.com", day=2),
    row("zendesk/organizations/z", name="Acme", domain="acme.com", is_paying_party=True, day=3),
    row(
        "zendesk/users/u",
        "zendesk/organizations/z",
        kind="person",
        name="Tom Fox",
        email="tom@acme.com",
        day=4,
    ),
]


def test_never_match_brings_both_sides_back_with_their_records():
    never = override("never_match", "salesforce/accounts/a", "zendesk/organizations/z")
    before, after = resolved(*COMPANY), resolved(*COMPANY, overrides=never)
    assert groups(before) == sets("a c z u")
    assert groups(after) == sets("a c", "z u")
    assert identity(before, "a")["customer_id"] == identity(after, "a")["customer_id"]


def test_never_match_cuts_an_external_id_too():
    never = override("never_match", "salesforce/contacts/c", "salesforce/accounts/a")
    assert groups(resolved(*COMPANY[:2], overrides=never)) == sets("a", "c")


def test_a_record_between_two_sides_stays_where_it_is_tied_more_strongly():
    rows = [
        user("u", "Ann Lee", email="ann.lee@gmail.com", day=1),
        user("v", "Ann Lee", email="ann.lee@gmail.com", phone="+16502530000", day=2),
        user("w", "Ann Lee", phone="+16502530000", day=3),
    ]
    assert groups(resolved(*rows)) == sets("u v w")
    never = override("never_match", "product/users/w", "product/users/u")
    result = resolved(*rows, overrides=never)
    assert groups(result) == sets("u v", "w")
    assert groups(result, "person_id") == sets("u v", "w")


def test_always_match_joins_what_could_not_be_linked():
    rows = [account("a", "Acme", domain="acme.com"), account("b", "Beta", domain="beta.com")]
    together = override("always_match", "salesforce/accounts/a", "salesforce/accounts/b")
    result = resolved(*rows, overrides=together)
    assert groups(resolved(*rows)) == sets("a", "b")
    assert groups(result) == sets("a b")
    assert identity(result, "b")["match_kind"] == "override"
    assert identity(result, "b")["match_probability"] == 1.0


def test_always_match_joins_the_persons_too():
    together = override("always_match", "files/customers/a", "files/customers/b")
    result = resolved(buyer("a", "Ann Lee"), buyer("b", "Maria Moss"), overrides=together)
    assert groups(result) == groups(result, "person_id") == sets("a b")


def test_an_override_of_an_absent_record_waits():
    never = override("never_match", "salesforce/accounts/a", "salesforce/accounts/gone")
    assert groups(resolved(*COMPANY, overrides=never)) == sets("a c z u")


def read(tmp_path, *lines):
    path = tmp_path / "identity_overrides.csv"
    path.write_text("\n".join(lines))
    return read_overrides(path)


def test_no_file_and_an_empty_file_mean_no_overrides(tmp_path):
    assert read_overrides(tmp_path / "absent.csv").is_empty()
    assert read(tmp_path, "").is_empty()
    assert read(tmp_path, HEADER, "").is_empty()


def test_a_file_is_read_with_its_lines_and_note(tmp_path):
    overrides = read(
        tmp_path, HEADER + ",note", "", "never_match,s,o,1,s,o,2,twins", 'always_match,s,o,3,s,o,4,"a, b"'
    )
    assert overrides.get_column("line").to_list() == [3, 4]
    assert overrides.get_column("note").to_list() == ["twins", "a, b"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["rule,left_ref"], "line 1: the header lacks left_system"),
        ([HEADER + ",colour"], "line 1: the header may have rule"),
        ([HEADER, "perhaps,s,o,1,s,o,2"], "line 2: rule is 'perhaps': write always_match or never_match"),
        ([HEADER, "never_match,s,o,1"], "line 2: 4 values for 7 columns"),
        ([HEADER, "never_match,s,o,,s,o,2"], "line 2: left_ref is empty: name both records in full"),
        ([HEADER, "never_match,s,o,1,s,o,1"], "line 2: both sides are the same record: name two records"),
        (
            [HEADER, "always_match,s,o,1,s,o,2", "always_match,s,o,2,s,o,3", "never_match,s,o,3,s,o,1"],
            "line 4: the two records never match, but other lines always join them",
        ),
        ([HEADER, 'never_match,s,o,"1,s,o,2'], "is not a UTF-8 CSV file"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_what_to_do(tmp_path, lines, message):
    with pytest.raises(OverrideError, match=message.replace("(", r"\(")) as error:
        read(tmp_path, *lines)
    assert "\n" not in str(error.value)


WORD = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zs", "Zl", "Zp")), min_size=1, max_size=6
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(RULES), *[WORD] * 6), max_size=6))
def test_what_is_written_is_read_or_refused_in_one_line(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("overrides") / "identity_overrides.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["rule", *PAIR_COLUMNS], *rows])
    try:
        overrides = read_overrides(path)
    except OverrideError as error:
        assert "line" in str(error)
        assert len(str(error).splitlines()) == 1
    else:
        assert overrides.select("rule", *PAIR_COLUMNS).rows() == rows
