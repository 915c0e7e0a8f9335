"""The file drop: what lands, what is refused, and in which words."""

import datetime as dt
import json
import os
from pathlib import Path

import duckdb
import polars as pl
import pytest

from dagster_project.ingest.files.drop import (
    FileDropError,
    land_file_drop,
    newest_event_date,
    waiting_erasures,
)
from dagster_project.ingest.files.layout import load_layout
from dagster_project.ingest.landing import META_SCHEMA, newest_batch
from dagster_project.ingest.streams import Landed

FIRST = dt.datetime(2026, 10, 1, 6, 0)
SECOND = dt.datetime(2026, 10, 2, 6, 0)
HEADER = "transaction_ref,customer_ref,occurred_at,amount"


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


def land(inbox: Path, loaded_at: dt.datetime = FIRST) -> list[Landed]:
    return land_file_drop(inbox, inbox.parent / "landing", loaded_at, "USD")


def rows(inbox: Path, object_name: str = "transactions") -> list[dict[str, object]]:
    path = newest_batch(inbox.parent / "landing", "files", object_name)
    assert path is not None
    return pl.read_parquet(path).to_dicts()


def problems(inbox: Path) -> list[str]:
    with pytest.raises(FileDropError) as caught:
        land(inbox)
    assert str(caught.value).splitlines() == caught.value.problems
    return caught.value.problems


def put(inbox: Path, content: str | bytes, name: str = "transactions.csv") -> Path:
    path = inbox / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_the_layout_has_the_fifteen_objects_with_their_required_columns():
    layout = load_layout()
    assert len(layout) == 15
    assert layout["transactions"].required == ("transaction_ref", "customer_ref", "occurred_at", "amount")
    assert "quantity" in layout["subscriptions"].columns
    assert "csat_score" in layout["tickets"].columns
    assert all("extra" not in item.columns for item in layout.values())


def test_a_csv_lands_as_text_with_all_layout_columns_and_meta_columns(inbox: Path):
    put(inbox, f"{HEADER},colour\nt1,c1,2026-09-01,11.770,red\nt2,c1,not a date,abc,\n")
    assert land(inbox) == [Landed("files__transactions", 2, 2)]
    first, second = rows(inbox)
    assert first == {
        "transaction_ref": "t1", "customer_ref": "c1", "occurred_at": "2026-09-01", "amount": "11.770",
        "currency": None, "status": None, "kind": None, "payment_method": None, "extra": '{"colour":"red"}',
        "_source_file": "transactions.csv", "_source_line": 2, "_loaded_at": FIRST,
        "_reject_column": None, "_reject_reason": None, "_faults": None,
    }  # fmt: skip
    assert (second["occurred_at"], second["amount"]) == ("not a date", "abc")
    assert json.loads(str(second["extra"])) == {"colour": None}
    frame = pl.read_parquet(newest_batch(inbox.parent / "landing", "files", "transactions"))
    assert dict(pl.DataFrame(META_SCHEMA.empty_table()).schema).items() <= dict(frame.schema).items()
    assert all(frame.schema[name] == pl.String for name in frame.columns if not name.startswith("_"))


def test_without_unknown_columns_extra_is_null(inbox: Path):
    put(inbox, f"{HEADER}\nt1,c1,2026-09-01,1\n")
    land(inbox)
    assert rows(inbox)[0]["extra"] is None


def test_a_header_without_rows_lands_zero_rows_and_says_so_in_every_run(inbox: Path):
    put(inbox, HEADER)
    note = "transactions.csv: the file has a header and no rows"
    for _ in range(2):
        assert land(inbox) == [Landed("files__transactions", 0, 0, notes=(note,))]
    assert rows(inbox) == []


def test_columns_are_found_whatever_their_case_and_order_and_a_blank_name_is_kept_as_extra(inbox: Path):
    put(inbox, ",Amount, customer_ref ,TRANSACTION_REF,occurred_at\n0,5,c1,t1,2026-09-01\n")
    land(inbox)
    (row,) = rows(inbox)
    assert (row["transaction_ref"], row["customer_ref"], row["amount"]) == ("t1", "c1", "5")
    assert row["extra"] == '{"column_1":"0"}'


