"""Files of product events: three shapes with hand-written truth, each file once, and files that cannot be used."""

import datetime as dt
import gzip
import json
import os
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from dagster_project.ingest.events.connector import EventFiles
from dagster_project.ingest.streams import Landed, SourceError

READ_AT = dt.datetime(2026, 10, 1, 2)
WRITTEN_AT = dt.datetime(2026, 9, 30, 12)
COLUMNS = (
    "event_id, workspace_id, user_id, session_id, event_name, feature, quantity, duration_seconds, error_count,"
    " cast(occurred_at as varchar), cast(received_at as varchar)"
)
OWN = {
    "event_id": "e1", "workspace_id": "w1", "user_id": "u1", "session_id": "s1", "event_name": "report_opened",
    "feature": "reports", "quantity": 2, "duration_seconds": 30, "error_count": 0,
    "occurred_at": dt.datetime(2026, 9, 29, 10), "received_at": dt.datetime(2026, 9, 29, 10, 1),
}  # fmt: skip
OWN_TRUTH = (
    "e1",
    "w1",
    "u1",
    "s1",
    "report_opened",
    "reports",
    2,
    30,
    0,
    "2026-09-29 10:00:00",
    "2026-09-29 10:01:00",
)
OWN_LINE = OWN | {"occurred_at": "2026-09-29T10:00:00Z", "received_at": "2026-09-29T12:01:00+02:00"}
SEGMENT = {
    "messageId": "m1", "type": "track", "event": "Report Opened", "userId": "u1", "anonymousId": "a1",
    "context": {"groupId": "w1", "sessionId": "s1"}, "timestamp": "2026-09-29T10:00:00.250Z",
    "receivedAt": "2026-09-29T10:00:01.000Z",
    "properties": {"feature": "reports", "quantity": 3, "duration_seconds": 12.0, "colour": "blue"},
}  # fmt: skip
SEGMENT_TRUTH = (
    "m1", "w1", "u1", "s1", "Report Opened", "reports", 3, 12, None,
    "2026-09-29 10:00:00.25", "2026-09-29 10:00:01",
)  # fmt: skip
POSTHOG = {
    "uuid": "0192-a", "event": "$pageview", "distinct_id": "u1", "person_id": "p1",
    "properties": {"$group_0": "w1", "$session_id": "s1", "$browser": "Firefox"},
    "timestamp": "2026-09-29T10:00:00.123456+00:00", "created_at": "2026-09-29T10:00:05+00:00",
}  # fmt: skip
POSTHOG_TRUTH = (
    "0192-a", "w1", "u1", "s1", "$pageview", None, 1, None, None,
    "2026-09-29 10:00:00.123456", "2026-09-29 10:00:05",
)  # fmt: skip


class Folder:
    """A source folder and a landing zone."""

    def __init__(self, root: Path) -> None:
        self.source = root / "events in"
        self.landing = root / "landing"
        self.landed_dir = self.landing / "product" / "events"
        self.source.mkdir(parents=True)

    def put(self, name: str, content: bytes | pl.DataFrame, written_at: dt.datetime = WRITTEN_AT) -> Path:
        path = self.source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            content.write_parquet(path)
        moment = written_at.replace(tzinfo=dt.UTC).timestamp()
        os.utime(path, (moment, moment))
        return path

    def land(self, read_at: dt.datetime = READ_AT) -> Landed:
        (landed,) = EventFiles(str(self.source), self.landing).land(read_at)
        return landed

    def files(self) -> list[Path]:
        return sorted(path for path in self.landed_dir.glob("*.parquet") if path.name != "_empty.parquet")

    def rows(self, columns: str, where: str = "true") -> list[tuple[Any, ...]]:
        query = f"""
            select {columns} from read_parquet('{self.landed_dir}/*.parquet', union_by_name = true)
            where {where} order by event_id, _source_line"""
        return duckdb.sql(query).fetchall()


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def lines(*rows: dict[str, Any] | bytes) -> bytes:
    return b"".join((row if isinstance(row, bytes) else json.dumps(row).encode()) + b"\n" for row in rows)


def test_a_parquet_file_in_our_own_shape_is_landed_byte_for_byte(folder: Folder):
    path = folder.put("2026/day.parquet", pl.DataFrame([OWN]))
    landed = folder.land()
    assert (landed.fetched_row_count, landed.landed_row_count, landed.rejected_row_count) == (1, 1, 0)
    (target,) = folder.files()
    assert target.read_bytes() == path.read_bytes()
    assert target.name.startswith("20261001T020000Z-0001-events-day-")
    assert target.stat().st_ino != path.stat().st_ino


