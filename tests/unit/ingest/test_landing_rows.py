"""Rows as a source wrote them against the contract: what is landed, what is kept beside it, what is refused."""

import json
import time

import pyarrow as pa
import pytest

from dagster_project.contracts import LandingContract, LandingField
from dagster_project.ingest.landing_rows import LandingRows, json_text

CONTRACT = LandingContract(
    name="shop__orders",
    fields=(
        LandingField("id", "VARCHAR", is_required=True, is_json=False, is_moment=False),
        LandingField("note", "VARCHAR", is_required=False, is_json=False, is_moment=False),
        LandingField("paid_at", "VARCHAR", is_required=False, is_json=False, is_moment=True),
        LandingField("total", "BIGINT", is_required=True, is_json=False, is_moment=False),
        LandingField("weight", "DOUBLE", is_required=False, is_json=False, is_moment=False),
        LandingField("is_open", "BOOLEAN", is_required=False, is_json=False, is_moment=False),
        LandingField("lines", "VARCHAR", is_required=False, is_json=True, is_moment=False),
        LandingField("extra", "VARCHAR", is_required=False, is_json=False, is_moment=False),
    ),
    key=("id",),
    version="paid_at",
)
ROW = {
    "id": "o1", "note": "n", "paid_at": "2026-01-01T00:00:00Z", "total": 5, "weight": 1.5, "is_open": True,
    "lines": [{"b": 1, "a": 2}],
}  # fmt: skip


def rows(known: frozenset[str] | None = None) -> LandingRows:
    return LandingRows(CONTRACT, known)


def landed(**changes: object) -> dict[str, object]:
    return rows().table([{**ROW, **changes}]).to_pylist()[0]


def without(name: str) -> dict[str, object]:
    return {key: value for key, value in ROW.items() if key != name}


def test_a_row_that_fits_is_landed_as_it_is_and_objects_as_json_text():
    nothing = {"extra": None, "_reject_column": None, "_reject_reason": None}
    assert landed() == {**ROW, "lines": '[{"a":2,"b":1}]', **nothing}


def test_an_unknown_field_is_kept_and_reported_once_it_is_new():
    drifted = rows(frozenset({"colour"}))
    table = drifted.table([{**ROW, "colour": "red", "size": {"b": 1, "a": None}}, ROW])
    assert table["extra"].to_pylist() == ['{"colour":"red","size":{"a":null,"b":1}}', None]
    assert drifted.new_fields == ("size",)
    assert not drifted.broken_fields()


def test_the_first_batch_reports_no_field_as_new():
    first = rows(None)
    first.table([{**ROW, "colour": "red"}])
    assert first.new_fields == () and first.extra_fields == {"colour"}


def test_a_required_field_that_no_row_has_breaks_the_batch_and_names_what_may_be_its_new_name():
    drifted = rows(frozenset())
    drifted.table([{**without("total"), "total_cents": 5}])
    assert drifted.broken_fields() == [
        "required column total is missing; new here: total_cents (renamed?)"
    ]  # fmt: skip


def test_a_required_field_that_some_rows_lack_rejects_those_rows_alone():
    some = rows()
    table = some.table([ROW, without("total")])
    assert table["_reject_reason"].to_pylist() == [None, "total: the field is missing"]
    assert table["_reject_column"].to_pylist() == [None, "total"]
    assert some.rejected_row_count == 1 and not some.broken_fields()


def test_a_required_field_of_another_type_in_every_row_breaks_the_batch():
    retyped = rows()
    retyped.table([{**ROW, "total": "5.00"}, {**ROW, "total": "6.00"}])
    assert retyped.broken_fields() == ['column total is "5.00", not a whole number, in every row']


def test_a_required_field_of_another_type_in_one_row_rejects_that_row_and_keeps_its_value():
    table = rows().table([ROW, {**ROW, "total": [1]}])
    assert table["_reject_reason"].to_pylist() == [None, "total: [1] is not a whole number"]
    assert table["extra"].to_pylist() == [None, '{"total":[1]}']


def test_an_optional_field_of_another_type_is_null_and_kept_beside():
    retyped = rows()
    table = retyped.table([{**ROW, "paid_at": 1767225600}])
    assert table["paid_at"].to_pylist() == [None] and table["extra"].to_pylist() == ['{"paid_at":1767225600}']
    assert table["_reject_reason"].to_pylist() == [None]
    assert retyped.retyped_fields() == ["paid_at"] and not retyped.broken_fields()


def test_what_breaks_is_judged_over_all_pages_of_a_batch():
    both = rows()
    both.table([{**ROW, "total": "x"}, without("note")])
    both.table([ROW])
    assert both.broken_fields() == [] and both.retyped_fields() == []


def test_no_rows_break_nothing():
    empty = rows()
    assert empty.table([]).num_rows == 0
    assert empty.broken_fields() == [] and empty.retyped_fields() == []


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("id", 17, "17"),
        ("note", True, "true"),
        ("note", 1.5, "1.5"),
        ("total", 5.0, 5),
        ("total", 2**63 - 1, 2**63 - 1),
        ("weight", 2, 2.0),
        ("weight", -(10**300), -1e300),
        ("lines", {}, "{}"),
        ("note", None, None),
        ("note", "", ""),
        ("note", "\u0000", "\u0000"),
        ("note", "Zoë 😀", "Zoë 😀"),
        ("note", "half \ud83d", "half ?"),
        ("lines", ["\ud83d😀"], '["?😀"]'),
    ],
)
def test_a_value_that_fits_its_field_is_landed(name: str, value: object, expected: object):
    row = landed(**{name: value})
    assert row[name] == expected and row["_reject_reason"] is None and row["extra"] is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("total", 5.5),
        ("total", 2**63),
        ("total", 10**400),
        ("total", True),
        ("total", float("inf")),
        ("weight", 10**400),
        ("weight", "1.5"),
        ("is_open", 1),
        ("is_open", "true"),
        ("lines", "[1]"),
        ("paid_at", 12),
        ("note", {"a": 1}),
    ],
)
def test_a_value_that_does_not_fit_is_kept_beside_its_row(name: str, value: object):
    row = landed(**{name: value})
    assert row[name] is None
    assert set(json.loads(str(row["extra"]))) == {name}
    assert (row["_reject_column"] == name) == (name == "total")


def test_a_reason_shows_the_beginning_of_a_long_value_only():
    assert len(str(landed(total="9" * 10_000_000)["_reject_reason"])) < 120


def test_a_number_that_json_has_no_word_for_is_still_json():
    assert json.loads(json_text({"b": [float("nan"), float("-inf")], "a": 1})) == {
        "a": 1,
        "b": ["NaN", "-Infinity"],
    }


def test_the_same_content_is_the_same_text_in_whatever_order_its_fields_come():
    assert json_text({"a": 1, "b": {"d": 1, "c": 2}}) == json_text({"b": {"c": 2, "d": 1}, "a": 1})


def test_the_schema_is_the_same_with_and_without_values():
    assert rows().table([]).schema == rows().table([ROW]).schema == rows().schema
    assert rows().schema.field("total").type == pa.int64()


@pytest.mark.proof
def test_fifty_thousand_rows_of_thirty_fields_take_less_than_a_second():
    spare = {f"field_{number}": "x" * 10 for number in range(30 - len(ROW))}
    page = [{**ROW, **spare, "id": f"o{number}"} for number in range(2000)]
    seconds = []
    for _ in range(5):
        started = time.perf_counter()
        rows().table(page)
        seconds.append(time.perf_counter() - started)
    assert 2000 / min(seconds) > 50_000