def test_a_source_column_with_the_name_of_a_landing_column_is_an_extra(inbox: Path):
    put(inbox, f"{HEADER},extra,_source_line,_loaded_at\nt1,c1,2026-09-01,5,a,b,c\n")
    land(inbox)
    (row,) = rows(inbox)
    assert row["_source_line"] == 2
    assert row["extra"] == '{"extra":"a","_source_line":"b","_loaded_at":"c"}'


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_other_delimiters_are_recognised_by_the_known_names(inbox: Path, delimiter: str):
    put(inbox, f"{HEADER}\nt1,c1,2026-09-01,5\n".replace(",", delimiter))
    land(inbox)
    assert rows(inbox)[0]["amount"] == "5"


@pytest.mark.parametrize(
    ("lines", "kept", "rejected"),
    [
        (b"t1,c1,2026-09-01\nt2,c1,2026-09-01,5\n", {3}, {2: "line has 3 columns, header has 4"}),
        (b"t1,c1,2026-09-01,5,6\nt2,c1,,5\n", {3}, {2: "line has 5 columns, header has 4"}),
        (b"t1\n\nt2,c1,,5", {4}, {2: "line has 1 column, header has 4"}),
        (b"t1,M\xfcller,2026-09-01,5\nt2,c\xc3\xbc,,5\n", {3}, {2: "not valid UTF-8"}),
        (b't1,"a\nb\r\n\nc",,5\nt2,c1,,5\nt3\n', {2, 6}, {7: "line has 1 column, header has 4"}),
        (b't1,"a""b",,5\r\nt2,5" pipe,,5\r\n\r\nt3,"",,5\r\n', {2, 3, 5}, {}),
        (b't1,"never closed,,5\nt2,c1,,5\nt3,c1,,5\n', {3, 4}, {2: "quoted value is never closed"}),
        (b't1,"never closed,,5\nt2,"c1",,5\n', {3}, {2: "text after a closing quote"}),
        (b't1,"a"b,,5\nt2,c1,,5\n', {3}, {2: "text after a closing quote"}),
        (b"t1,a\rb,,5\nt2,c1,,5\n", {3}, {2: "carriage return inside the line"}),
        (b't1,"a\rb",,5\nt2,c1,,5\n', {2, 3}, {}),
        (b't1,"a\nb"\nt2,c1,,5\n', {4}, {2: "line has 2 columns, header has 4"}),
    ],
)
def test_every_csv_line_lands_with_its_values_or_with_line_and_reason(inbox, lines, kept, rejected):
    put(inbox, HEADER.encode() + b"\n" + lines)
    (landed,) = land(inbox)
    found = rows(inbox)
    assert {row["_source_line"] for row in found if row["_reject_reason"] is None} == kept
    assert {row["_source_line"]: row["_reject_reason"] for row in found if row["_reject_reason"]} == rejected
    assert (landed.landed_row_count, landed.rejected_row_count) == (len(found), len(rejected))
    rejects = [row for row in found if row["_reject_reason"]]
    assert all(row["transaction_ref"] is None and row["extra"] is None for row in rejects)


def test_unusual_characters_survive_the_way_into_parquet(inbox: Path):
    text = "'\"\ufeff\u2028 \x85 😀"
    put(inbox, HEADER + ',note\nt1,"' + text.replace('"', '""') + '",,5,"' + text.replace('"', '""') + '"\n')
    land(inbox)
    assert rows(inbox)[0]["customer_ref"] == text
    assert json.loads(str(rows(inbox)[0]["extra"])) == {"note": text}


def test_a_byte_order_mark_and_windows_line_ends_leave_no_trace(inbox: Path):
    put(inbox, b"\xef\xbb\xbf" + f"{HEADER}\r\nt1,c1,2026-09-01,5\r\n".encode())
    land(inbox)
    (row,) = rows(inbox)
    assert (row["transaction_ref"], row["amount"], row["_source_line"]) == ("t1", "5", 2)


