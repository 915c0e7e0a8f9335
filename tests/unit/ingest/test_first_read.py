"""A first read that was cut off goes on as one: all its rows carry the time at which it began."""

import contextlib
import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from dagster_project.ingest.batches import land_stream
from dagster_project.ingest.events.connector import EventFiles
from dagster_project.ingest.streams import Cursor, Page, SourceError, Stream

DAYS = [dt.datetime(2026, 10, day, 2) for day in range(1, 5)]


class Shop:
    """Three touchpoints, one a page; the server goes away after some pages, as often as it is told to."""

    def __init__(self, *pages_until_down: int) -> None:
        self.pages_until_down = list(pages_until_down)

    def read(self, cursor: Cursor) -> Iterator[Page]:
        allowed = self.pages_until_down.pop(0) if self.pages_until_down else 99
        for count, number in enumerate(range(cursor.get("next", 0), 3)):
            if count == allowed:
                raise SourceError("Shop is closed.")
            row = {
                "touchpoint_id": f"t{number}", "email": "a@example.com", "channel": "web",
                "occurred_at": "2026-01-01T00:00:00Z",
            }  # fmt: skip
            yield Page({"marketing__touchpoints": [row]}, {"next": number + 1})


def loaded_on(folder: Path, pattern: str) -> list[int]:
    """Day of October on which each landed row says it was loaded, in the order of the files."""
    paths = sorted(folder.rglob(pattern))
    return [moment.day for path in paths for moment in pl.read_parquet(path)["_loaded_at"]]


def test_the_rows_of_a_first_read_carry_the_time_at_which_it_began(tmp_path: Path):
    shop = Shop(1, 1)
    for read_at in DAYS[:3]:
        list(land_stream(tmp_path, "shop", Stream(("marketing__touchpoints",), shop.read), read_at, 100))
    assert loaded_on(tmp_path, "*-shop.parquet") == [1, 1, 1]


def test_what_comes_after_the_first_read_carries_its_own_time(tmp_path: Path):
    def one_more(cursor: Cursor) -> Iterator[Page]:
        number = cursor.get("next", 0)
        row = {"touchpoint_id": f"t{number}", "email": "a@example.com", "channel": "web"}
        yield Page(
            {"marketing__touchpoints": [row | {"occurred_at": "2026-01-01T00:00:00Z"}]}, {"next": number + 1}
        )

    for read_at in DAYS:
        list(land_stream(tmp_path, "shop", Stream(("marketing__touchpoints",), one_more), read_at, 100))
    assert loaded_on(tmp_path, "*-shop.parquet") == [1, 2, 3, 4]


def test_event_files_that_follow_an_interrupted_first_read_are_history(tmp_path: Path):
    source = tmp_path / "exports"
    source.mkdir()
    line = (
        '{"event_id": "e%d", "workspace_id": "w", "event_name": "x", "occurred_at": "2026-01-01T00:00:00Z",'
        ' "received_at": "2026-01-01T00:00:00Z"}\n'
    )
    for number in range(2):
        (source / f"{number}.ndjson").write_text(line % number)
    connector = EventFiles(str(source), tmp_path / "landing", settle_seconds=-(10**9))
    whole_read = connector._land_file

    def killed_at_the_second_file(file, *arguments):
        if file.path == "1.ndjson":
            raise KeyboardInterrupt
        return whole_read(file, *arguments)

    connector._land_file = killed_at_the_second_file
    with contextlib.suppress(KeyboardInterrupt):
        list(connector.land(DAYS[0]))
    list(EventFiles(str(source), tmp_path / "landing", settle_seconds=-(10**9)).land(DAYS[1]))
    (source / "2.ndjson").write_text(line % 2)
    list(EventFiles(str(source), tmp_path / "landing", settle_seconds=-(10**9)).land(DAYS[2]))
    assert loaded_on(tmp_path / "landing", "*Z-*-events-*.parquet") == [1, 1, 3]
