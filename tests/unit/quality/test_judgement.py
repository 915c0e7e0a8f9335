"""Rules over a profile, judged by Great Expectations: what is found, in which words, and the pages that show it."""

import datetime as dt
import json
import re
import socket

import polars as pl
import pytest

from dagster_project.quality.judgement import Rule, judge
from dagster_project.quality.pages import Stage, write_pages

RULES = (
    Rule("bad_share", "Few are bad.", "{subject}: {bad_share:.0%} are bad; mend {place}", highest=0.01),
    Rule("passing_row_count", "Some pass.", "{subject}: none passes", lowest=1, is_blocking=True),
)
PROFILE = pl.DataFrame(
    {
        "table": ["a", "a", "b", "c"],
        "subject": ["a one", "a two", "b <one>", "c {x}"],
        "place": ["1", "2", "3", "4"],
        "bad_share": [0.0, 0.5, None, 0.01],
        "passing_row_count": [3, None, 0, 1],
    }
)


@pytest.fixture(scope="module")
def judgement():
    return judge("intake", PROFILE, RULES)


def test_what_lies_outside_of_its_rule_is_found_in_words_that_block_first(judgement):
    assert [(found.table, found.line, found.is_blocking) for found in judgement.findings] == [
        ("b", "b <one>: none passes", True),
        ("a", "a two: 50% are bad; mend 2", False),
    ]
    assert judgement.is_blocking


def test_a_profile_without_values_finds_nothing():
    nothing = PROFILE.with_columns(pl.lit(None).alias("bad_share"), pl.lit(None).alias("passing_row_count"))
    for profile in (nothing, PROFILE.clear()):
        assert judge("intake", profile, RULES).findings == ()


def test_judging_reaches_no_network(monkeypatch, capfd):
    def refuse(*_):
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert judge("intake", PROFILE, RULES).is_blocking
    assert capfd.readouterr().err == ""


def test_pages_say_what_was_found_and_fetch_nothing(judgement, tmp_path):
    for day in ("2026-09-29", "2026-09-30"):
        write_pages(tmp_path, day, Stage("intake", dt.datetime(2026, 10, 1, 2), PROFILE, RULES), judgement)
    page = (tmp_path / "2026-09-30" / "intake.html").read_text()
    assert "b &lt;one&gt;: none passes" in page
    assert "b <one>" not in page
    assert "Few are bad." in page
    index = (tmp_path / "index.html").read_text()
    assert index.index("2026-09-30") < index.index("2026-09-29")
    assert 'href="2026-09-30/intake.html"' in index
    pages = list(tmp_path.rglob("*.html"))
    assert len(pages) == 3
    for path in pages:
        text = path.read_text()
        assert not re.search(r"""(?:src|href|url)\s*[=(]\s*["']?(?:https?:)?//""", text), path
        assert "<script" not in text
    found = json.loads((tmp_path / "2026-09-30" / "intake.json").read_text())
    assert found["blocking"] == ["b <one>: none passes"]