@pytest.mark.parametrize("suffix", ["ndjson", "jsonl", "json", "ndjson.gz", "jsonl.gz", "json.gz"])
@pytest.mark.parametrize(
    ("line", "truth", "extra"),
    [
        (OWN_LINE | {"plan": "pro"}, OWN_TRUTH, {"plan": "pro"}),
        (SEGMENT, SEGMENT_TRUTH, {key: SEGMENT[key] for key in ("type", "context", "properties")}),
        (POSTHOG, POSTHOG_TRUTH, {key: POSTHOG[key] for key in ("person_id", "properties")}),
    ],
    ids=["own", "segment", "posthog"],
)  # fmt: skip
def test_lines_become_typed_columns_and_the_rest_extra(
    folder: Folder, line: dict[str, Any], truth: tuple[Any, ...], extra: dict[str, Any], suffix: str
):
    content = lines(line)
    folder.put(f"part.{suffix}", gzip.compress(content) if suffix.endswith("gz") else content)
    assert folder.land().refused == ""
    assert folder.rows(COLUMNS, "_source_line is not null") == [truth]
    ((found, file, line_number, loaded_at, reason),) = folder.rows(
        "extra, _source_file, _source_line, _loaded_at, _reject_reason", "event_id is not null"
    )
    assert json.loads(found) == extra
    assert (file, line_number, loaded_at, reason) == (f"part.{suffix}", 1, READ_AT, None)


def test_a_posthog_parquet_file_has_its_properties_as_text(folder: Folder):
    row = POSTHOG | {
        "properties": json.dumps(POSTHOG["properties"]),
        "timestamp": dt.datetime(2026, 9, 29, 10, 0, 0, 123456, tzinfo=dt.UTC),
        "created_at": dt.datetime(2026, 9, 29, 10, 0, 5, tzinfo=dt.UTC),
    }
    folder.put("events.parquet", pl.DataFrame([row, row | {"uuid": "0192-b"}]))
    folder.land()
    assert folder.rows(COLUMNS) == [POSTHOG_TRUTH, ("0192-b", *POSTHOG_TRUTH[1:])]
    assert folder.rows("_source_line") == [(1,), (2,)]


def test_our_own_parquet_with_other_types_or_more_columns_is_converted_without_loss(folder: Folder):
    wide = pl.DataFrame([OWN | {"plan": "pro", "quantity": 2.0}])
    folder.put("wide.parquet", wide)
    folder.land()
    assert folder.rows(f"{COLUMNS}, extra") == [(*OWN_TRUTH, '{"plan":"pro"}')]


def test_segment_calls_that_are_no_events_are_left_out(folder: Folder):
    page = {key: value for key, value in SEGMENT.items() if key != "event"}
    folder.put(
        "day.jsonl",
        lines(
            SEGMENT,
            SEGMENT | {"messageId": "m2", "type": "identify", "event": None},
            page | {"messageId": "m3", "type": "page", "name": "Pricing"},
            page | {"messageId": "m4", "type": "screen", "userId": None},
        ),
    )
    folder.land()
    assert folder.rows("event_id, event_name, user_id") == [
        ("m1", "Report Opened", "u1"),
        ("m3", "Pricing", "u1"),
        ("m4", "screen", None),
    ]


def test_received_falls_back_to_occurred(folder: Folder):
    folder.put("own.jsonl", lines({key: value for key, value in OWN_LINE.items() if key != "received_at"}))
    folder.put("hog.jsonl", lines({key: value for key, value in POSTHOG.items() if key != "created_at"}))
    assert folder.land().refused == ""
    assert folder.rows("received_at = occurred_at") == [(True,), (True,)]


def test_each_file_is_landed_once_and_the_cursor_is_the_newest(folder: Folder):
    folder.put("b.jsonl", lines(OWN_LINE), WRITTEN_AT + dt.timedelta(hours=1))
    folder.put("a.parquet", pl.DataFrame([OWN]))
    first = folder.land()
    assert (first.landed_row_count, first.cursor_before, first.cursor_after) == (2, "", "b")
    names = [path.name for path in folder.files()]
    again = folder.land(READ_AT + dt.timedelta(days=1))
    assert (again.fetched_row_count, again.cursor_before, again.cursor_after) == (0, "b", "b")
    assert [path.name for path in folder.files()] == names


def test_a_file_that_changed_is_a_new_file(folder: Folder):
    folder.put("a.jsonl", lines(OWN_LINE))
    folder.land()
    folder.put("a.jsonl", lines(OWN_LINE, OWN_LINE | {"event_id": "e2"}), WRITTEN_AT + dt.timedelta(hours=2))
    assert folder.land(READ_AT + dt.timedelta(days=1)).landed_row_count == 2
    assert folder.rows("event_id") == [("e1",), ("e1",), ("e2",)]


