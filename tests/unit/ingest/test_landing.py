"""The landing zone on real Parquet files: written once, whole or not at all, and readable by DuckDB."""

import datetime as dt
import os
from collections.abc import Iterator
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pytest
from polars.testing import assert_frame_equal
from pyarrow import parquet

from dagster_project.contracts import landing_objects
from dagster_project.ingest.landing import (
    EMPTY_FILE,
    META_SCHEMA,
    batch_path,
    commit,
    newest_batch,
    write_batch,
    write_empty_file,
    write_rows,
    write_text,
)

LOADED_AT = dt.datetime(2026, 10, 1, 6, 0, 0, 123456)
META_COLUMNS = dict(pl.DataFrame(META_SCHEMA.empty_table()).schema)
ROWS = pl.DataFrame({"id": ["a", "b", "c"], "amount": [1, None, 3]})
STREAM_SCHEMA = pa.schema(
    [("id", pa.string()), ("_source_file", pa.string()), ("_source_line", pa.int64()),
     ("_reject_column", pa.string()), ("_reject_reason", pa.string())]
)  # fmt: skip


def write(folder: Path, frame: pl.DataFrame = ROWS, batch: str = "2026-09-30") -> bool:
    return write_batch(folder, "stripe", "charges", batch, frame, LOADED_AT)


def read(folder: Path, batch: str = "2026-09-30") -> pl.DataFrame:
    return pl.read_parquet(batch_path(folder, "stripe", "charges", batch))


