"""Where a health score stands among those of the other customers of the day.

Here: who is compared with whom. Not here: the score. There is no mean of an industry: no source of one is read.
"""

import polars as pl

from dagster_project.health.measures import IS_SUBSCRIBER

MINIMUM_SEGMENT_CUSTOMERS = 5
"""A mean of fewer is a statement about single customers: there is none."""

TOP_SHARE = 0.1

BENCHMARK_COLUMNS = (
    "benchmark_segment",
    "segment_mean_score",
    "top_decile_mean_score",
    "health_percentile_share",
)


def with_benchmark(scored: pl.DataFrame, features: pl.DataFrame, rfm: pl.DataFrame) -> pl.DataFrame:
    """Add the comparison of each score with the scores of its day; who has no score counts nowhere.

    Args:
        scored: `customer_id`, `as_of_date`, `health_score` in the order of `features`.
        features: `plan` and `is_subscriber` of the same rows.
        rfm: `customer_id`, `as_of_date`, `rfm_segment`: the segment of those who have no plan.

    Returns:
        The rows with `benchmark_segment`, mean score of its customers (null below 5 of them), mean score of the best
        tenth of all (at least one customer), and the share of the other scored customers with a lower score, ties half.
    """
    score, day = pl.col("health_score"), "as_of_date"
    segments = rfm.select("customer_id", "as_of_date", "rfm_segment")
    rank, count = score.rank("average").over(day), score.count().over(day)
    is_top = score.rank("ordinal", descending=True).over(day) <= (count * TOP_SHARE).ceil()
    of_segment = [day, "benchmark_segment"]
    is_told = (score.count().over(of_segment) >= MINIMUM_SEGMENT_CUSTOMERS) & score.is_not_null()
    return (
        scored.with_columns(
            features.select(pl.when(IS_SUBSCRIBER).then(pl.col("plan").cast(pl.String))).to_series()
        )
        .join(segments, on=["customer_id", "as_of_date"], how="left", validate="1:1", maintain_order="left")
        .with_columns(
            pl.when(score.is_not_null())
            .then(pl.coalesce("plan", pl.col("rfm_segment").cast(pl.String)))
            .alias("benchmark_segment")
        )
        .with_columns(
            pl.when(is_told & pl.col("benchmark_segment").is_not_null())
            .then(score.mean().over(of_segment).clip(0, 100))
            .alias("segment_mean_score"),
            pl.when(score.is_not_null())
            .then(score.filter(is_top).mean().over(day).clip(0, 100))
            .alias("top_decile_mean_score"),
            pl.when(count > 1).then((rank - 1) / (count - 1)).alias("health_percentile_share"),
        )
    )