def test_files_that_may_still_be_written_wait_and_a_note_says_so(folder: Folder):
    folder.put("a.jsonl", lines(OWN_LINE), READ_AT - dt.timedelta(seconds=59))
    folder.put("b.jsonl", lines(OWN_LINE | {"event_id": "e2"}), READ_AT - dt.timedelta(seconds=30))
    young = "changed less than 60 s before the read and may still be written: the next run reads"
    first = folder.land()
    assert (first.landed_row_count, first.notes) == (0, (f"product events: 2 files {young} them",))
    second = folder.land(READ_AT + dt.timedelta(seconds=1))
    assert (second.landed_row_count, second.notes) == (1, (f"product events: 1 file {young} it",))
    third = folder.land(READ_AT + dt.timedelta(seconds=30))
    assert (third.landed_row_count, third.notes) == (1, ())
    assert folder.land(READ_AT - dt.timedelta(days=1)).notes == (), "what has landed waits for nothing"


@pytest.mark.parametrize("content", [lines(OWN_LINE), pl.DataFrame([OWN])], ids=["converted", "copied"])
def test_a_run_that_is_killed_before_the_rename_has_landed_nothing(
    folder: Folder, content: bytes | pl.DataFrame, monkeypatch: pytest.MonkeyPatch
):
    folder.put("a.parquet" if isinstance(content, pl.DataFrame) else "a.jsonl", content)

    rename = Path.replace

    def killed_at_the_rename(path: Path, target: Path) -> Path:
        if "-events-" in path.name:
            raise KeyboardInterrupt
        return rename(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", killed_at_the_rename)
        patch.setattr(Path, "unlink", lambda *_, **__: None)  # a killed process cleans nothing up
        with pytest.raises(KeyboardInterrupt):
            folder.land()
    assert len(list(folder.landed_dir.glob("*-events-*"))) == 1
    assert folder.files() == []
    assert folder.land().landed_row_count == 1
    assert folder.rows("event_id") == [("e1",)]
    assert [path.suffix for path in folder.landed_dir.glob("*-events-*")] == [".parquet"]


def test_a_line_that_is_no_event_is_landed_with_its_line_and_reason(folder: Folder):
    folder.put(
        "a.jsonl",
        lines(
            b"\xef\xbb\xbf" + json.dumps(OWN_LINE).encode(),
            b"",
            b'{"event_id": "cut',
            b"[1, 2]",
            b'{"event_id": "\xff"}',
            OWN_LINE | {"event_id": "e5", "occurred_at": "last week"},
            OWN_LINE | {"event_id": "e6", "quantity": 1.5},
            OWN_LINE | {"event_id": "e7", "quantity": None, "duration_seconds": "12"},
        ),
    )
    landed = folder.land()
    assert (landed.landed_row_count, landed.rejected_row_count) == (7, 5)
    found = folder.rows(
        "_source_line, event_id, _reject_column, _reject_reason", "_reject_reason is not null"
    )
    assert sorted(found) == [
        (3, None, None, "not a JSON object"),
        (4, None, None, "not a JSON object"),
        (5, None, None, "not valid UTF-8"),
        (6, "e5", "occurred_at", "occurred_at: 'last week' is not a timestamp"),
        (7, "e6", "quantity", "quantity: '1.5' is not a whole number"),
    ]


def test_emoji_nul_and_huge_text_are_kept(folder: Folder):
    huge = "x" * 10_000_000
    folder.put(
        "a.jsonl", lines(OWN_LINE | {"feature": "🦆\u0000ü", "note": huge}, OWN_LINE | {"event_id": "e2"})
    )
    assert folder.land().rejected_row_count == 0
    ((feature, size), (_, none)) = folder.rows("feature, length(extra ->> '$.note')")
    assert (feature, size, none) == ("🦆\u0000ü", len(huge), None)


def test_a_line_beyond_the_limit_does_not_hide_the_next(folder: Folder):
    folder.put("a.jsonl", lines(b'{"a": "' + b"x" * 17_000_000 + b'"}', OWN_LINE))
    assert folder.land().rejected_row_count == 1
    assert folder.rows("event_id, _source_line", "_reject_reason is null") == [("e1", 2)]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("p.parquet", pl.DataFrame([OWN]).drop("workspace_id"), "column workspace_id is missing"),
        ("p.parquet", pl.DataFrame([OWN]).rename({"event_id": "id"}), "column event_id is missing; found duration_sec"),
        ("p.parquet", b"PAR1 cut off", "it is no readable Parquet file"),
        ("s.jsonl", lines(SEGMENT | {"context": {}}), "workspace_id is missing or empty in every row (groupId or"),
        ("h.jsonl", lines(POSTHOG | {"timestamp": "soon"}), "'soon' is not a timestamp"),
        ("a.json", b'[{"event_id": "e1"}]\n', "column event_id is missing"),
        ("z.jsonl.gz", gzip.compress(lines(OWN_LINE))[:-9], "the file cannot be read"),
        ("z.jsonl.gz", b"not gzip", "the file cannot be read"),
    ],
    ids=["missing", "renamed", "cut", "segment", "retyped", "array", "cut gzip", "no gzip"],
)  # fmt: skip
def test_a_file_that_cannot_be_used_is_refused_in_one_line_and_the_others_go_on(
    folder: Folder, name: str, content: bytes | pl.DataFrame, said: str
):
    folder.put(name, content)
    folder.put("good.jsonl", lines(OWN_LINE))
    landed = folder.land()
    assert landed.landed_row_count == 1
    assert landed.refused.startswith(f"product events: {name}: ")
    assert said in landed.refused
    assert "\n" not in landed.refused
    assert len(folder.files()) == 1
    assert folder.land(READ_AT + dt.timedelta(days=1)).refused == landed.refused