def names_under(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_batch_lies_under_its_system_and_object(tmp_path: Path):
    assert write(tmp_path)
    assert names_under(tmp_path) == ["stripe/charges/2026-09-30.parquet"]


def test_a_batch_keeps_its_columns_and_gets_the_meta_columns(tmp_path: Path):
    write(tmp_path)
    frame = read(tmp_path)
    assert frame.schema == pl.Schema({"id": pl.String, "amount": pl.Int64, **META_COLUMNS})
    assert_frame_equal(frame.select("id", "amount"), ROWS)
    assert frame["_source_file"].unique().to_list() == ["stripe/charges/2026-09-30.parquet"]
    assert frame["_source_line"].to_list() == [1, 2, 3]
    assert frame["_loaded_at"].unique().to_list() == [LOADED_AT]
    assert frame["_reject_column"].null_count() == frame["_reject_reason"].null_count() == 3


def test_meta_columns_that_the_rows_bring_are_kept(tmp_path: Path):
    own = ROWS.with_columns(
        pl.lit("orders.csv").alias("_source_file"),
        pl.Series("_source_line", [2, 3, 7]),
        pl.Series("_reject_reason", [None, None, "too few fields"]),
    )
    write(tmp_path, own)
    frame = read(tmp_path)
    assert frame["_source_file"].unique().to_list() == ["orders.csv"]
    assert frame["_source_line"].to_list() == [2, 3, 7]
    assert frame["_reject_reason"].to_list() == [None, None, "too few fields"]
    assert set(META_COLUMNS) <= set(frame.columns)


def test_the_rows_handed_in_are_not_changed(tmp_path: Path):
    before = ROWS.clone()
    write(tmp_path)
    assert_frame_equal(ROWS, before)


def test_a_batch_that_is_there_is_never_written_again(tmp_path: Path):
    write(tmp_path)
    path = batch_path(tmp_path, "stripe", "charges", "2026-09-30")
    before = path.read_bytes()
    assert not write(tmp_path, ROWS.head(1))
    assert path.read_bytes() == before
    assert write(tmp_path, ROWS.head(1), batch="2026-10-01")


@pytest.mark.parametrize("frame", [ROWS.clear(), pl.DataFrame()])
def test_a_batch_without_rows_is_a_typed_file_without_rows(frame: pl.DataFrame, tmp_path: Path):
    write(tmp_path, frame)
    assert read(tmp_path).schema == pl.Schema({**frame.schema, **META_COLUMNS})
    assert read(tmp_path).height == 0


def test_a_half_written_file_of_a_killed_run_is_replaced_and_never_read(tmp_path: Path):
    half = batch_path(tmp_path, "stripe", "charges", "2026-09-30").with_suffix(".partial")
    half.parent.mkdir(parents=True)
    half.write_text("half")
    assert newest_batch(tmp_path, "stripe", "charges") is None
    assert write(tmp_path)
    assert names_under(tmp_path) == ["stripe/charges/2026-09-30.parquet"]


def test_the_same_rows_give_the_same_bytes(tmp_path: Path):
    for name in ("one", "two"):
        write(tmp_path / name)
    one, two = (
        batch_path(tmp_path / name, "stripe", "charges", "2026-09-30").read_bytes() for name in ("one", "two")
    )
    assert one == two


def test_batches_with_other_columns_are_read_together_by_name(tmp_path: Path):
    write(tmp_path, ROWS, batch="2026-09-30")
    write(tmp_path, ROWS.select("amount", "id", pl.lit("x").alias("new_field")), batch="2026-10-01")
    files = str(tmp_path / "stripe" / "charges" / "*.parquet")
    with duckdb.connect() as connection:
        rows = connection.execute(
            "select id, amount, new_field from read_parquet(?, union_by_name = true) order by filename, id",
            [files],
        ).fetchall()
    assert rows == [
        ("a", 1, None),
        ("b", None, None),
        ("c", 3, None),
        ("a", 1, "x"),
        ("b", None, "x"),
        ("c", 3, "x"),
    ]


def piece(*ids: str) -> pa.RecordBatch:
    columns = {
        "id": list(ids),
        "_source_file": ["orders.csv"] * len(ids),
        "_source_line": list(range(2, 2 + len(ids))),
        "_reject_column": [None] * len(ids),
        "_reject_reason": [None] * len(ids),
    }
    return pa.RecordBatch.from_pydict(columns, schema=STREAM_SCHEMA)


def stream(folder: Path, pieces: Iterator[pa.RecordBatch]) -> None:
    write_rows(batch_path(folder, "files", "orders", "b1"), STREAM_SCHEMA, pieces, LOADED_AT)


def test_a_stream_becomes_one_batch_with_all_pieces_and_meta_columns(tmp_path: Path):
    stream(tmp_path, iter([piece("a", "b"), piece(), piece("c")]))
    frame = pl.read_parquet(batch_path(tmp_path, "files", "orders", "b1"))
    assert frame["id"].to_list() == ["a", "b", "c"]
    assert {name: frame.schema[name] for name in META_COLUMNS} == META_COLUMNS
    assert frame["_loaded_at"].unique().to_list() == [LOADED_AT]


def test_lines_are_counted_on_from_piece_to_piece(tmp_path: Path):
    pieces = [pa.table({"id": ids}) for ids in (["a", "b"], ["c"])]
    target = batch_path(tmp_path, "files", "orders", "b1")
    write_rows(target, pieces[0].schema, pieces, LOADED_AT)
    frame = pl.read_parquet(target)
    assert frame["_source_line"].to_list() == [1, 2, 3]
    assert frame["_source_file"].unique().to_list() == ["files/orders/b1.parquet"]


def test_the_footer_is_what_it_says_after_the_last_piece(tmp_path: Path):
    footer = {b"custint.cursor": b"before"}

    def rows() -> Iterator[pa.Table]:
        yield pa.table({"id": ["a"]})
        footer[b"custint.cursor"] = b"after"

    target = batch_path(tmp_path, "files", "orders", "b1")
    write_rows(target, pa.schema([("id", pa.string())]), rows(), LOADED_AT, footer)
    assert parquet.read_metadata(target).metadata[b"custint.cursor"] == b"after"


def test_a_stream_without_pieces_is_a_typed_file_without_rows(tmp_path: Path):
    stream(tmp_path, iter(()))
    frame = pl.read_parquet(batch_path(tmp_path, "files", "orders", "b1"))
    assert (frame.height, "_loaded_at" in frame.columns) == (0, True)


def test_a_stream_that_breaks_leaves_nothing_and_can_be_written_later(tmp_path: Path):
    def breaking() -> Iterator[pa.RecordBatch]:
        yield piece("a")
        raise ValueError("the file ends in the middle")

    with pytest.raises(ValueError, match="the file ends in the middle"):
        stream(tmp_path, breaking())
    assert names_under(tmp_path) == []
    stream(tmp_path, iter([piece("a")]))
    assert names_under(tmp_path) == ["files/orders/b1.parquet"]


def test_a_file_is_on_the_disk_before_it_has_its_name_and_its_name_before_anybody_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """What a power cut may lose is not seen by any reader: the order of the three steps is the promise."""
    steps: list[str] = []
    replace = Path.replace

    def synced(handle: int) -> None:
        steps.append(f"sync {Path(f'/proc/self/fd/{handle}').readlink().relative_to(tmp_path)}")

    def renamed(path: Path, target: Path) -> Path:
        steps.append(f"rename {path.name}")
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", renamed)
    write(tmp_path)
    write_empty_file(tmp_path, "stripe", "charges", {"id": "VARCHAR"})
    (tmp_path / "fetched").write_bytes(b"copied as it is")
    commit(tmp_path / "fetched", tmp_path / "copied")
    write_text(tmp_path / "note.json", "{}")
    assert steps == [
        "sync stripe/charges/2026-09-30.partial", "rename 2026-09-30.partial", "sync stripe/charges",
        "sync stripe/charges/_empty.partial", "rename _empty.partial", "sync stripe/charges",
        "sync fetched", "rename fetched", "sync .",
        "sync note.json.unfinished", "rename note.json.unfinished", "sync .",
    ]  # fmt: skip


def test_the_newest_batch_is_the_last_by_name_and_never_the_empty_file(tmp_path: Path):
    assert newest_batch(tmp_path, "stripe", "charges") is None
    write_empty_file(tmp_path, "stripe", "charges", {"id": "VARCHAR"})
    assert newest_batch(tmp_path, "stripe", "charges") is None
    for batch in ("2026-09-30", "2026-10-02", "2026-10-01"):
        write(tmp_path, batch=batch)
    newest = newest_batch(tmp_path, "stripe", "charges")
    assert newest is not None
    assert newest.name == "2026-10-02.parquet"


def test_every_object_has_an_empty_file_beside_its_batches(tmp_path: Path):
    write_empty_file(tmp_path, "stripe", "charges", {"id": "VARCHAR"})
    write_empty_file(tmp_path, "stripe", "charges", {"id": "VARCHAR"})
    assert names_under(tmp_path) == [f"stripe/charges/{EMPTY_FILE}"]
    write(tmp_path)
    write_empty_file(tmp_path, "stripe", "charges", {"id": "VARCHAR"})
    assert names_under(tmp_path) == ["stripe/charges/2026-09-30.parquet", f"stripe/charges/{EMPTY_FILE}"]


def test_an_empty_file_that_is_right_is_left_alone_and_a_broken_one_written_anew(tmp_path: Path):
    path = tmp_path / "stripe" / "charges" / EMPTY_FILE
    columns = {"id": "VARCHAR", "amount": "BIGINT", "is_new": "BOOLEAN", "share": "DOUBLE"}
    write_empty_file(tmp_path, "stripe", "charges", columns)
    before = path.stat()
    write_empty_file(tmp_path, "stripe", "charges", columns)
    assert path.stat().st_ino == before.st_ino
    path.write_bytes(b"PAR1")
    write_empty_file(tmp_path, "stripe", "charges", columns)
    assert pl.read_parquet(path).columns == [*columns, *META_COLUMNS]


def test_the_empty_file_has_the_columns_of_today_not_of_when_it_was_made(tmp_path: Path):
    write_empty_file(tmp_path, "stripe", "charges", {"id": "VARCHAR"})
    write_empty_file(tmp_path, "stripe", "charges", {"id": "BIGINT", "new": "BOOLEAN"})
    frame = pl.read_parquet(tmp_path / "stripe" / "charges" / EMPTY_FILE)
    assert frame.schema == pl.Schema({"id": pl.Int64, "new": pl.Boolean, **META_COLUMNS})


def test_every_landing_object_of_the_contracts_can_be_empty(tmp_path: Path):
    for name, columns in landing_objects().items():
        system, object_name = name.split("__", 1)
        write_empty_file(tmp_path, system, object_name, columns)
    with duckdb.connect() as connection:
        for name, columns in landing_objects().items():
            path = tmp_path.joinpath(*name.split("__", 1)) / EMPTY_FILE
            described = connection.execute("describe select * from read_parquet(?)", [str(path)]).fetchall()
            types = {column: kind.lower() for column, kind, *_ in described}
            expected = {column: kind.lower() for column, kind in columns.items()}
            assert {column: types[column] for column in columns} == expected, name
            assert types.keys() == {*columns, *META_COLUMNS}


@pytest.mark.parametrize("name", ["o'brien", "data [new]", "with space"])
def test_the_landing_zone_may_lie_in_a_folder_of_any_name(name: str, tmp_path: Path):
    write_empty_file(tmp_path / name, "stripe", "refunds", {"id": "VARCHAR"})
    write(tmp_path / name)
    assert names_under(tmp_path / name) == [
        "stripe/charges/2026-09-30.parquet",
        f"stripe/refunds/{EMPTY_FILE}",
    ]
