"""Whoever is killed while reading: the next read neither misses nor doubles a row."""

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
import toy_source
from toy_source import BATCH_ROWS, OBJECTS

from dagster_project.ingest.batches import read_cursor
from dagster_project.ingest.landing import object_folder

PRODUCTS, PRICES = OBJECTS
EXPECTED = {
    PRODUCTS: [(f"prod_{number:03}", f'{{"beyond":{number}}}') for number in range(toy_source.PRODUCT_COUNT)],
    PRICES: [(f"price_{number:03}", None) for number in range(2 * toy_source.PRODUCT_COUNT)],
}


def kill_at(folder: Path, kind: str, *points: str) -> str:
    done = subprocess.run(
        [sys.executable, toy_source.__file__, str(folder), kind, *points],
        capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def assert_all_is_there_once(folder: Path, *points: str) -> None:
    with duckdb.connect() as connection:
        for name, expected in EXPECTED.items():
            files = object_folder(folder / "*", name) / "*.parquet"
            found = connection.execute(
                f"select split_part(filename, '/', -4), id, extra from read_parquet('{files}', filename = true)"
            ).fetchall()
            for point in points:
                assert sorted(row[1:] for row in found if row[0] == point) == sorted(expected), point
    for point in points:
        assert read_cursor(folder / point, "toy", PRODUCTS) == {"next": toy_source.PRODUCT_COUNT}


@pytest.mark.parametrize("kind", ["own", "ours"])
def test_a_read_that_is_killed_neither_misses_nor_doubles_a_row(tmp_path: Path, kind: str):
    points = [
        "r3",
        "r4",
        "r5",
        "i9000",
        "i31000",
    ]  # r1 and r2 are the empty files; then prices, products, prices
    kill_at(tmp_path, kind, *points)
    assert_all_is_there_once(tmp_path, *points)


@pytest.mark.proof
@pytest.mark.parametrize("kind", ["own", "ours"])
def test_a_read_may_be_killed_at_any_instruction(tmp_path: Path, kind: str):
    renames, instructions = map(int, kill_at(tmp_path, kind, "count").split())
    points = [f"r{number}" for number in range(1, renames + 1)]
    points += [f"i{number}" for number in range(1, instructions + 1, instructions // 60)]
    kill_at(tmp_path, kind, *points)
    assert_all_is_there_once(tmp_path, *points)


def test_the_toy_source_fills_several_batches():
    assert toy_source.PRODUCT_COUNT * 3 > 2 * BATCH_ROWS
