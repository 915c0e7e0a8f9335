"""The day's figures of a scored table, for the plots of the Dagster UI, and small pictures beside them.

Here: numbers by name, and pictures as SVG text of a few lines: no library that draws is in the environment of a run,
and the page shows an image that is part of its address. Not here: the tables, and how Dagster shows the figures.
"""

import base64
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import polars as pl

Figures = dict[str, float]

WIDTH, HEIGHT, MARGIN = 420, 220, 28
INK, PAPER, LINE = "#475569", "#ffffff", "#2563eb"


def day_figures(table: str, frame: pl.DataFrame) -> Figures:
    """Numbers of one day of a gold table, empty where the table has none or the day no row.

    Args:
        table: Its name.
        frame: Its rows of the day.

    Returns:
        Value by a name that ends with its unit; what cannot be told is left out.
    """
    if table not in _FIGURES or frame.is_empty():
        return {}
    row = frame.select(**_FIGURES[table]).row(0, named=True)
    return {name: float(value) for name, value in row.items() if value is not None}


def day_picture(table: str, frame: pl.DataFrame) -> str:
    """The picture of one day of a gold table as Markdown, empty where it has none.

    Args:
        table: Its name.
        frame: Its rows of the day.
    """
    if table not in _HISTOGRAMS or frame.is_empty():
        return ""
    column, title = _HISTOGRAMS[table]
    if "horizon_days" in frame.columns:
        frame = frame.filter(_OF_A_YEAR)
    values = frame[column].drop_nulls().to_numpy().astype(float)
    if not len(values):
        return ""
    top = (
        float(np.quantile(values, 0.99)) or 1.0
    )  # a few very large ones would squeeze all others into one bar
    counts, edges = np.histogram(np.minimum(values, top), bins=20)
    return as_markdown(histogram(counts.tolist(), edges.tolist(), title), title)


def histogram(counts: Sequence[int], edges: Sequence[float], title: str) -> str:
    """Bars of counts as SVG.

    Args:
        counts: Height of each bar, shape (n,).
        edges: Where bars begin and end, shape (n + 1,).
        title: What is counted, with its unit.
    """
    highest = max(*counts, 1)
    step = (WIDTH - 2 * MARGIN) / len(counts)
    bars = "".join(
        f'<rect x="{MARGIN + place * step:.1f}" y="{_y(count / highest):.1f}" width="{step - 1:.1f}" '
        f'height="{_y(0) - _y(count / highest):.1f}" fill="{LINE}"/>'
        for place, count in enumerate(counts)
    )
    labels = _label(MARGIN, HEIGHT - 8, _short(edges[0]), "start")
    labels += _label(WIDTH - MARGIN, HEIGHT - 8, f"{_short(edges[-1])} and more", "end")
    labels += _label(MARGIN, MARGIN + 8, f"{highest:,} customers", "start")
    return _svg(title, bars + labels)


def calibration_curve(predicted: Sequence[float], seen: Sequence[float], title: str) -> str:
    """Seen shares over predicted probabilities as SVG, with the line on which a perfect model lies.

    Args:
        predicted: Mean probability of each bin, 0 to 1, ascending, shape (n,).
        seen: Share of the bin to which it happened, 0 to 1, shape (n,).
        title: What was predicted.
    """
    end = max(*predicted, *seen, 0.01)
    points = [(_x(x / end), _y(y / end)) for x, y in zip(predicted, seen, strict=True)]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    drawn = f'<line x1="{_x(0)}" y1="{_y(0)}" x2="{_x(1)}" y2="{_y(1)}" stroke="{INK}" stroke-dasharray="4"/>'
    drawn += f'<polyline points="{line}" fill="none" stroke="{LINE}" stroke-width="2"/>'
    drawn += "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{LINE}"/>' for x, y in points)
    drawn += _label(WIDTH - MARGIN, HEIGHT - 8, f"predicted, up to {end:.2g}", "end")
    drawn += _label(MARGIN, MARGIN + 8, f"seen, up to {end:.2g}", "start")
    return _svg(title, drawn)


def as_markdown(svg: str, title: str) -> str:
    """A picture that is its own address, so that the page that shows it asks nobody."""
    return f"![{title}](data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()})"


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _x(share: float) -> float:
    return MARGIN + share * (WIDTH - 2 * MARGIN)


def _y(share: float) -> float:
    return HEIGHT - MARGIN - share * (HEIGHT - 3 * MARGIN)


def _label(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x}" y="{y}" font-size="11" fill="{INK}" text-anchor="{anchor}">{text}</text>'