def test_a_quoted_line_break_in_the_header_counts_as_a_line(inbox: Path):
    put(inbox, f'{HEADER},"my\nnote"\nt1,c1,2026-09-01,5,x\n')
    land(inbox)
    assert rows(inbox)[0]["_source_line"] == 3
    assert rows(inbox)[0]["extra"] == '{"my\\nnote":"x"}'


def test_ndjson_keeps_numbers_as_written_and_rejects_bad_lines_by_number(inbox: Path):
    lines = [
        '{"transaction_ref": 12345678901234567890123, "customer_ref": "c1", "occurred_at": 7, '
        '"amount": 11.770}',
        "{broken",
        "",
        '{"Transaction_Ref": "t3", "customer_ref": "c1", "amount": 1, "tags": [1.5], "ok": true, "x": null}',
        '["a list"]',
        '{"customer_ref": "a", "customer_ref": "b"}',
        '{"customer_ref": "\\ud800"}',
    ]
    put(inbox, "\n".join(lines).encode() + b'\n{"customer_ref": "\xff"}', "transactions.ndjson")
    (landed,) = land(inbox)
    assert (landed.landed_row_count, landed.rejected_row_count) == (7, 5)
    found = {row["_source_line"]: row for row in rows(inbox)}
    assert found[1]["transaction_ref"] == "12345678901234567890123"
    assert found[1]["amount"] == "11.770"
    assert found[4]["transaction_ref"] == "t3"
    assert json.loads(str(found[4]["extra"])) == {"tags": "[1.5]", "ok": "true", "x": None}
    assert str(found[2]["_reject_reason"]).startswith("not valid JSON")
    assert found[5]["_reject_reason"] == "not a JSON object"
    assert "appears twice" in str(found[6]["_reject_reason"])
    assert "half of a character" in str(found[7]["_reject_reason"])
    assert found[8]["_reject_reason"] == "not valid UTF-8"


def test_parquet_values_become_text(inbox: Path):
    path = str(inbox / "transactions.parquet")
    duckdb.execute(
        f"""copy (
            select 1 as transaction_ref, 'c1' as customer_ref, 1.10::decimal(9, 2) as amount, true as "Odd",
                timestamp '2026-09-01 10:00:00' as occurred_at, timestamptz '2026-09-01 12:00:00+02' as status
        ) to '{path}'"""
    )
    land(inbox)
    (row,) = rows(inbox)
    assert (row["transaction_ref"], row["amount"]) == ("1", "1.10")
    assert (row["occurred_at"], row["status"]) == ("2026-09-01 10:00:00", "2026-09-01 10:00:00+00")
    assert (row["extra"], row["_source_line"]) == ('{"Odd":"true"}', 1)


MAPPING = "select id as transaction_ref, who as customer_ref, day as occurred_at, paid as amount from {}"


@pytest.mark.parametrize(
    "source",
    [
        "read_csv('sales.csv', all_varchar = true)",
        "'sales.csv'",
        '"sales.csv"',
        "read_csv(['sales.csv'])",
        "read_csv('sal*.csv');",
        "'./sales.csv' -- with a comment",
    ],
)
def test_a_mapping_reads_files_relative_to_the_inbox_only(inbox, source, tmp_path, monkeypatch):
    put(inbox, "id,who,day,paid\nt1,ünal,2026-09-01,5\n", "sales.csv")
    (tmp_path / "sales.csv").write_text("id,who,day,paid\nwrong,wrong,2026-09-01,0\n")
    put(inbox, MAPPING.format(source), "transactions.sql")
    monkeypatch.chdir(tmp_path)
    assert land(inbox) == [Landed("files__transactions", 1, 1)]
    (row,) = rows(inbox)
    assert (row["transaction_ref"], row["customer_ref"], row["_source_file"]) == (
        "t1", "ünal", "transactions.sql",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("select 1; select 2", "SELECT, SELECT"),
        ("copy (select 1) to 'x.csv'", "COPY"),
        ("create table x as select 1", "CREATE"),
        ("-- nothing", "none"),
        ("selec 1", "syntax error"),
        ("select * from 'absent.csv'", "absent.csv"),
        ("select * from read_csv('../outside.csv')", "Cannot access file"),
        ("select * from read_text('/etc/hostname')", "Cannot access file"),
    ],
)
def test_a_mapping_that_is_not_one_select_over_the_inbox_is_refused(inbox, sql, words):
    (inbox.parent / "outside.csv").write_text("a\n1\n")
    put(inbox, sql, "transactions.sql")
    (problem,) = problems(inbox)
    assert problem.startswith("transactions.sql: the mapping cannot be used: ")
    assert words in problem


