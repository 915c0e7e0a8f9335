"""Random tables and random damage: every cell and every line of a CSV is accounted for."""

import csv
import io
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dagster_project.ingest.files import csv_rows
from dagster_project.ingest.files.csv_rows import csv_batches, read_header

CELLS = st.text(
    alphabet=st.one_of(
        st.sampled_from("\",;|\t\r\n \\'#aé€😀\x00"),
        st.characters(exclude_categories=("Cs",)),
    ),
    max_size=8,
)
COLUMNS = ["customer_ref", "amount", "note"]
QUIET = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def read(path: Path, content: bytes, chunk_bytes: int) -> list[dict[str, object]]:
    path.write_bytes(content)
    header = read_header(path, COLUMNS)
    assert list(header.names) == COLUMNS
    batches = list(csv_batches(path, header, chunk_bytes))
    return [row for batch in batches for row in pa.Table.from_batches([batch]).to_pylist()]


@QUIET
@given(
    table=st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=12),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    line_end=st.sampled_from(["\r\n", "\n"]),
    delimiter=st.sampled_from(",;"),
    has_bom=st.booleans(),
    chunk_bytes=st.sampled_from([1, 7, 64, 4096]),
)
def test_every_cell_and_its_line_survive(tmp_path, table, quoting, line_end, delimiter, has_bom, chunk_bytes):
    if line_end == "\n":
        quoting = csv.QUOTE_ALL  # the writer leaves a carriage return unquoted when it ends lines with \n
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=quoting, lineterminator=line_end, delimiter=delimiter)
    writer.writerow(COLUMNS)
    lines = []
    for row in table:
        lines.append(text.getvalue().count("\n") + 1)
        writer.writerow(row)
    content = (b"\xef\xbb\xbf" if has_bom else b"") + text.getvalue().encode()
    found = read(tmp_path / "table.csv", content, chunk_bytes)
    assert [(row["c0"], row["c1"], row["c2"]) for row in found] == [
        tuple(cell or None for cell in row) for row in table
    ]
    assert [row["_source_line"] for row in found] == lines
    assert all(row["_reject_reason"] is None for row in found)


DAMAGE = st.sampled_from([b",", b'"', b"\n", b"\r", b"\xff", b"\xc3", b"", b'""', b'",', b"x"])


@QUIET
@given(
    rows=st.lists(
        st.sampled_from(['1,"a ""b""",x', "2,b,y", '3,"c\nd",z', "4,,", ""]), min_size=1, max_size=10
    ),
    damages=st.lists(st.tuples(st.integers(0, 200), st.integers(0, 2), DAMAGE), max_size=4),
    chunk_bytes=st.sampled_from([1, 5, 33, 4096]),
)
def test_every_line_of_a_damaged_file_is_covered_by_exactly_one_row(tmp_path, rows, damages, chunk_bytes):
    body = "\n".join(rows).encode()
    for position, length, piece in damages:
        at = min(position, len(body))
        body = body[:at] + piece + body[at + length :]
    content = ",".join(COLUMNS).encode() + b"\n" + body
    found = read(tmp_path / "table.csv", content, chunk_bytes)
    lines = content.split(b"\n")
    starts = [row["_source_line"] for row in found]
    assert starts == sorted(set(starts))
    for row, next_start in zip(found, [*starts, len(lines) + 1][1:], strict=True):
        covered = 1
        if row["_reject_reason"] is None:
            covered += sum(str(row[name] or "").count("\n") for name in ("c0", "c1", "c2"))
        elif "quote" not in str(row["_reject_reason"]):
            continue  # such a record may span lines, and keeps no values to count them by
        between = lines[row["_source_line"] - 1 + covered : next_start - 1]
        assert all(line.strip(b"\r") == b"" for line in between), (row, between)
    first = starts[0] - 1 if starts else len(lines)
    assert all(line.strip(b"\r") == b"" for line in lines[1:first])


@QUIET
@given(
    data=st.lists(st.one_of(DAMAGE, st.binary(max_size=9))).map(b"".join),
    sizes=st.tuples(st.integers(1, 50), st.just(4096)),
)
def test_the_size_of_the_chunks_does_not_change_the_rows(tmp_path, data, sizes):
    content = ",".join(COLUMNS).encode() + b"\n" + data
    first, second = (read(tmp_path / "table.csv", content, size) for size in sizes)
    assert first == second


@pytest.mark.parametrize("other_line", ["4,d,e", '4,d" e,f'])
def test_a_carriage_return_rejects_its_line_whatever_the_other_lines_are(tmp_path, other_line):
    content = f'customer_ref,amount,note\n{other_line}\n\r3,"c\nd",z\n5,,\n'.encode()
    found = read(tmp_path / "table.csv", content, 4096)
    assert [(row["_source_line"], row["_reject_reason"]) for row in found] == [
        (2, None),
        (3, "carriage return inside the line"),
        (4, "line has 2 columns, header has 3"),
        (5, None),
    ]


def test_quotes_that_never_close_cost_no_more_than_the_lines_behind_them(tmp_path):
    """Each of them takes all that follows along until the next quote, and gives it back."""
    lines = [f'{number},"broken' if number % 3 else f"{number},b,c" for number in range(3000)]
    content = "\n".join([",".join(COLUMNS), *lines]).encode()
    found = read(tmp_path / "table.csv", content, 10_000)
    assert [row["c0"] for row in found] == [None if number % 3 else str(number) for number in range(3000)]


@pytest.mark.parametrize("letter", ["x", "é", "😀"])
@pytest.mark.parametrize("start", [b"1,", b'1,"'])
def test_a_record_too_long_for_memory_is_rejected_and_the_next_line_is_read(
    tmp_path, monkeypatch, start, letter
):
    monkeypatch.setattr(csv_rows, "MAX_RECORD_CHARACTERS", 1000)
    content = b"customer_ref,amount,note\n0,a,b\n" + start + letter.encode() * 5000 + b",z\n2,b,y\n3,c,z\n"
    found = read(tmp_path / "table.csv", content, 100)
    assert [(row["_source_line"], row["c0"]) for row in found] == [(2, "0"), (3, None), (4, "2"), (5, "3")]
    assert found[1]["_reject_reason"]
