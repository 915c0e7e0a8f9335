"""Pages become landing files: each row once, with the cursor it belongs to, whatever happens in between."""

import datetime as dt
import json
import os
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pytest
import toy_source
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet
from toy_source import FIRST_READ, OBJECTS, SECOND_READ, product

from dagster_project.ingest import batches
from dagster_project.ingest.batches import batch_name, cursor_text, land_stream, read_cursor
from dagster_project.ingest.landing import object_folder
from dagster_project.ingest.streams import Cursor, Landed, Page, Record, SourceError, Stream

PRODUCTS, PRICES = OBJECTS
DAY = dt.timedelta(days=1)


def landed(
    folder: Path, name: str = PRODUCTS, columns: str = "id, name, event_created"
) -> list[tuple[Any, ...]]:
    """Rows of an object in the order in which they were landed."""
    files = object_folder(folder, name) / "*.parquet"
    with duckdb.connect() as connection:
        return connection.execute(
            f"select {columns} from read_parquet('{files}', union_by_name = true) order by _source_file, _source_line"
        ).fetchall()


def batch_files(folder: Path, name: str = PRODUCTS) -> list[str]:
    return sorted(path.name for path in object_folder(folder, name).glob("2*"))


def source(*pages: list[Record] | SourceError, own: bool = True, name: str = PRODUCTS) -> Stream:
    """Pages after the cursor `page`; an error in their place is raised."""

    def read(cursor: Cursor) -> Iterator[Page]:
        for number in range(cursor.get("page", 0), len(pages)):
            page = pages[number]
            if isinstance(page, SourceError):
                raise page
            yield Page({name: page}, {"page": number + 1})

    return Stream((name,), read, own)


def whole(*pages: list[Record], own: bool = True) -> Stream:
    """The same pages at every read, whatever the cursor says."""
    return Stream((PRODUCTS,), lambda cursor: (Page({PRODUCTS: page}, cursor) for page in pages), own)


def land(
    folder: Path,
    stream: Stream,
    read_at: dt.datetime = FIRST_READ,
    batch_rows: int = 2,
    connector: str = "toy",
) -> list[Landed]:
    return list(land_stream(folder, connector, stream, read_at, batch_rows))


def test_a_read_lands_every_row_with_its_file_its_line_and_its_time(tmp_path: Path):
    (result,) = land(tmp_path, source([product(1, 5), product(2, 6)], [product(3, 7)]))
    assert result == Landed(
        PRODUCTS, fetched_row_count=3, landed_row_count=3, cursor_before="", cursor_after="page 2"
    )
    assert landed(tmp_path, columns="id, extra, _source_file, _source_line, _loaded_at") == [
        ("prod_001", '{"beyond":1}', "stripe/products/20261001T020000Z-0001-toy.parquet", 1, FIRST_READ),
        ("prod_002", '{"beyond":2}', "stripe/products/20261001T020000Z-0001-toy.parquet", 2, FIRST_READ),
        ("prod_003", '{"beyond":3}', "stripe/products/20261001T020000Z-0002-toy.parquet", 1, FIRST_READ),
    ]


def test_the_cursor_is_in_the_file_of_the_rows_it_belongs_to(tmp_path: Path):
    land(tmp_path, source([product(1, 5)], [product(2, 6)]), batch_rows=1)
    cursors = [
        json.loads(parquet.read_metadata(object_folder(tmp_path, PRODUCTS) / name).metadata[batches.CURSOR])
        for name in batch_files(tmp_path)
    ]
    assert cursors == [{"page": 1}, {"page": 2}]
    assert read_cursor(tmp_path, "toy", PRODUCTS) == {"page": 2}


def test_a_read_with_nothing_new_writes_no_file(tmp_path: Path):
    stream = source([product(1, 5)])
    land(tmp_path, stream)
    before = batch_files(tmp_path)
    (result,) = land(tmp_path, stream, SECOND_READ)
    assert result == Landed(PRODUCTS, cursor_before="page 1", cursor_after="page 1")
    assert batch_files(tmp_path) == before


def test_an_object_that_never_had_a_row_still_has_its_typed_file(tmp_path: Path):
    land(tmp_path, source())
    assert landed(tmp_path, columns="id, extra, event_created, _reject_reason") == []


def test_a_new_cursor_is_kept_even_without_a_row(tmp_path: Path):
    land(tmp_path, source([]))
    assert read_cursor(tmp_path, "toy", PRODUCTS) == {"page": 1} and landed(tmp_path) == []