def test_a_mapping_that_fails_while_running_names_the_file_and_leaves_nothing(inbox: Path):
    put(inbox, "id,who,day,paid\nt1,c1,2026-09-01,abc\n", "sales.csv")
    put(inbox, MAPPING.replace("paid", "cast(paid as integer)").format("'sales.csv'"), "transactions.sql")
    (problem,) = problems(inbox)
    assert problem.startswith("transactions.sql: its rows cannot be read: Conversion Error")
    assert [path for path in (inbox.parent / "landing").rglob("*") if path.is_file()] == []


def test_a_missing_inbox_is_named(tmp_path: Path):
    (problem,) = problems(tmp_path / "inbox")
    assert "inbox folder is missing" in problem


def test_an_inbox_without_a_known_object_lists_what_is_there_and_what_is_expected(inbox: Path):
    put(inbox, "a\n1\n", "transaction.csv")
    (problem,) = problems(inbox)
    assert "found: transaction.csv" in problem
    assert "is 'transaction.csv' meant to be transactions?" in problem
    assert "touchpoints" in problem


def test_two_files_of_one_object_are_refused(inbox: Path):
    put(inbox, HEADER)
    put(inbox, "select 1", "transactions.sql")
    (problem,) = problems(inbox)
    assert problem == "transactions: more than one file (transactions.csv, transactions.sql); keep only one"


def test_all_problems_of_all_files_are_named_at_once_and_nothing_lands(inbox: Path):
    put(inbox, "", "contacts.csv")
    put(inbox, "transaction_id,customer_ref,occurred_at,amount\n1,2,3,4\n")
    put(inbox, "customer_ref,created_at,Customer_Ref\na,b,c\n", "customers.csv")
    put(inbox, b"PAR1 this is no parquet", "tickets.parquet")
    put(inbox, "[1, 2]", "touchpoints.ndjson")
    put(inbox, "customer_ref,purpose,is_granted,recorded_at\n", "consents.csv")
    found = problems(inbox)
    assert len(found) == 5
    assert found[0] == "contacts.csv: the file is empty; export it again, or remove it"
    assert found[1].startswith("customers.csv: column names appear twice: customer_ref")
    assert found[2].startswith("tickets.parquet: the file cannot be read: it is not a readable Parquet file")
    assert found[3].startswith("touchpoints.ndjson: the file cannot be read: none of its first lines")
    assert "missing: transaction_ref; found: transaction_id" in found[4]
    assert "is 'transaction_id' your transaction_ref?" in found[4]
    assert not list((inbox.parent / "landing").rglob("*.parquet"))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"PK\x03\x04 workbook", "Excel"),
        (b"PAR1abc", "name it .parquet"),
        (b"\x7fELF\x00\x00\x00", "not text"),
        (b"transaction_ref,Stra\xdfe,\xc3\xbc\n", "header is not valid UTF-8"),
        (HEADER.encode() + b"\rt1,c1,,5\r", "carriage returns only"),
    ],
)
def test_a_file_that_is_no_csv_is_refused_in_words(inbox, content, words):
    put(inbox, content)
    (problem,) = problems(inbox)
    assert problem.startswith("transactions.csv: the file cannot be read: ")
    assert words in problem