def test_other_files_and_hidden_ones_are_not_read(folder: Folder):
    for name in ("notes.txt", "_SUCCESS", ".part.jsonl", "_temporary/part.jsonl"):
        folder.put(name, lines(OWN_LINE))
    assert folder.land().fetched_row_count == 0


def test_a_field_that_no_earlier_file_had_is_reported_once(folder: Folder):
    folder.put("a.jsonl", lines(OWN_LINE | {"plan": "pro"}))
    assert folder.land().new_fields == ()
    folder.put("b.jsonl", lines(OWN_LINE | {"plan": "pro", "region": "eu"}))
    assert folder.land(READ_AT + dt.timedelta(days=1)).new_fields == ("region",)
    folder.put("c.jsonl", lines(OWN_LINE | {"region": "eu"}))
    assert folder.land(READ_AT + dt.timedelta(days=2)).new_fields == ()


def test_the_probe_counts_the_files_and_names_the_newest(folder: Folder):
    folder.put("a.jsonl", lines(OWN_LINE))
    (probe,) = EventFiles(f"file://{folder.source}", folder.landing).probe()
    assert (probe.object_name, probe.is_visible, probe.newest) == (
        "product__events",
        True,
        "2026-09-30 12:00:00",
    )
    assert probe.note == "1 file"


@pytest.mark.parametrize(
    ("path", "said"), [("/nowhere/at/all", "is no folder"), ("unheard-of://bucket/x", "cannot be opened")]
)
def test_a_place_that_cannot_be_listed_is_one_line_with_the_setting(tmp_path: Path, path: str, said: str):
    with pytest.raises(SourceError, match=said) as caught:
        list(EventFiles(path, tmp_path).land(READ_AT))
    assert "CUSTINT_EVENTS_PATH" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.stops_source


EVENTS = [OWN_LINE | {"event_id": f"e{number}", "quantity": number} for number in range(8)]


@given(
    order=st.permutations(range(len(EVENTS))),
    cuts=st.lists(st.tuples(st.integers(0, 8), st.integers(0, 3)), min_size=1, max_size=4),
)
@hypothesis_settings(max_examples=8, deadline=None)
def test_any_order_batching_and_repetition_lands_the_same_events(
    tmp_path_factory: pytest.TempPathFactory, order: list[int], cuts: list[tuple[int, int]]
):
    folder = Folder(tmp_path_factory.mktemp("any"))
    bounds = sorted({0, len(EVENTS), *(cut for cut, _ in cuts)})
    for number, (start, end) in enumerate(zip(bounds[:-1], bounds[1:], strict=True)):
        part = [EVENTS[at] for at in order[start:end]]
        repeated = [EVENTS[at] for at in order[: cuts[number % len(cuts)][1]]]
        folder.put(f"{number}.jsonl", lines(*part, *repeated))
        if number % 2:
            folder.land(READ_AT + dt.timedelta(days=number))
    folder.land(READ_AT + dt.timedelta(days=9))
    found = folder.rows(f"distinct on (event_id) {COLUMNS}")
    whole = Folder(tmp_path_factory.mktemp("whole"))
    whole.put("all.jsonl", lines(*EVENTS))
    whole.land()
    assert found == whole.rows(COLUMNS)
