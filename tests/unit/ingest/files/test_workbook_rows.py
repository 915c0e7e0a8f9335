"""Workbooks: sheets written by hand as the XML that spreadsheets write, and what lands of them."""

import datetime as dt
import zipfile
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import polars as pl
import pytest

from dagster_project.ingest.files.drop import FileDropError, land_file_drop
from dagster_project.ingest.landing import newest_batch
from dagster_project.ingest.streams import Landed

HEADER = ["transaction_ref", "customer_ref", "occurred_at", "amount"]
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
DOCUMENT = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
EPOCH = dt.datetime(1899, 12, 30)


def cell_xml(value: Any) -> str:
    if value is None:
        return "<c/>"
    if isinstance(value, dt.datetime):
        return f'<c s="1"><v>{(value - EPOCH) / dt.timedelta(days=1)}</v></c>'
    if isinstance(value, bool):
        return f'<c t="b"><v>{int(value)}</v></c>'
    if isinstance(value, int | float):
        return f"<c><v>{value}</v></c>"
    return f'<c t="inlineStr"><is><t>{escape(value)}</t></is></c>'


def write_workbook(path: Path, sheets: dict[str, list[list[Any]]], hidden: tuple[str, ...] = ()) -> None:
    """A workbook with these sheets, row by row from the first cell."""
    path.parent.mkdir(exist_ok=True)
    entries, relations = "", f'<Relationship Id="s" Type="{DOCUMENT}/styles" Target="styles.xml"/>'
    parts = {
        "_rels/.rels": f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="w"'
        f' Type="{DOCUMENT}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/styles.xml": f'<styleSheet xmlns="{MAIN}"><cellXfs count="2"><xf numFmtId="0"/>'
        '<xf numFmtId="22"/></cellXfs></styleSheet>',
        "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types"></Types>',
    }
    for number, (title, rows) in enumerate(sheets.items(), start=1):
        state = ' state="hidden"' if title in hidden else ""
        entries += f'<sheet name="{title}" sheetId="{number}"{state} r:id="r{number}"/>'
        relations += (
            f'<Relationship Id="r{number}" Type="{DOCUMENT}/worksheet" Target="worksheets/s{number}.xml"/>'
        )
        body = "".join(f"<row>{''.join(map(cell_xml, row))}</row>" for row in rows)
        parts[f"xl/worksheets/s{number}.xml"] = (
            f'<worksheet xmlns="{MAIN}"><sheetData>{body}</sheetData></worksheet>'
        )
    parts["xl/workbook.xml"] = (
        f'<workbook xmlns="{MAIN}" xmlns:r="{DOCUMENT}"><sheets>{entries}</sheets></workbook>'
    )
    parts["xl/_rels/workbook.xml.rels"] = (
        f'<Relationships xmlns="{PACKAGE}/relationships">{relations}</Relationships>'
    )
    with zipfile.ZipFile(path, "w") as file:
        for name, text in parts.items():
            file.writestr(name, text)


def land(folder: Path) -> list[Landed]:
    return land_file_drop(folder / "inbox", folder / "landing", dt.datetime(2026, 10, 1, 6), "USD")


def rows(folder: Path, object_name: str = "transactions") -> list[dict[str, Any]]:
    path = newest_batch(folder / "landing", "files", object_name)
    assert path is not None
    return pl.read_parquet(path).to_dicts()


def test_cells_become_the_texts_that_a_person_sees(tmp_path):
    moment = dt.datetime(2026, 9, 1, 10, 30)
    table = [
        [*HEADER, "Note"],
        [1017, "c1", moment, 12.5, True],
        [],
        ["t2", 123456789012345678, "2026-09-02", "1,234.50", None],
        ["t3", "c3", "2026-09-02", -3, "x", "beyond"],
    ]
    write_workbook(tmp_path / "inbox" / "transactions.xlsx", {"Sheet1": table})
    assert land(tmp_path) == [Landed("files__transactions", 3, 3, rejected_row_count=2)]
    first, second, third = rows(tmp_path)
    assert [first[name] for name in HEADER] == ["1017", "c1", "2026-09-01 10:30:00", "12.5"]
    assert (first["extra"], first["_source_line"], first["_source_file"]) == (
        '{"Note":"true"}',
        2,
        "transactions.xlsx",
    )
    assert (second["amount"], second["_source_line"]) == ("1234.50", 4)
    assert "the spreadsheet has spoilt this id" in second["_reject_reason"]
    assert third["_reject_reason"] == "row has a value right of the header's 5 columns"


def test_a_workbook_has_one_sheet_per_object_and_titles_above_a_header(tmp_path):
    sheets = {
        "Transactions": [["Export of shop"], [], HEADER, ["t1", "c1", "2026-09-01", 5]],
        "customers": [["customer_ref", "created_at", None], ["c1", "2026-09-01"]],
        "Pivot": [["anything"]],
    }
    write_workbook(tmp_path / "inbox" / "shop.xlsx", sheets)
    customers, transactions = land(tmp_path)
    assert (customers.object_name, customers.landed_row_count) == ("files__customers", 1)
    assert transactions.notes == ("shop.xlsx: 2 lines above the header left out",)
    assert rows(tmp_path)[0]["_source_line"] == 4


def test_a_mapping_reads_sheets_by_their_titles(tmp_path):
    sheets = {"Orders": [["id", "who"], ["t1", 7], ["t2", 8]], "Returns": [["id", "who"], ["r1", 7]]}
    write_workbook(tmp_path / "inbox" / "export.xlsx", sheets)
    (tmp_path / "inbox" / "transactions.sql").write_text("""
        select id as transaction_ref, who as customer_ref, '2026-09-01' as occurred_at, 5 as amount from 'export.xlsx'
        union all
        select id, who, '2026-09-02', -5 from 'export.xlsx/Returns'""")
    land(tmp_path)
    assert [(row["transaction_ref"], row["customer_ref"], row["amount"]) for row in rows(tmp_path)] == [
        ("t1", "7", "5"), ("t2", "8", "5"), ("r1", "7", "-5"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("sheets", "words"),
    [
        ({"A": [["x"]], "B": [["y"]]}, "it has A, B; name the sheet with the transactions 'transactions'"),
        ({"A": []}, "it has no sheet with a value; name the sheet"),
        ({"A": [["x", "amount"]]}, "required columns are missing: transaction_ref"),
    ],
)
def test_a_workbook_without_the_object_is_refused_in_words(tmp_path, sheets, words):
    write_workbook(tmp_path / "inbox" / "transactions.xlsx", sheets)
    with pytest.raises(FileDropError) as caught:
        land(tmp_path)
    assert words in caught.value.problems[0]


def test_hidden_sheets_are_not_read_and_what_is_no_workbook_is_named(tmp_path):
    table = [HEADER, ["t1", "c1", "2026-09-01", 5]]
    write_workbook(tmp_path / "inbox" / "transactions.xlsx", {"old": [["x"]], "new": table}, hidden=("old",))
    assert land(tmp_path)[0].landed_row_count == 1
    (tmp_path / "inbox" / "transactions.xlsx").write_bytes(b"no workbook")
    with pytest.raises(FileDropError) as caught:
        land(tmp_path)
    assert caught.value.problems[0].startswith(
        "transactions.xlsx: the file cannot be read: it is no workbook"
    )
