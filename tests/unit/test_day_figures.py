"""Figures of a day are plain numbers, and pictures need nobody to be asked."""

import base64
import re
import xml.etree.ElementTree as ET

import duckdb
import polars as pl
import pytest

from dagster_project.contracts import gold_tables
from dagster_project.day_figures import (
    _FIGURES,
    _HISTOGRAMS,
    QUERIES,
    as_markdown,
    calibration_curve,
    day_figures,
    day_picture,
    queried_figures,
)

CHURN = pl.DataFrame(
    {
        "status": ["scored", "scored", "scored", "not_a_subscriber"],
        "churn_probability": [0.9, 0.1, 0.2, None],
        "risk_level": ["HIGH", "LOW", "LOW", None],
    }
)


def svg_of(markdown: str) -> ET.Element:
    found = re.fullmatch(r"!\[[^]]+\]\(data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)\)", markdown)
    assert found
    return ET.fromstring(base64.b64decode(found[1]))


def bars_of(svg: ET.Element) -> list[float]:
    return [float(bar.get("height") or 0) for bar in svg.iter("{http://www.w3.org/2000/svg}rect")][1:]


def test_figures_are_those_of_the_scored_customers():
    assert day_figures("customer_churn", CHURN) == pytest.approx(
        {"mean_churn_probability": 0.4, "high_risk_share": 1 / 3, "scored_share": 0.75}
    )


def test_what_cannot_be_told_is_left_out():
    nothing = CHURN.with_columns(churn_probability=pl.lit(None, dtype=pl.Float64))
    assert "mean_churn_probability" not in day_figures("customer_churn", nothing)
    assert day_picture("customer_churn", nothing) == ""
    assert day_figures("customer_churn", CHURN.clear()) == day_figures("dim_customer", CHURN) == {}


def test_metrics_of_the_model_are_those_of_the_later_snapshots():
    metrics = pl.DataFrame(
        {"dataset": ["training", "evaluation"], "metric": ["auc", "auc"], "value": [0.99, 0.8]}
    )
    assert day_figures("churn_model_metrics", metrics) == {"auc": 0.8}


def test_a_histogram_has_a_bar_for_every_customer():
    bars = bars_of(svg_of(day_picture("customer_churn", CHURN)))
    assert len(bars) == 20
    assert [height > 0 for height in bars].count(True) == 3


def test_a_perfect_model_lies_on_the_line():
    svg = svg_of(as_markdown(calibration_curve([0.1, 0.5, 1.0], [0.1, 0.5, 1.0], "Churn"), "Churn"))
    line = svg.find("{http://www.w3.org/2000/svg}line")
    points = [
        (float(dot.get("cx") or 0), float(dot.get("cy") or 0))
        for dot in svg.iter("{http://www.w3.org/2000/svg}circle")
    ]
    assert line is not None
    x1, y1, x2, y2 = (float(line.get(name) or 0) for name in ("x1", "y1", "x2", "y2"))
    assert [(x - x1) / (x2 - x1) for x, _ in points] == pytest.approx(
        [(y1 - y) / (y1 - y2) for _, y in points]
    )


@pytest.mark.parametrize("table", sorted(_FIGURES.keys() | _HISTOGRAMS.keys()))
def test_figures_are_of_columns_that_the_contract_has(table: str):
    columns = {column.name for column in gold_tables()[table].columns}
    asked = {name for figure in _FIGURES.get(table, {}).values() for name in figure.meta.root_names()}
    asked |= {_HISTOGRAMS[table][0]} if table in _HISTOGRAMS else set()
    assert asked <= columns


@pytest.mark.parametrize("table", sorted(QUERIES))
def test_queried_figures_are_of_columns_that_the_contract_has(table: str):
    columns = ", ".join(f"{column.name} {column.data_type}" for column in gold_tables()[table].columns)
    with duckdb.connect() as connection:
        connection.execute("create schema gold")
        connection.execute(f"create table gold.{table} ({columns})")

        def ask(query: str) -> dict[str, object]:
            return next(iter(connection.execute(query).pl().to_dicts()), {})

        assert all(value == 0 for value in queried_figures(table, "2026-09-30", ask).values())


def test_figures_of_a_day_are_not_asked_without_one():
    asked: list[str] = []

    def ask(query: str) -> dict[str, object]:
        asked.append(query)
        return {"mrr_amount": 1.5, "nothing": None}

    assert (
        queried_figures("customer_360", "", ask) == queried_figures("dim_customer", "2026-09-30", ask) == {}
    )
    assert queried_figures("customer_360", "2026-09-30", ask) == {"mrr_amount": 1.5}
    assert len(asked) == 1
    assert "as_of_date = date '2026-09-30'" in asked[0]
    assert QUERIES.keys() <= gold_tables().keys()
