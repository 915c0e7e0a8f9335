"""Numbers, dates and references as spreadsheets and shops write them: what is certain is read, the rest is told."""

import datetime as dt
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dagster_project.ingest.files.drop import land_file_drop
from dagster_project.ingest.landing import newest_batch

LOADED_AT = dt.datetime(2026, 10, 1, 6, 0)
QUIET = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def landed(folder: Path, object_name: str = "transactions", currency: str = "USD") -> list[dict[str, Any]]:
    """The rows of the object after a run over the folder's inbox."""
    land_file_drop(folder / "inbox", folder / "landing", LOADED_AT, currency)
    path = newest_batch(folder / "landing", "files", object_name)
    assert path is not None
    return pl.read_parquet(path).sort("_source_line").to_dicts()


def write_csv(
    folder: Path, columns: dict[str, list[str]], name: str = "transactions", delimiter: str = ","
) -> None:
    """A file of these columns, every value in quotes; what the object needs besides is filled in."""
    count = len(next(iter(columns.values())))
    filled = {
        "transactions": {
            "transaction_ref": [f"t{number}" for number in range(count)], "customer_ref": ["c1"] * count,
            "occurred_at": ["2026-09-01"] * count, "amount": ["5"] * count,
        },
        "customers": {
            "customer_ref": [f"c{number}" for number in range(count)], "created_at": ["2026-09-01"] * count
        },
        "usage_events": {
            "event_ref": [f"e{number}" for number in range(count)], "customer_ref": ["c1"] * count,
            "occurred_at": ["2026-09-01"] * count, "event_name": ["open"] * count,
        },
    }[name] | columns  # fmt: skip
    lines = [filled.keys(), *zip(*filled.values(), strict=True)]
    text = "\n".join(delimiter.join(f'"{value}"' for value in line) for line in lines)
    (folder / "inbox").mkdir(exist_ok=True)
    (folder / "inbox" / f"{name}.csv").write_text(text + "\n", encoding="utf-8")


UNCERTAIN = "thousands"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (["5", "-5.00", "+7", ".5", "1e3", ""], ["5", "-5.00", "+7", ".5", "1e3", None]),
        (["1,234.50", "1,234", "12"], ["1234.50", "1234", "12"]),
        (["1.234,50", "1.234", "12"], ["1234.50", "1234", "12"]),
        (["12,50", "1,234", "1.234"], ["12.50", "1.234", "1234"]),
        (["0,123", "1234,567"], ["0.123", "1234.567"]),
        (["1,234,567", "1,234"], ["1234567", "1234"]),
        (["1.234.567", "1.234"], ["1234567", "1234"]),
        (["12,34,567.00", "1,234"], ["1234567.00", "1234"]),
        (["1 234,50", "1\u00a0234", "1\u202f234,5"], ["1234.50", "1234", "1234.5"]),
        (["1'234.50", "1’234"], ["1234.50", "1234"]),
        (["(12.50)", "12.50-", "−3", "- 4"], ["-12.50", "-12.50", "-3", "-4"]),
        (["(1.234,50)", "(12)"], ["-1234.50", "-12"]),
        (["$(5.00)", "$ (1,234.00)", "US$ 7"], ["-5.00", "-1234.00", "7"]),
        (["$1,234.50", "-$5", "$-5", "($5)", "USD 7", "7 USD", "$7 USD"], ["1234.50", "-5", "-5", "-5", "7", "7", "7"]),
        (["1,234", "12"], [UNCERTAIN, "12"]),
        (["1.234", "12"], ["1.234", "12"]),
        (["12,50", "12.50", "1.234,5", "1,234", "1.234"], ["12.50", "12.50", "1234.5", UNCERTAIN, UNCERTAIN]),
        (["1.000,50 €", "EUR 2,5", "3,00 EUR "], ["1000.50", "2.5", "3.00"]),
    ],
)  # fmt: skip
def test_a_number_is_read_by_what_is_certain_in_its_column(tmp_path, written, read):
    write_csv(tmp_path, {"amount": written})
    for row, expected in zip(landed(tmp_path), read, strict=True):
        if expected == UNCERTAIN:
            assert row["_reject_column"] == "amount"
            assert row["_reject_reason"].startswith(f"amount: '{row['amount']}' ")
            assert expected in row["_reject_reason"]
        else:
            assert (row["amount"], row["_reject_reason"]) == (expected, None)


@pytest.mark.parametrize(
    "written",
    [
        "1_000",
        "nan",
        "inf",
        "0x1F",
        "1,23,4",
        "1.2.3",
        "--5",
        "(5",
        "5)",
        "(-5)",
        "$(5",
        "((5))",
        "twelve",
        "5 pcs",
        "5%",
        "1 2",
        "$",
    ],
)
def test_what_is_no_number_stays_as_it_was_written_for_the_quarantine(tmp_path, written):
    write_csv(tmp_path, {"amount": [written, "5"]})
    assert [row["amount"] for row in landed(tmp_path)] == [written, "5"]


