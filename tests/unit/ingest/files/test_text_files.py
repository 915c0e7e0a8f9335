"""Encodings and first lines of spreadsheets' files: read, or told by name."""

import datetime as dt
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dagster_project.ingest.files.drop import land_file_drop
from dagster_project.ingest.files.text_files import encoding_of, open_as_utf_8
from dagster_project.ingest.landing import newest_batch

HEADER = "transaction_ref,customer_ref,occurred_at,amount,note"
TEXT = f"{HEADER}\nt1,Müller,2026-09-01,5,x\nt2,Åsa,2026-09-02,6,y\n"


def land(folder: Path, content: bytes) -> tuple[list[dict[str, object]], tuple[str, ...]]:
    """Rows and notes of a transactions.csv with this content."""
    (folder / "inbox").mkdir(exist_ok=True)
    (folder / "inbox" / "transactions.csv").write_bytes(content)
    (found,) = land_file_drop(folder / "inbox", folder / "landing", dt.datetime(2026, 10, 1, 6), "USD")
    path = newest_batch(folder / "landing", "files", "transactions")
    assert path is not None
    return pl.read_parquet(path).to_dicts(), found.notes


@pytest.mark.parametrize(
    ("content", "first_line"),
    [
        (TEXT.encode("utf-8-sig"), 2),
        (b"\xef\xbb\xbf" + TEXT.encode("utf-8-sig"), 2),
        (TEXT.encode("utf-16"), 2),
        (TEXT.encode("utf-16-le"), 2),
        (b"\xfe\xff" + TEXT.encode("utf-16-be"), 2),
        (TEXT.replace("\n", "\r\n").encode("utf-16"), 2),
        (TEXT.encode("cp1252"), 2),
        (b"sep=;\r\n" + TEXT.replace(",", ";").encode(), 3),
        (b'\xef\xbb\xbf"sep=;"\n' + TEXT.replace(",", ";").encode(), 3),
        (("Export of shop\n\nmade,on,2026-10-01\n" + TEXT).encode(), 5),
        ((b"sep=|\n\xc3\x9cbersicht\n" + TEXT.replace(",", "|").encode()), 4),
    ],
    ids=["mark", "two marks", "utf-16", "utf-16 without mark", "big end first", "windows lines", "windows-1252",
         "sep", "quoted sep", "titles", "sep and title"],
)  # fmt: skip
def test_the_rows_are_those_of_the_plain_file(tmp_path, content, first_line):
    rows, _ = land(tmp_path, content)
    assert [(row["transaction_ref"], row["customer_ref"], row["amount"]) for row in rows] == [
        ("t1", "Müller", "5"), ("t2", "Åsa", "6"),
    ]  # fmt: skip
    assert [row["_source_line"] for row in rows] == [first_line, first_line + 1]


def test_what_was_guessed_or_left_out_is_told(tmp_path):
    _, notes = land(tmp_path, ("Export of shop\n\n" + TEXT).encode("cp1252"))
    assert notes == (
        "transactions.csv: 2 lines above the header left out",
        "transactions.csv: it is not UTF-8 and was read as Windows-1252: look at names with accents, or save it as"
        " CSV (UTF-8)",
    )
    assert land(tmp_path, TEXT.encode())[1] == ()


@pytest.mark.parametrize(
    ("name", "encoding"), [("Müller", "cp850"), ("Paweł", "cp1250"), ("Иван", "cp1251"), ("Νίκος", "cp1253")]
)
def test_letters_of_other_code_pages_are_not_guessed(tmp_path, name, encoding):
    content = f"{HEADER}\nt1,{name}a,2026-09-01,5,x\nt2,c2,2026-09-01,5,x\n".encode(encoding)
    rows, notes = land(tmp_path, content)
    assert [row["_reject_reason"] for row in rows] == ["not valid UTF-8", None]
    assert notes == ()


def test_a_word_of_the_layout_in_a_value_is_no_header(tmp_path):
    rows, notes = land(tmp_path, f"{HEADER}\namount,currency,2026-09-01,5,status\n".encode())
    assert (rows[0]["transaction_ref"], notes) == ("amount", ())


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(exclude_categories=("Cs",)), min_size=2), size=st.integers(1, 9))
def test_utf_16_becomes_utf_8_in_pieces_of_any_size(tmp_path, text, size):
    path = tmp_path / "text"
    path.write_bytes(text.encode("utf-16"))
    assert encoding_of(path) == "utf-16"
    with open_as_utf_8(path, "utf-16") as file:
        assert b"".join(iter(lambda: file.read(size), b"")).decode() == text


def test_half_a_character_rejects_its_row(tmp_path):
    rows, _ = land(tmp_path, (TEXT + "t3,c3,2026-09-01,7,z").encode("utf-16-le") + b"\xe9")
    assert [row["_reject_reason"] for row in rows] == [None, None, "not valid UTF-8"]