def test_fields_are_not_new_because_the_first_read_found_no_row(tmp_path: Path):
    land(tmp_path, source([]))
    (result,) = land(tmp_path, source([], [product(1, 5)]), SECOND_READ)
    assert result.new_fields == ()
    (result,) = land(tmp_path, source([], [], [product(2, 6, colour="red")]), SECOND_READ)
    assert result.new_fields == ("colour",)
    (result,) = land(tmp_path, source([], [], [], [product(3, 7, colour="red")]), SECOND_READ)
    assert result.new_fields == ()


def test_rows_that_come_again_are_repeats(tmp_path: Path):
    page = [product(1, 5), product(2, 6)]
    land(tmp_path, whole(page))
    (result,) = land(
        tmp_path, whole(page, [*page, product(2, 7, name="New name")], page[:1]), SECOND_READ, 100
    )
    assert (result.fetched_row_count, result.landed_row_count, result.repeated_row_count) == (6, 1, 5)
    assert landed(tmp_path) == [
        ("prod_001", "Product 1", 5),
        ("prod_002", "Product 2", 6),
        ("prod_002", "New name", 7),
    ]


def test_an_older_version_that_comes_late_is_landed_too(tmp_path: Path):
    land(tmp_path, whole([product(1, 9)]))
    land(tmp_path, whole([product(1, 5, name="Old name")]), SECOND_READ)
    assert landed(tmp_path) == [("prod_001", "Product 1", 9), ("prod_001", "Old name", 5)]


def test_without_versions_of_its_own_a_row_is_landed_when_it_changes(tmp_path: Path):
    said = ["A", "A", "B", "B", "A", "A"]
    for day, name in enumerate(said):
        land(tmp_path, whole([product(1, 100 + day, name=name)], own=False), FIRST_READ + day * DAY)
    assert landed(tmp_path) == [("prod_001", "A", 100), ("prod_001", "B", 102), ("prod_001", "A", 104)]


@pytest.mark.parametrize("batch_rows", [1, 100])
def test_a_row_that_changes_back_within_one_read_ends_as_it_was(tmp_path: Path, batch_rows: int):
    changes = [product(1, version, name=name) for version, name in [(5, "A"), (6, "B"), (7, "A")]]
    for read_at in (FIRST_READ, SECOND_READ):
        land(tmp_path, whole(*([change] for change in changes), own=False), read_at, batch_rows)
        assert landed(tmp_path) == [("prod_001", "A", 5), ("prod_001", "B", 6), ("prod_001", "A", 7)]


def test_changes_are_found_in_the_order_of_their_versions_not_of_their_arrival(tmp_path: Path):
    land(tmp_path, whole([product(1, 5, name="A")], own=False))
    changes = [product(1, version, name=name) for version, name in [(9, "A"), (6, "A"), (7, "B"), (8, "B")]]
    land(tmp_path, whole(changes, own=False), SECOND_READ, 9)
    assert landed(tmp_path) == [("prod_001", "A", 5), ("prod_001", "A", 9), ("prod_001", "B", 7)]


def test_a_row_that_changes_back_after_what_is_landed_ends_as_it_was(tmp_path: Path):
    land(tmp_path, whole([product(1, 5, name="A")], own=False))
    land(tmp_path, whole([product(1, 6, name="B"), product(1, 7, name="A")], own=False), SECOND_READ)
    assert landed(tmp_path) == [("prod_001", "A", 5), ("prod_001", "B", 6), ("prod_001", "A", 7)]


def test_of_two_contents_in_one_instant_the_last_one_said_is_landed_last(tmp_path: Path):
    land(tmp_path, whole([product(1, 5, name=name) for name in "ABA"], own=False), batch_rows=9)
    assert [name for _, name, _ in landed(tmp_path)] == ["B", "A"]


def test_a_bad_row_is_landed_with_its_reason_once(tmp_path: Path):
    bad = product(1, 5, created="yesterday")
    for read_at in (FIRST_READ, SECOND_READ):
        (result,) = land(tmp_path, whole([bad, product(2, 6), bad]), read_at, 9)
    assert result.rejected_row_count == 2 and result.landed_row_count == 0
    assert landed(tmp_path, columns="id, _reject_column, extra") == [
        ("prod_002", None, '{"beyond":2}'),
        ("prod_001", "created", '{"beyond":1,"created":"yesterday"}'),
    ]