@pytest.mark.parametrize("content", [b"\n\n", b"\xef\xbb\xbf", b"sep=;\n", b"\xff\xfe"])
def test_a_file_without_a_header_is_empty(inbox, content):
    put(inbox, content)
    assert problems(inbox) == ["transactions.csv: the file is empty; export it again, or remove it"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_without_permission_is_named(inbox: Path):
    put(inbox, HEADER).chmod(0)
    assert problems(inbox) == [
        "transactions.csv: the file may not be opened; give yourself permission to read it"
    ]


def test_the_same_content_lands_once_and_a_changed_file_lands_as_a_new_batch(inbox: Path):
    put(inbox, f"{HEADER}\nt1,c1,2026-09-01,5\n")
    assert land(inbox)[0].landed_row_count
    again = land(inbox, SECOND)
    assert again == [Landed("files__transactions", 1, repeated_row_count=1)]
    put(inbox, f"{HEADER}\nt1,c1,2026-09-01,6\n")
    assert land(inbox, SECOND)[0].landed_row_count
    assert [row["amount"] for row in rows(inbox)] == ["6"]
    put(inbox, f"{HEADER}\nt1,c1,2026-09-01,5\n")
    assert land(inbox, FIRST)[0].landed_row_count, "an older state that comes back is a new batch"
    assert [row["amount"] for row in rows(inbox)] == ["5"], (
        "the newest batch wins, even if the clock went back"
    )
    assert len(list((inbox.parent / "landing").rglob("*.parquet"))) == 3


def test_a_mapping_lands_again_when_a_file_that_it_could_read_changes(inbox: Path):
    put(inbox, MAPPING.format("'sales.csv'"), "transactions.sql")
    put(inbox, "id,who,day,paid\nt1,c1,2026-09-01,5\n", "sales.csv")
    assert land(inbox)[0].landed_row_count
    assert not land(inbox, SECOND)[0].landed_row_count
    put(inbox, "id,who,day,paid\nt1,c1,2026-09-01,6\n", "sales.csv")
    assert land(inbox, SECOND)[0].landed_row_count


def test_unused_files_are_told_unless_a_mapping_may_read_them(inbox: Path):
    put(inbox, HEADER)
    put(inbox, "x", "readme.txt")
    assert "no object of the layout, and not read: readme.txt" in land(inbox)[0].notes[0]
    put(inbox, "select 'c' as customer_ref, 1 as created_at", "customers.sql")
    assert land(inbox)[0].notes == ()
    (inbox / "customers.sql").unlink()
    assert (
        "No file of customers in the inbox any more: its last landed batch stays in use"
        in land(inbox)[0].notes
    )


def test_the_newest_event_date_is_the_last_believable_day_before_the_given_one(inbox: Path):
    put(inbox, "customer_ref,created_at\nc1,2026-09-20\n", "customers.csv")
    land(inbox)
    landing = inbox.parent / "landing"
    before = dt.date(2026, 10, 1)
    assert newest_event_date(landing, before) == dt.date(2026, 9, 20)
    days = ["2026-08-01", "2026-08-03T01:00:00+02:00", "2999-01-01", "0026-09-01", "2026-10-01", "soon", ""]
    put(inbox, HEADER + "".join(f"\nt{number},c1,{day},5" for number, day in enumerate(days)))
    land(inbox)
    assert newest_event_date(landing, before) == dt.date(2026, 8, 2)
    put(
        inbox,
        "subscription_ref,customer_ref,started_at,ended_at,mrr_amount\ns,c,,2026-08-30,1\n",
        "subscriptions.csv",
    )
    land(inbox)
    assert newest_event_date(landing, before) == dt.date(2026, 8, 30)


def test_erasure_requests_are_counted_by_customer_until_they_are_gone(inbox: Path):
    landing = inbox.parent / "landing"
    assert waiting_erasures(landing) == ()
    header = "customer_ref,requested_at\n"
    put(inbox, header, "erasure_requests.csv")
    land(inbox)
    assert waiting_erasures(landing) == ()
    put(inbox, header + "w15,2026-09-01\n", "erasure_requests.csv")
    land(inbox)
    (line,) = waiting_erasures(landing)
    assert line.startswith("1 erasure request is not acted on: take these customers out of the files")
    put(inbox, header + "w15,2026-09-01\nw15,2026-09-02\nw16,2026-09-02\n", "erasure_requests.csv")
    land(inbox)
    assert waiting_erasures(landing)[0].startswith("2 erasure requests are not acted on")


def test_without_anything_landed_there_is_no_newest_event_date(tmp_path: Path):
    assert newest_event_date(tmp_path, dt.date(2026, 10, 1)) is None
