"""From measures to the health score: curves, components, weights, status and level.

Here: the arithmetic. Not here: the weights and curves (`curves.py`), the measures (`measures.py`) and the levels
(the contract of `customer_health`).
"""

from collections.abc import Mapping

import polars as pl

from dagster_project.health.curves import (
    COMPONENT_WEIGHTS,
    MINIMUM_COVERAGE_PERCENT,
    PARTS,
    Curve,
)
from dagster_project.health.measures import measure_customers

RESULT_COLUMNS = (
    "customer_id",
    "as_of_date",
    "status",
    "health_score",
    "health_level",
    "coverage_share",
    *(f"{component}_score" for component in COMPONENT_WEIGHTS),
    *(f"{component}_weight_share" for component in COMPONENT_WEIGHTS),
)


def score_health(features: pl.DataFrame, levels: Mapping[str, float]) -> pl.DataFrame:
    """Score the health of every customer from 0 to 100.

    A component is the weighted mean of its known parts, the score the weighted mean of the known
    components: what is missing is left out and the other weights grow in proportion, it never counts as 0.

    Args:
        features: Rows of `customer_features`, one per customer and day. Two measures rank a customer among
            the customers of the same day in this frame, so give whole days.
        levels: The lowest score of each level.

    Returns:
        One row per input row in the columns of `customer_health`, sorted by `customer_id, as_of_date`.
        `status` is `scored` (all six components known), `partial`, or `insufficient_data` when known
        components carry less than 40 % of the full weight: then `health_score` and `health_level` are
        null, while the known components keep their scores. The six `_weight_share` columns sum to 1, or
        are all 0 when nothing is known; `coverage_share` is the share of the full weight that is known.
    """
    components = list(COMPONENT_WEIGHTS)
    scored = measure_customers(features).with_columns(
        _component_score(component).alias(f"{component}_score") for component in components
    )
    known_weight = pl.sum_horizontal(_known_weight(component) for component in components)
    weighted_points = pl.sum_horizontal(
        (pl.col(f"{component}_score") * weight).fill_null(0.0)
        for component, weight in COMPONENT_WEIGHTS.items()
    )
    is_enough = known_weight >= MINIMUM_COVERAGE_PERCENT
    return (
        scored.with_columns(
            pl.when(~is_enough)
            .then(pl.lit("insufficient_data"))
            .when(known_weight == sum(COMPONENT_WEIGHTS.values()))
            .then(pl.lit("scored"))
            .otherwise(pl.lit("partial"))
            .alias("status"),
            pl.when(is_enough).then((weighted_points / known_weight).clip(0, 100)).alias("health_score"),
            (known_weight / sum(COMPONENT_WEIGHTS.values())).round(2).alias("coverage_share"),
            *(
                pl.when(known_weight > 0)
                .then(_known_weight(component) / known_weight)
                .otherwise(0.0)
                .alias(f"{component}_weight_share")
                for component in components
            ),
        )
        .with_columns(_level(pl.col("health_score"), levels).alias("health_level"))
        .select(RESULT_COLUMNS)
        .sort("customer_id", "as_of_date")
    )


def points_on_curve(value: pl.Expr, curve: Curve) -> pl.Expr:
    """Points of a value on a piecewise-linear curve; null stays null.

    The sum of what the value earns on each segment, so that no branching is needed and rounding cannot
    break the order of two values.

    Args:
        value: Float expression.
        curve: (value, points) pairs with rising values; the ends hold outside the table.

    Returns:
        Float64 points between the lowest and the highest of the curve.
    """
    points = value * 0.0 + curve[0][1]
    for (left, left_points), (right, right_points) in zip(curve, curve[1:], strict=False):
        slope = (right_points - left_points) / (right - left)
        points = points + (value.clip(left, right) - left) * slope
    return points.clip(min(points for _, points in curve), max(points for _, points in curve))


def _component_score(component: str) -> pl.Expr:
    """Weighted mean of the points of the known parts; null when none is known."""
    parts = [part for part in PARTS if part.component == component]
    known_weight = pl.sum_horizontal(
        pl.when(pl.col(part.measure).is_not_null()).then(part.weight).otherwise(0) for part in parts
    )
    weighted_points = pl.sum_horizontal(
        (points_on_curve(pl.col(part.measure), part.curve) * part.weight).fill_null(0.0) for part in parts
    )
    return pl.when(known_weight > 0).then((weighted_points / known_weight).clip(0, 100))


def _known_weight(component: str) -> pl.Expr:
    """Percent the component brings to the full weight: its own when known, else 0."""
    is_known = pl.col(f"{component}_score").is_not_null()
    return pl.when(is_known).then(COMPONENT_WEIGHTS[component]).otherwise(0)


def _level(score: pl.Expr, levels: Mapping[str, float]) -> pl.Expr:
    """The highest level whose lowest score is reached; null stays null."""
    level = pl.lit(None, dtype=pl.String)
    for name, lowest_score in sorted(levels.items(), key=lambda level: level[1]):
        level = pl.when(score >= lowest_score).then(pl.lit(name)).otherwise(level)
    return level