def test_a_batch_of_another_shape_is_refused_whole_and_read_again_when_it_is_mended(tmp_path: Path):
    land(tmp_path, source([product(1, 5)]))
    renamed = [{**product(number, 6), "title": "x"} for number in (2, 3)]
    for row in renamed:
        del row["name"]
    (result,) = land(tmp_path, source([product(1, 5)], renamed), SECOND_READ)
    assert result.refused == (
        "stripe products: required column name is missing; new here: title (renamed?); "
        "the object is set aside and read again in the next run, the others go on."
    )
    assert (result.landed_row_count, result.cursor_after, result.failure) == (0, "page 1", "")
    assert not result.is_hidden
    assert len(landed(tmp_path)) == 1
    (result,) = land(tmp_path, source([product(1, 5)], [product(2, 6), product(3, 6)]), SECOND_READ + DAY)
    assert (result.refused, result.landed_row_count, len(landed(tmp_path))) == ("", 2, 3)


def test_objects_that_share_a_cursor_are_refused_together(tmp_path: Path):
    land(tmp_path, source([product(1, 5)]))
    broken = Stream(
        OBJECTS, lambda cursor: iter([Page({PRODUCTS: [product(2, 5)], PRICES: [{"id": "p"}]}, {})])
    )
    results = land(tmp_path, broken, SECOND_READ)
    assert [result.object_name for result in results] == list(OBJECTS)
    assert all(
        result.refused.startswith("stripe prices: required column product is missing") for result in results
    )
    assert [row[0] for row in landed(tmp_path)] == ["prod_001"]


def test_an_optional_field_of_another_type_is_reported(tmp_path: Path):
    (result,) = land(tmp_path, whole([product(1, 5, active="yes")]))
    assert result.new_fields == ("active",) and not result.refused
    assert landed(tmp_path, columns="active, extra") == [(None, '{"active":"yes","beyond":1}')]


def test_what_was_read_before_a_failure_is_landed_and_the_next_read_goes_on(tmp_path: Path):
    pages = [[product(number, 5)] for number in range(4)]
    (result,) = land(tmp_path, source(*pages[:3], SourceError("Shop is closed.")))
    assert (result.failure, result.landed_row_count, result.cursor_after) == ("Shop is closed.", 3, "page 3")
    (result,) = land(tmp_path, source(*pages), SECOND_READ)
    assert (result.failure, result.fetched_row_count, result.cursor_after) == ("", 1, "page 4")
    assert len(landed(tmp_path)) == 4


@pytest.mark.parametrize("page_count", [0, 1, 2, 3])
def test_a_failure_that_stops_the_source_is_said_and_raised(tmp_path: Path, page_count: int):
    pages: list[Any] = [[product(number, 5)] for number in range(page_count)]
    results = []
    with pytest.raises(SourceError, match="No entry"):
        for result in land_stream(
            tmp_path, "toy", source(*pages, SourceError("No entry.", stops_source=True)), FIRST_READ, 2
        ):
            results.append(result)
    assert [(result.failure, result.landed_row_count) for result in results] == [("No entry.", page_count)]
    assert len(landed(tmp_path)) == page_count


def test_a_batch_of_long_texts_ends_early(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(batches, "BATCH_BYTES", 10_000)
    long = [[product(number, 5, name="x" * 6000)] for number in range(4)]
    land(tmp_path, source(*long), batch_rows=1000)
    assert len(batch_files(tmp_path)) == 2 and len(landed(tmp_path)) == 4


def test_files_stand_in_the_order_in_which_they_were_written(tmp_path: Path):
    for number, read_at in enumerate([FIRST_READ, FIRST_READ, FIRST_READ - DAY, SECOND_READ]):
        land(tmp_path, source(*[[product(n, 5)] for n in range(number + 1)]), read_at)
    assert batch_files(tmp_path) == [
        "20261001T020000Z-0001-toy.parquet",
        "20261001T020000Z-0002-toy.parquet",
        "20261001T020000Z-0003-toy.parquet",  # the clock went back, the file did not
        "20261002T020000Z-0001-toy.parquet",
    ]
    assert read_cursor(tmp_path, "toy", PRODUCTS) == {"page": 4}
    assert [row[0] for row in landed(tmp_path)] == [f"prod_{number:03}" for number in range(4)]


def test_more_files_than_four_digits_count_stay_in_order(tmp_path: Path):
    (tmp_path / "20261001T235959Z-9999-toy.parquet").touch()
    names = []
    for _ in range(2):
        names.append(batch_name(tmp_path, "toy", FIRST_READ))
        (tmp_path / f"{names[-1]}.parquet").touch()
    assert names == ["20261002T000000Z-0001-toy", "20261002T000000Z-0002-toy"]


def test_two_connectors_write_one_object_and_keep_their_own_cursors(tmp_path: Path):
    land(tmp_path, source([product(1, 5)]), connector="one")
    (result,) = land(tmp_path, source([product(2, 5)], [product(1, 5)]), connector="two")
    assert result.landed_row_count == 1 and result.repeated_row_count == 1
    assert [read_cursor(tmp_path, name, PRODUCTS) for name in ("one", "two")] == [{"page": 1}, {"page": 2}]
    assert [row[0] for row in landed(tmp_path)] == ["prod_001", "prod_002"]


def test_what_a_killed_run_left_half_written_is_neither_read_nor_kept(tmp_path: Path):
    folder = object_folder(tmp_path, PRODUCTS)
    folder.mkdir(parents=True)
    left = folder / "20260930T020000Z-0001-toy.partial"
    left.write_bytes(b"PAR1 half")
    land(tmp_path, source([product(1, 5)]))
    assert len(landed(tmp_path)) == 1 and not left.exists()


def test_the_file_with_the_cursor_is_renamed_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    renamed = []
    replace = Path.replace
    monkeypatch.setattr(
        Path, "replace", lambda path, to: (renamed.append(to.parts[-2:]), replace(path, to))[1]
    )
    toy_source.read_all(tmp_path, True, FIRST_READ)
    batches_renamed = [folder for folder, name in renamed if not name.startswith("_")]
    assert batches_renamed == ["prices", "products"] * 3


def test_the_content_of_a_file_is_safe_before_its_name_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    done = []
    fsync, replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda file: (done.append("content"), fsync(file))[1])
    monkeypatch.setattr(Path, "replace", lambda path, to: (done.append(to.name[:2]), replace(path, to))[1])
    land(tmp_path, source([product(1, 5)]))
    assert done[done.index("20") - 1] == "content"


