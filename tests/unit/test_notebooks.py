"""Notebooks as they are committed, and how they open what is published."""

import json
import re
from pathlib import Path

import duckdb
import nbformat
import pytest

NOTEBOOKS_DIR = Path(__file__).resolve().parents[2] / "notebooks"
NOTEBOOKS = sorted(NOTEBOOKS_DIR.glob("*.ipynb"))
MACHINE_PATH = re.compile(r"(?<![\w.*])/(home|root|tmp|var|mnt|opt|Users|work)/|[A-Z]:\\")


@pytest.fixture
def published(monkeypatch):
    monkeypatch.syspath_prepend(NOTEBOOKS_DIR)
    import published

    return published


@pytest.fixture
def data_dir(tmp_path, monkeypatch):
    monkeypatch.setenv("CUSTINT_DATA_DIR", str(tmp_path))
    return tmp_path


def test_there_are_notebooks():
    assert len(NOTEBOOKS) >= 5


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_committed_without_what_a_run_leaves_in_it(path):
    text = path.read_text(encoding="utf-8")
    notebook = nbformat.reads(text, as_version=4)
    nbformat.validate(notebook)
    assert text == nbformat.writes(notebook) + "\n", "as nbformat writes it, so that a change shows as itself"
    assert set(notebook.metadata) == {"kernelspec", "language_info", "title"}
    assert notebook.metadata.kernelspec.name == "python3"
    assert notebook.metadata.language_info == {"name": "python"}
    for cell in notebook.cells:
        assert cell.metadata == {}
        if cell.cell_type == "code":
            assert (cell.outputs, cell.execution_count) == ([], None), cell.id
    names = [cell.id for cell in notebook.cells]
    assert len(set(names)) == len(names)
    assert [name for name in names if not re.fullmatch(r"[a-z]+(-[a-z0-9]+)*", name)] == []
    assert MACHINE_PATH.findall(text) == []
    assert "://" not in text


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_each_answer_has_a_heading_and_one_sentence_of_meaning(path):
    cells = nbformat.read(path, as_version=4).cells
    assert [cell.cell_type for cell in cells] == ["markdown", "code"] * (len(cells) // 2)
    for text, code in zip(cells[2::2], cells[3::2], strict=True):
        assert text.id == f"{code.id}-text"
        heading, sentence = text.source.split("\n\n")
        assert heading.startswith("## "), text.id
        assert sentence.endswith("."), text.id
        assert not re.search(r"[.!?]\s", sentence), text.id


def test_where_nothing_is_published_one_line_says_what_to_do(published, data_dir):
    with pytest.raises(published.NothingToReadError) as raised:
        published.open_published()
    assert raised.value._render_traceback_() == [
        f"No gold is published in {data_dir}: run `make run` first, or set CUSTINT_DATA_DIR to the data folder of a"
        " finished run."
    ]


def test_a_wrong_setting_is_one_line_in_a_notebook_too(published, monkeypatch):
    monkeypatch.setenv("CUSTINT_THREADS", "zero")
    with pytest.raises(
        published.NothingToReadError, match=r"^CUSTINT_THREADS is 'zero'; allowed is [^\n]*\.$"
    ):
        published.open_published()


def test_a_notebook_can_ask_and_cannot_write(published, data_dir):
    (data_dir / "published").mkdir()
    (data_dir / "company.json").write_text(json.dumps({"sources": ["files"], "reporting_currency": "EUR"}))
    with duckdb.connect(str(data_dir / "published" / "customer_intelligence.duckdb")) as connection:
        connection.execute("create schema gold; create table gold.numbers as select 1 as number")
    gold, currency = published.open_published()
    assert currency == "EUR"
    gold.execute("create temp view today as from gold.numbers")
    assert gold.sql("from today").fetchall() == [(1,)]
    with pytest.raises(duckdb.InvalidInputException, match="read-only"):
        gold.execute("delete from gold.numbers")


def test_the_tour_asks_the_questions_of_the_first_hour_in_the_same_words():
    page = (NOTEBOOKS_DIR.parent / "docs" / "first_hour.md").read_text(encoding="utf-8")
    questions = re.findall(r"^## ([^\n]+)\n(?:(?!^## ).)*?^```sql\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    assert len(questions) == 10
    cells = nbformat.read(NOTEBOOKS_DIR / "tour_of_gold.ipynb", as_version=4).cells
    asked = [
        (
            text.source.split("\n\n")[0].removeprefix("## "),
            *re.findall(r'gold\.sql\("""\n(.*?)"""\)', code.source, re.DOTALL),
        )
        for text, code in zip(cells[::2], cells[1::2], strict=True)
    ]
    assert asked[-10:] == questions


def test_texts_and_days_begin_at_the_left_and_numbers_end_at_the_right(published):
    import pandas as pd

    frame = pd.DataFrame(
        {
            "share": [0.5],
            "reason": ["it is empty"],
            "count": [7],
            "day": [pd.Timestamp("2026-09-30")],
            "is_paid": [True],
        }
    )
    page = frame.style.hide().format(precision=1).to_html()
    rules = "".join(re.findall(r"[^}]*\{\s*text-align: left", page))
    assert sorted(re.findall(r"[.]col(\d)", rules)) == ["1", "3", "4"]
    assert 'class="col_heading level0 col1"' in page, "the heading goes with its column"
    assert ".row_heading" in rules
