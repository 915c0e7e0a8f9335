"""What every notebook begins with: the published gold, opened read-only, and how a table and a picture look.

Questions and pictures do not belong here: they are in the notebooks, as SQL and Altair.
"""

import contextlib
import json
import sys
from pathlib import Path

import altair as alt
import duckdb
import pandas as pd
from pandas.io.formats.style import Styler

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # a notebook starts in its own folder

from dagster_project.databases import connect
from dagster_project.publish.generation import DATABASE_NAME
from dagster_project.settings import PROJECT_DIR, Settings, SettingsError, load_settings


class NothingToReadError(Exception):
    """Gold cannot be read; the message is one line that says what to do."""

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows instead of a stack trace."""
        return [str(self)]


def read_settings() -> Settings:
    """The settings of the project, wherever the notebook was started.

    Raises:
        NothingToReadError: A setting has a value that is not allowed.
    """
    try:
        with contextlib.chdir(PROJECT_DIR):  # `data` and `.env` are the project's
            return load_settings()
    except SettingsError as error:
        raise NothingToReadError(str(error)) from None


def open_published() -> tuple[duckdb.DuckDBPyConnection, str]:
    """The published gold, read-only, and the currency of its amounts.

    Raises:
        NothingToReadError: Nothing is published in the data folder, or a setting is wrong.
    """
    settings = read_settings()
    path = settings.published_dir / DATABASE_NAME
    if not path.exists():
        raise NothingToReadError(
            f"No gold is published in {settings.data_dir}: run `make run` first, or set CUSTINT_DATA_DIR to the"
            " data folder of a finished run."
        )
    company = json.loads((settings.data_dir / "company.json").read_text())
    return connect(path, read_only=True), company["reporting_currency"]


pd.set_option("styler.format.precision", 2)
pd.set_option("styler.format.thousands", ",")
pd.set_option("styler.format.na_rep", "")


def _styled(frame: pd.DataFrame) -> Styler:
    """A table in which what is no number begins at the left, its heading too; numbers end at the right."""
    left, texts = "text-align: left", frame.select_dtypes(exclude="number").columns
    styled = Styler(frame).set_table_styles([{"selector": ".row_heading", "props": left}])
    of_columns = dict.fromkeys(texts, [{"selector": "", "props": left}])
    return styled.set_table_styles(of_columns, axis=0, overwrite=False)


pd.DataFrame.style = property(_styled)


@alt.theme.register("plain", enable=True)
def plain() -> alt.theme.ThemeConfig:
    """Wide pictures on white, with quiet lines."""
    return alt.theme.ThemeConfig(
        config={
            "view": {"continuousWidth": 640, "continuousHeight": 260, "discreteWidth": 640, "stroke": None},
            "axis": {"gridColor": "#e6e6e6", "labelLimit": 320, "titleFontWeight": "normal"},
            "legend": {"titleFontWeight": "normal", "labelLimit": 240},
        }
    )


alt.renderers.enable("svg")  # drawn here: a page holds the picture itself and asks no other address