def test_a_cursor_is_shown_in_words():
    assert cursor_text({"since": 5, "after": "x"}) == "since 5, after x" and cursor_text({}) == ""


RECORDS = st.lists(
    st.builds(product, st.integers(0, 5), st.integers(0, 3), name=st.sampled_from("AB")),
    min_size=1,
    max_size=12,
)


@st.composite
def deliveries(draw: st.DrawFn, records: list[Record]) -> list[list[list[Record]]]:
    """Reads of pages: all records, some of them again, in any order and cut anywhere."""
    again = draw(st.lists(st.sampled_from(records), max_size=6))
    rows = draw(st.permutations([*records, *again]))
    cuts = sorted(draw(st.sets(st.integers(1, max(len(rows) - 1, 1)), max_size=5)))
    pages = [rows[start:end] for start, end in pairwise([0, *cuts, len(rows)])]
    read_cuts = sorted(draw(st.sets(st.integers(1, max(len(pages) - 1, 1)), max_size=2)))
    return [pages[start:end] for start, end in pairwise([0, *read_cuts, len(pages)])]


def check_any_delivery_lands_the_same(data: st.DataObject) -> None:
    records = data.draw(RECORDS)
    with TemporaryDirectory() as place:
        folder = Path(place)
        for number, pages in enumerate(data.draw(deliveries(records))):
            ends = [SourceError("Stopped.")] if data.draw(st.booleans()) else []
            stream = source(*[[]] * read_cursor(folder, "toy", PRODUCTS).get("page", 0), *pages, *ends)
            land(folder, stream, FIRST_READ + number * DAY, data.draw(st.integers(1, 9)))
        expected = {(record["id"], record["name"], record["event_created"]) for record in records}
        assert sorted(landed(folder)) == sorted(expected)


def check_without_versions_every_change_lands_once(data: st.DataObject) -> None:
    contents = data.draw(
        st.lists(st.lists(st.sampled_from("ABC"), min_size=3, max_size=3), min_size=1, max_size=4)
    )
    with TemporaryDirectory() as place:
        folder = Path(place)
        for day, names in enumerate(contents):
            rows = [product(number, day, name=name) for number, name in enumerate(names)]
            for pages in data.draw(deliveries(rows)):
                land(folder, whole(*pages, own=False), FIRST_READ + day * DAY, data.draw(st.integers(1, 9)))
        expected = [
            (f"prod_{number:03}", names[number], day)
            for number in range(3)
            for day, names in enumerate(contents)
            if day == 0 or contents[day - 1][number] != names[number]
        ]
        assert sorted(landed(folder)) == sorted(expected)


CHECKS = [check_any_delivery_lands_the_same, check_without_versions_every_change_lands_once]


@pytest.mark.parametrize("check", CHECKS)
@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_the_same_rows_are_landed_however_they_are_delivered(check: Any, data: st.DataObject):
    check(data)


@pytest.mark.proof
@pytest.mark.parametrize("check", CHECKS)
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_the_same_rows_are_landed_in_hundreds_of_deliveries(check: Any, data: st.DataObject):
    check(data)
