"""Notebooks that find nothing, and one that fails."""

import json
from pathlib import Path

import duckdb
import nbformat
import pytest

from dagster_project.contracts import gold_tables

PROJECT = Path(__file__).resolve().parents[2]


def test_a_failed_cell_is_named_and_shown(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(PROJECT / "notebooks")
    import pages

    cells = [
        nbformat.v4.new_code_cell("rows = []", id="rows"),
        nbformat.v4.new_code_cell("rows[0]", id="first-row"),
    ]
    path = tmp_path / "broken.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    with pytest.raises(pages.FailedCellError) as raised:
        pages.page_of(path)
    told = str(raised.value)
    assert told.startswith("broken.ipynb, cell first-row:")
    assert "\nrows[0]\n" in told
    assert "IndexError: list index out of range" in told
    assert "\x1b" not in told


def test_where_gold_is_empty_every_notebook_says_so_and_none_fails(tmp_path, monkeypatch, capsys):
    """A shop without subscriptions, tickets or a CRM sees parts of this."""
    (tmp_path / "published").mkdir()
    (tmp_path / "company.json").write_text(json.dumps({"sources": ["files"], "reporting_currency": "EUR"}))
    with duckdb.connect(str(tmp_path / "published" / "customer_intelligence.duckdb")) as connection:
        connection.execute("create schema gold")
        for name, table in gold_tables().items():
            columns = ", ".join(f'"{column.name}" {column.data_type}' for column in table.columns)
            connection.execute(f"create table gold.{name} ({columns})")
    monkeypatch.setenv("CUSTINT_DATA_DIR", str(tmp_path))
    monkeypatch.syspath_prepend(PROJECT / "notebooks")
    import pages

    assert pages.main() == 0, capsys.readouterr().err
    revenue = (tmp_path / "notebooks" / "revenue.html").read_text()
    assert "No subscription is known here, so no revenue recurs." in revenue
    assert "<img" not in revenue
    assert "All amounts are in EUR." in revenue
