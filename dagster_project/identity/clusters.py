"""Which of the records that resemble each other are one party.

Here: from scored pairs to clusters. Not here: the scores (`matching.py`).

The rule against weak bridges: two clusters become one only while the **mean** weight of all pairs between
them reaches the threshold (average linkage, strongest first). One good pair between two groups of records
that otherwise disagree does not join them. A pair that was never scored counts as `UNSCORED_WEIGHT`, a
vetoed one as `VETO_WEIGHT`; weights are cut at `MAX_WEIGHT`, so that no single pair outvotes many. Two who are
*apart* (namesakes of one household by their birth dates) are never in one cluster, however many records without a birth
date stand between them: `APART_WEIGHT` outvotes all others.
"""

import numpy as np
import polars as pl
from scipy.cluster.hierarchy import fcluster, linkage

from dagster_project.identity.groups import connected_labels

MAX_WEIGHT = 20.0
VETO_WEIGHT = -30.0
APART_WEIGHT = -1e9
UNSCORED_WEIGHT = -10.0
CEILING = 2 * MAX_WEIGHT  # distances are what lacks to this
MAX_COMPONENT = 1_000
THRESHOLD_STEP = 2.0
# How the line is learned, in bits of weight and numbers of pairs.
BAND = 2.0
LINE_STEP = 0.5
RAISED_WEIGHT = 4.0
MIN_BAND_PAIRS = 20
MAX_CONTRADICTING = 0.25


def cluster_pairs(pairs: pl.DataFrame, match_weight: float) -> pl.DataFrame:
    """Cluster records by their scored pairs.

    Args:
        pairs: `left`, `right` (Int64), `match_weight` (Float64), `is_vetoed`, `memory` (bits to add for what
            was decided before), `is_apart`; each pair once.
        match_weight: Mean weight from which two clusters are one.

    Returns:
        One row per record in a cluster of at least two, sorted: `unique_id`, `cluster` (its smallest
        record).
    """
    likeness = pl.col("match_weight").clip(UNSCORED_WEIGHT, MAX_WEIGHT) + pl.col("memory")
    weight = pl.when("is_apart").then(APART_WEIGHT).when("is_vetoed").then(VETO_WEIGHT).otherwise(likeness)
    weighted = pairs.select("left", "right", weight=weight).sort("left", "right")
    components = _components(weighted, match_weight)
    labelled = (
        weighted.join(components.rename({"unique_id": "left"}), on="left", validate="m:1")
        .join(components.rename({"unique_id": "right"}), on=["right", "component"], validate="m:1")
        .sort("component", "left", "right")
    )
    clusters = [
        _split_component(members, inner, match_weight)
        for members, inner in zip(
            components.sort("component", "unique_id").partition_by("component", maintain_order=True),
            labelled.partition_by("component", maintain_order=True),
            strict=True,
        )
    ]
    if not clusters:
        return pl.DataFrame(schema={"unique_id": pl.Int64, "cluster": pl.Int64})
    return (
        pl.concat(clusters)
        .with_columns(pl.col("unique_id").min().over("component", "part").alias("cluster"))
        .filter(pl.len().over("cluster") > 1)
        .select("unique_id", "cluster")
        .sort("unique_id")
    )


def learned_line(pairs: pl.DataFrame, match_weight: float, review_weight: float) -> float:
    """The weight from which profiles of many records are one party, by what the data says about its pairs.

    Pairs that contradict each other beyond doubt (vetoed ones) are different parties, or one with errors all over.
    Where they are as rare as among the pairs that match for certain, what is left at such a weight is true; where they
    are many, weights are too high for all: members of families score well.

    Args:
        pairs: `match_weight`, `is_vetoed`.
        match_weight: Where the line runs when the data does not say.
        review_weight: The lowest one.

    Returns:
        Between `review_weight` and `RAISED_WEIGHT` above `match_weight`.
    """
    weights = pairs.select("match_weight", "is_vetoed")

    def is_true_from(weight: float) -> bool | None:
        band = weights.filter(pl.col("match_weight").is_between(weight, weight + BAND, closed="left"))
        contradicting = int(band.get_column("is_vetoed").sum())
        open_pairs = band.height - contradicting
        if band.height < MIN_BAND_PAIRS:
            return None
        return bool(contradicting <= MAX_CONTRADICTING * open_pairs)

    line = match_weight
    while line < match_weight + RAISED_WEIGHT and is_true_from(line) is False:
        line += LINE_STEP
    while line <= match_weight and line - LINE_STEP >= review_weight and is_true_from(line - LINE_STEP):
        line -= LINE_STEP
    return line


def _components(pairs: pl.DataFrame, match_weight: float) -> pl.DataFrame:
    """Connected components of the likely pairs; one that is too large is divided at a higher threshold."""
    likely = pairs.filter(pl.col("weight") >= match_weight)
    members = pl.concat([likely.get_column("left"), likely.get_column("right")]).unique().sort()
    position = members.search_sorted
    labels = connected_labels(
        position(likely.get_column("left")).cast(pl.Int64),
        position(likely.get_column("right")).cast(pl.Int64),
        len(members),
    )
    components = pl.DataFrame({"unique_id": members}).with_columns(component=labels)
    components = components.with_columns(pl.col("unique_id").min().over("component").alias("component"))
    is_large = pl.len().over("component") > MAX_COMPONENT
    large = components.filter(is_large).get_column("unique_id")
    if large.is_empty() or match_weight >= MAX_WEIGHT:
        return components.filter(~is_large)
    inner = likely.filter(pl.col("left").is_in(large.implode()))
    return pl.concat([components.filter(~is_large), _components(inner, match_weight + THRESHOLD_STEP)])


def _split_component(members: pl.DataFrame, pairs: pl.DataFrame, match_weight: float) -> pl.DataFrame:
    """The members of a component with the `part` each belongs to, by average linkage."""
    size = members.height
    if size == 2:
        return members.with_columns(part=pl.lit(1, dtype=pl.Int32))
    ids = members.get_column("unique_id").to_numpy()
    left = np.searchsorted(ids, pairs.get_column("left").to_numpy())
    right = np.searchsorted(ids, pairs.get_column("right").to_numpy())
    # scipy takes the upper triangle, row after row.
    distances = np.full(size * (size - 1) // 2, CEILING - UNSCORED_WEIGHT)
    distances[size * left - left * (left + 1) // 2 + right - left - 1] = (
        CEILING - pairs.get_column("weight").to_numpy()
    )
    parts = fcluster(linkage(distances, method="average"), CEILING - match_weight, criterion="distance")
    return members.with_columns(part=pl.Series(parts, dtype=pl.Int32))
