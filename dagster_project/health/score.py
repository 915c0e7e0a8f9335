"""From measures to the health score: curves, components, weights, points, status and level.

Here: the arithmetic of one day. Not here: the weights and curves (`curves.py`), the measures (`measures.py`), what
moved since an earlier day (`change.py`), the comparison with others (`benchmark.py`) and the levels (the contract of
`customer_health`).
"""

import hashlib
from collections.abc import Mapping

import polars as pl

from dagster_project.health.benchmark import BENCHMARK_COLUMNS, with_benchmark
from dagster_project.health.change import CHANGE_COLUMNS, with_changes
from dagster_project.health.curves import (
    ALERT_BELOW_SCORE,
    COMPONENT_WEIGHTS,
    MINIMUM_COVERAGE_PERCENT,
    PARTS,
    points_on_curve,
)
from dagster_project.health.measures import HAS_LEFT, measure_customers, measures

RESULT_COLUMNS = (
    "customer_id",
    "as_of_date",
    "status",
    "health_score",
    "health_level",
    "coverage_share",
    *(f"{component}_score" for component in COMPONENT_WEIGHTS),
    *(f"{component}_weight_share" for component in COMPONENT_WEIGHTS),
    *(f"{component}_points" for component in COMPONENT_WEIGHTS),
    "is_alert",
    *CHANGE_COLUMNS,
    *BENCHMARK_COLUMNS,
    "health_profile_version",
)


def score_health(
    features: pl.DataFrame,
    rfm: pl.DataFrame,
    levels: Mapping[str, float],
    earlier: Mapping[int, pl.DataFrame] | None = None,
) -> pl.DataFrame:
    """Score the health of every customer from 0 to 100, and say what moved it and where it stands among the others.

    A component is the weighted mean of its known parts, the score the weighted mean of the known
    components: what is missing is left out and the other weights grow in proportion, it never counts as 0.

    Args:
        features: Rows of `customer_features`, one per customer and day. Two measures rank a customer among
            the customers of the same day in this frame, so give whole days.
        rfm: Rows of `customer_rfm` of the same days, for the segments of customers without a plan.
        levels: The lowest score of each level.
        earlier: `customer_features` of the one day so many days before, by days, where that day is stored. It is
            scored here again, by the curves of today: a new opinion is no change of a customer.

    Returns:
        One row per input row in the columns of `customer_health`, sorted by `customer_id, as_of_date`.
        `status` is `scored` (all six components known), `partial`, `insufficient_data` when known
        components carry less than 40 % of the full weight: then `health_score` and `health_level` are
        null, while the known components keep their scores; or `former`: all subscriptions have ended, and no
        component is asked for. The six `_weight_share` columns sum to 1, or
        are all 0 when nothing is known; `coverage_share` is the share of the full weight that is known. The six
        `_points` sum to `health_score`.
    """
    now = score_day(features)
    before = {days: score_day(frame) for days, frame in (earlier or {}).items()}
    return (
        with_benchmark(with_changes(now, before), features, rfm)
        .with_columns(
            _level(pl.col("health_score"), levels).alias("health_level"),
            (pl.col("health_score") < ALERT_BELOW_SCORE).alias("is_alert"),
            pl.lit(profile_version()).alias("health_profile_version"),
        )
        .select(RESULT_COLUMNS)
        .sort("customer_id", "as_of_date")
    )


def profile_version() -> str:
    """Eight hex digits that change with any weight, part, curve, measure or the alert."""
    measured = {name: str(measure) for name, measure in measures().items()}
    opinion = repr((COMPONENT_WEIGHTS, MINIMUM_COVERAGE_PERCENT, ALERT_BELOW_SCORE, PARTS, measured))
    return hashlib.sha256(opinion.encode()).hexdigest()[:8]


def score_day(features: pl.DataFrame) -> pl.DataFrame:
    """Status, score, components and points of each customer, beside every measure and its points.

    Args:
        features: Rows of `customer_features`, whole days.

    Returns:
        One row per input row, in their order: the columns of `customer_health` that need nothing else, each measure of
        `curves.PARTS` and, as `<measure>_points`, what it brings to the score; points are null without a score.
    """
    components = list(COMPONENT_WEIGHTS)
    measured = measure_customers(features).with_columns(
        features.select(HAS_LEFT.alias("is_former")).to_series()
    )
    known = measured.with_columns(
        pl.when(~pl.col("is_former")).then(pl.col(part.measure)).alias(part.measure) for part in PARTS
    )
    scored = known.with_columns(
        _component_score(component).alias(f"{component}_score") for component in components
    )
    known_weight = pl.sum_horizontal(_known_weight(component) for component in components)
    is_enough = known_weight >= MINIMUM_COVERAGE_PERCENT
    with_weights = scored.with_columns(
        pl.when(pl.col("is_former"))
        .then(pl.lit("former"))
        .when(~is_enough)
        .then(pl.lit("insufficient_data"))
        .when(known_weight == sum(COMPONENT_WEIGHTS.values()))
        .then(pl.lit("scored"))
        .otherwise(pl.lit("partial"))
        .alias("status"),
        (known_weight / sum(COMPONENT_WEIGHTS.values())).round(2).alias("coverage_share"),
        *(
            pl.when(known_weight > 0)
            .then(_known_weight(component) / known_weight)
            .otherwise(0.0)
            .alias(f"{component}_weight_share")
            for component in components
        ),
    )
    has_score = pl.col("status").is_in(["scored", "partial"])
    with_points = with_weights.with_columns(
        *(
            pl.when(has_score)
            .then((pl.col(f"{component}_weight_share") * pl.col(f"{component}_score")).fill_null(0.0))
            .alias(f"{component}_points")
            for component in components
        ),
        *(
            pl.when(has_score)
            .then(
                (
                    points_on_curve(pl.col(part.measure), part.curve)
                    * part.weight
                    / _known_part_weight(part.component)
                    * pl.col(f"{part.component}_weight_share")
                ).fill_null(0.0)
            )
            .alias(f"{part.measure}_points")
            for part in PARTS
        ),
    )
    total = pl.sum_horizontal(f"{component}_points" for component in components)
    return with_points.with_columns(pl.when(has_score).then(total.clip(0, 100)).alias("health_score"))


def _component_score(component: str) -> pl.Expr:
    """Weighted mean of the points of the known parts; null when none is known."""
    parts = [part for part in PARTS if part.component == component]
    known_weight = _known_part_weight(component)
    weighted_points = pl.sum_horizontal(
        (points_on_curve(pl.col(part.measure), part.curve) * part.weight).fill_null(0.0) for part in parts
    )
    return pl.when(known_weight > 0).then((weighted_points / known_weight).clip(0, 100))


def _known_part_weight(component: str) -> pl.Expr:
    """Weight of the known parts of a component."""
    return pl.sum_horizontal(
        pl.when(pl.col(part.measure).is_not_null()).then(part.weight).otherwise(0)
        for part in PARTS
        if part.component == component
    )


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