def _svg(title: str, drawn: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif">'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="{PAPER}"/>'
        f'<text x="{MARGIN}" y="18" font-size="13" fill="{INK}">{title}</text>{drawn}</svg>'
    )


def _metric(dataset: str, name: str) -> pl.Expr:
    return pl.col("value").filter(pl.col("dataset") == dataset, pl.col("metric") == name).first()


def _share_of(column: str, value: str, among: pl.Expr | None = None) -> pl.Expr:
    found = pl.col(column) == value
    return (found.filter(among) if among is not None else found).mean()


_OF_A_YEAR = pl.col("horizon_days") == 365
_IS_SCORED = pl.col("status") == "scored"

_FIGURES: Mapping[str, Mapping[str, pl.Expr]] = {
    "customer_rfm": {
        "spend_amount": pl.col("spend_amount").sum().cast(pl.Float64),
        "customer_count": pl.len(),
    },
    "customer_clv": {
        "predicted_clv_amount": pl.col("predicted_clv_amount").filter(_OF_A_YEAR).sum().cast(pl.Float64),
        "prior_only_share": _share_of("status", "prior_only", _OF_A_YEAR),
    },
    "clv_model_contest": {
        "winner_normalised_gini": pl.col("normalised_gini").filter("is_winner").first(),
        "winner_total_error_ratio": pl.col("total_error_ratio").filter("is_winner").first(),
    },
    "customer_next_purchase": {
        "probably_gone_share": _share_of(
            "status", "probably_gone", pl.col("purchase_probability").is_not_null()
        ),
    },
    "customer_activity": {"dormant_share": pl.col("is_dormant").mean()},
    "customer_health": {
        "mean_health_score": pl.col("health_score").mean(),
        "mean_coverage_share": pl.col("coverage_share").filter(pl.col("status") != "former").mean(),
    },
    "customer_churn": {
        "mean_churn_probability": pl.col("churn_probability").mean(),
        "high_risk_share": _share_of("risk_level", "HIGH", _IS_SCORED),
        "scored_share": _IS_SCORED.mean(),
    },
    "churn_model_metrics": {
        "auc": _metric("evaluation", "auc"),
        "brier_score": _metric("evaluation", "brier_score"),
        "calibration_error": _metric("evaluation", "calibration_error"),
        "churn_rate_share": _metric("evaluation", "base_rate"),
    },
    "customer_incentives": {
        "offer_share": pl.col("incentive_id").is_not_null().mean(),
        "expected_roi_amount": pl.col("expected_roi_amount").sum().cast(pl.Float64),
    },
    "incentive_effects": {"mean_retention_lift": pl.col("retention_lift").mean()},
}

_HISTOGRAMS: Mapping[str, tuple[str, str]] = {
    "customer_rfm": ("spend_amount", "Spend per customer, amount"),
    "customer_clv": ("predicted_clv_amount", "Expected margin of 365 days per customer, amount"),
    "customer_health": ("health_score", "Health score, 0 to 100"),
    "customer_churn": ("churn_probability", "Churn probability, 0 to 1"),
}

QUERIES: Mapping[str, str] = {
    "customer_360": """
        select
            sum(mrr_amount) as mrr_amount,
            count(*) filter (where is_subscriber) as subscriber_count,
            sum(value_at_risk_amount) as value_at_risk_amount
        from gold.customer_360 where as_of_date = $day""",
    "data_intake": """
        select
            sum(quarantined_row_count) / nullif(sum(landed_row_count), 0) as quarantined_row_share,
            sum(landed_row_count) as landed_row_count
        from gold.data_intake""",
    "revenue_monthly": """
        select ending_mrr_amount, logo_churn_share, monthly_net_revenue_retention_ratio
        from gold.revenue_monthly where is_complete_month order by month_start_date desc limit 1""",
}
"""Of tables that dbt writes: a query of one row; `$day` is the day of the run."""


def queried_figures(table: str, day: str, ask: Callable[[str], Mapping[str, object]]) -> Figures:
    """Numbers of a table that dbt writes, empty where it has none.

    Args:
        table: Its name.
        day: The day of the run, `YYYY-MM-DD`; empty in a run without one.
        ask: The one row of a query, by column; empty without a row.
    """
    if table not in QUERIES or ("$day" in QUERIES[table] and not day):
        return {}
    row = ask(QUERIES[table].replace("$day", f"date '{day}'"))
    return {name: float(str(value)) for name, value in row.items() if value is not None}
