"""Runs the notebooks on the published gold and writes each as one page: `python notebooks/pages.py`.

A page is one HTML file under `notebooks/` in the data folder that needs nothing from anywhere else. The notebooks stay
as they are.
"""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
from jinja2 import DictLoader
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbconvert import HTMLExporter
from nbconvert.filters import strip_ansi
from published import NothingToReadError, open_published, read_settings
from traitlets.config import Config

NOTEBOOKS_DIR = Path(__file__).resolve().parent
# nbconvert's own page without what it fetches: libraries for formulas, diagrams and widgets, which no notebook has.
OFFLINE_PAGE = """{% extends 'lab/index.html.j2' %}
{% block html_head_js %}{% endblock %}
{% block html_head_js_mathjax %}{% endblock %}
{% block html_head_js_mermaidjs %}{% endblock %}
{% block jupyter_widgets %}{% endblock %}
{% block extra_css %}<style>
main { max-width: 80rem; margin: 0 auto; }
td:first-child, th:first-child { white-space: nowrap !important; }
</style>{% endblock %}"""


class FailedCellError(Exception):
    """A cell of a notebook failed; the message names and shows it."""


def page_of(notebook_path: Path) -> str:
    """Run a notebook in a kernel of its own, with the settings of this process.

    Returns:
        The page as HTML, pictures included.

    Raises:
        FailedCellError: A cell failed.
    """
    notebook = nbformat.read(notebook_path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=300,
        kernel_name="python3",
        resources={"metadata": {"path": str(NOTEBOOKS_DIR)}},
        config=Config({"KernelManager": {"transport_encryption": "auto"}}),  # or the kernel warns
    )
    try:
        client.execute()
    except CellExecutionError as error:
        failed = next(
            cell.id
            for cell in notebook.cells
            for output in cell.get("outputs", [])
            if output.output_type == "error"
        )
        raise FailedCellError(f"{notebook_path.name}, cell {failed}:\n{strip_ansi(str(error))}") from None
    exporter = HTMLExporter(
        extra_loaders=[DictLoader({"page.html.j2": OFFLINE_PAGE})],
        template_file="page.html.j2",
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        exclude_anchor_links=True,
    )
    html, _ = exporter.from_notebook_node(notebook)
    return html


def main() -> int:
    """Write all pages.

    Returns:
        0 when all are written, 1 when a cell failed, 2 when there is nothing to read.
    """
    try:
        open_published()
        pages_dir = read_settings().notebook_pages_dir
    except NothingToReadError as error:
        print(error, file=sys.stderr)
        return 2
    pages_dir.mkdir(exist_ok=True)
    paths = sorted(NOTEBOOKS_DIR.glob("*.ipynb"))
    try:
        with ThreadPoolExecutor(max_workers=2) as pool:  # a kernel spends most of its time on imports
            for path, page in zip(paths, pool.map(page_of, paths), strict=True):
                target = pages_dir / f"{path.stem}.html"
                target.write_text(page, encoding="utf-8")
                print(target)
    except FailedCellError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