def test_points_of_a_file_with_semicolons_may_be_thousands(tmp_path):
    write_csv(tmp_path, {"amount": ["1.234", "5"]}, delimiter=";")
    first, second = landed(tmp_path)
    assert UNCERTAIN in first["_reject_reason"]
    assert second["amount"] == "5"
    write_csv(tmp_path, {"amount": ["1.234", "5.5"]}, delimiter=";")
    assert [row["amount"] for row in landed(tmp_path)] == ["1.234", "5.5"]


@pytest.mark.parametrize(("delimiter", "written"), [(",", "1,234"), (";", "1.234")])
def test_a_whole_number_has_no_decimals(tmp_path, delimiter, written):
    write_csv(tmp_path, {"quantity": [written, "7"]}, "usage_events", delimiter)
    assert [row["quantity"] for row in landed(tmp_path, "usage_events")] == ["1234", "7"]


@pytest.mark.parametrize(
    ("amount", "stated", "own", "currency"),
    [
        ("€ 12", "", "USD", "EUR"),
        ("€ 12", "", "EUR", None),
        ("€ 12", "eur", "USD", "eur"),
        ("€ 12", "USD", "USD", "refused"),
        ("$12", "", "USD", None),
        ("$12", "CAD", "USD", "CAD"),
        ("$12", "", "EUR", "refused"),
        ("12 CHF", "", "EUR", "CHF"),
        ("¥12", "", "USD", "refused"),
        ("$12 CAD", "", "USD", "CAD"),
        ("A$ 12", "", "USD", "AUD"),
    ],
)
def test_a_currency_sign_says_the_currency_or_must_fit_it(tmp_path, amount, stated, own, currency):
    write_csv(tmp_path, {"amount": [amount], "currency": [stated]})
    (row,) = landed(tmp_path, currency=own)
    if currency == "refused":
        assert row["_reject_reason"].startswith(f"amount: '{amount}' has a currency sign that does not fit")
    else:
        assert (row["amount"], row["currency"], row["_reject_reason"]) == ("12", currency, None)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (
            ["2026-09-30", "2026-9-3T10:00:00Z", "2026/09/30"],
            ["2026-09-30", "2026-9-3T10:00:00Z", "2026/09/30"],
        ),
        (["2026-09-30 10:00:00 UTC", "2026-09-30 2:30 PM"], ["2026-09-30 10:00:00Z", "2026-09-30 14:30:00"]),
        (
            ["30/09/2026 10:00 GMT", "2026-09-30T10:00:00+02:00"],
            ["2026-09-30 10:00:00Z", "2026-09-30T10:00:00+02:00"],
        ),
        (
            ["2026-09-30 10:00:00 -0400", "2026-09-30T10:00 +02:00", "2026-9-30 10:00Z"],
            ["2026-09-30 10:00:00-0400", "2026-09-30 10:00:00+02:00", "2026-9-30 10:00:00Z"],
        ),
        (["31/12/2026", "03/04/2026"], ["2026-12-31", "2026-04-03"]),
        (["12/31/2026", "03/04/2026"], ["2026-12-31", "2026-03-04"]),
        (["31-12-2026 14:30", "3-4-2026"], ["2026-12-31 14:30", "2026-4-3"]),
        (["12/31/2026 2:30 PM", "12/31/2026, 12:05:09 am"], ["2026-12-31 14:30:00", "2026-12-31 00:05:09"]),
        (["31.12.2026", "3.4.2026 10:00:00"], ["2026-12-31", "2026-4-3 10:00:00"]),
        (["20260930", "2026.09.30"], ["2026-09-30", "2026-09-30"]),
        (["5 Mar 2026", "05-Mar-2026", "March 5, 2026"], ["2026-3-5", "2026-3-05", "2026-3-5"]),
        (["Sept 5th 2026", "1. May 2026 07:08"], ["2026-9-5", "2026-5-1 07:08"]),
        (["05/05/2026"], ["2026-05-05"]),
        (["03/04/2026", "05/05/2026"], ["day or the month", "2026-05-05"]),
        (["31/12/2026", "12/31/2026", "03/04/2026"], ["2026-12-31", "2026-12-31", "day or the month"]),
        (["31.12.26", "46294", "1790000000"], ["two digits", "number of a day", "seconds"]),
        (["epoch", "infinity", "soon", "31 Foo 2026"], ["epoch", "infinity", "soon", "31 Foo 2026"]),
    ],
)
def test_a_date_is_read_by_what_is_certain_in_its_column(tmp_path, written, read):
    write_csv(tmp_path, {"occurred_at": written})
    for row, expected in zip(landed(tmp_path), read, strict=True):
        if row["_reject_reason"]:
            assert expected in row["_reject_reason"]
            assert row["_reject_reason"].startswith(f"occurred_at: '{row['occurred_at']}' ")
        else:
            assert row["occurred_at"] == expected
            if "epoch" not in written:
                assert duckdb.execute("select try_cast(? as timestamptz)", [expected]).fetchone() != (None,)


