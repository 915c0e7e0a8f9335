"""A notebook that fails."""

from pathlib import Path

import nbformat
import pytest

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