def test_an_optional_value_that_is_uncertain_costs_only_itself(tmp_path):
    write_csv(tmp_path, {"birth_date": ["03/04/1980", "05/05/1980"]}, "customers")
    first, second = landed(tmp_path, "customers")
    assert (first["birth_date"], first["_reject_reason"]) == (None, None)
    assert first["_faults"].startswith(
        "birth_date: '03/04/1980' may begin with the day or the month: export it as"
    )
    assert (second["birth_date"], second["_faults"]) == ("1980-05-05", None)


def test_ids_that_a_float_column_holds_are_those_of_the_other_files(tmp_path):
    write_csv(tmp_path, {"customer_ref": ["1017", "1018"]}, "customers")
    path = tmp_path / "inbox" / "transactions.parquet"
    duckdb.execute(f"""copy (
        select ref as transaction_ref, customer_ref, '2026-09-01' as occurred_at, 5.0::double as amount, 2.5::float as x
        from (values ('a', 1017.0::double), ('b', 'nan'::double), ('c', 1e16), ('d', 1.5)) as rows(ref, customer_ref)
    ) to '{path}'""")
    rows = landed(tmp_path)
    assert [row["customer_ref"] for row in rows] == ["1017", None, "1.000000E+16", "1.5"]
    assert "the spreadsheet has spoilt this id" in rows[2]["_reject_reason"]
    assert (rows[0]["amount"], rows[0]["extra"]) == ("5", '{"x":"2.5"}')


@pytest.mark.parametrize(
    ("written", "read"),
    [("\u00a01017\u200b", "1017"), ("\ufeffc 1\t", "c 1"),
     ("1017.0", "1017"), ("1017.00", "1017"), ("1017", "1017"), ("A-1.0", "A-1.0"), ("1.10", "1.10"), ("1E5", "1E5"),
     ("007", "007"), ("1.23457E+15", "spoilt"), ("1e+15", "spoilt")],
)  # fmt: skip
def test_an_id_is_a_text_that_spreadsheets_touch(tmp_path, written, read):
    write_csv(tmp_path, {"customer_ref": [written]})
    (row,) = landed(tmp_path)
    if read == "spoilt":
        assert row["_reject_column"] == "customer_ref"
        assert row["_reject_reason"].startswith(f"customer_ref: '{written}' has lost digits")
    else:
        assert (row["customer_ref"], row["_reject_reason"]) == (read, None)


def test_words_are_known_in_any_case(tmp_path):
    write_csv(
        tmp_path,
        {"status": ["Paid", " REFUNDED ", "paid", "Settled"], "kind": ["Order", "", "refund", "order"]},
    )
    found = [(row["status"], row["kind"]) for row in landed(tmp_path)]
    assert found == [("paid", "order"), ("refunded", None), ("paid", "refund"), ("Settled", "order")]


def test_a_zero_byte_inside_a_value_rejects_its_row_alone(tmp_path):
    write_csv(tmp_path, {"customer_ref": ["c\x001", "c2"]})
    first, second = landed(tmp_path)
    assert (first["_reject_column"], second["_reject_reason"]) == ("customer_ref", None)
    assert "zero byte" in first["_reject_reason"]


AMOUNTS = st.lists(st.integers(-(10**8), 10**8).map(lambda cents: cents / 100), min_size=1, max_size=8)


@QUIET
@given(
    amounts=AMOUNTS,
    marks=st.sampled_from([(",", "."), (".", ","), (" ", ","), ("'", "."), ("\u202f", ",")]),
    has_parentheses=st.booleans(),
    delimiter=st.sampled_from(",;\t"),
)
def test_amounts_with_cents_are_read_in_every_notation(tmp_path, amounts, marks, has_parentheses, delimiter):
    def written(amount: float) -> str:
        text = f"{abs(amount):,.2f}".replace(",", "G").replace(".", marks[1]).replace("G", marks[0])
        return text if amount >= 0 else f"({text})" if has_parentheses else f"-{text}"

    write_csv(tmp_path, {"amount": list(map(written, amounts))}, delimiter=delimiter)
    rows = landed(tmp_path)
    assert [row["_reject_reason"] for row in rows] == [None] * len(amounts)
    assert [float(row["amount"]) for row in rows] == amounts


@QUIET
@given(
    days=st.lists(st.dates(dt.date(1990, 1, 1), dt.date(2026, 9, 30)), min_size=1, max_size=6),
    form=st.sampled_from(
        ["%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%d.%m.%Y", "%Y%m%d", "%d %B %Y", "%b %d, %Y", "%Y/%m/%d"]
    ),
)  # fmt: skip
def test_a_date_is_read_as_what_it_was_or_told(tmp_path, days, form):
    write_csv(tmp_path, {"occurred_at": [day.strftime(form) for day in days]})
    for row, day in zip(landed(tmp_path), days, strict=True):
        if row["_reject_reason"] is None:
            year, month, number = map(int, row["occurred_at"].replace("/", "-").split("-"))
            assert dt.date(year, month, number) == day
        else:
            assert form in ("%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y")
            assert all(other.day <= 12 for other in days)
