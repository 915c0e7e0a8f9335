"""RFM: how recently, how often and for how much customers buy, as scores and a segment.

Here: the scoring rule, the segment table and the `customer_rfm` rows. Not here: purchases themselves (the
features bring them) and predictions (`clv.py`).
"""

import polars as pl

FEATURES = {
    "customer_id": pl.String(),
    "as_of_date": pl.Date(),
    "days_since_last_purchase": pl.Int64(),
    "purchase_count": pl.Int64(),
    "spend_amount": pl.Decimal(18, 2),
    "purchase_span_days": pl.Int64(),
}
"""The columns of `customer_features` that are read."""

SEGMENT_GRID = {
    5: ("New Customers", "Potential Loyalists", "Potential Loyalists", "Champions", "Champions"),
    4: ("Promising", "Potential Loyalists", "Potential Loyalists", "Loyal Customers", "Loyal Customers"),
    3: ("About to Sleep", "About to Sleep", "Need Attention", "Loyal Customers", "Loyal Customers"),
    2: ("Hibernating", "Hibernating", "At Risk", "At Risk", "Cannot Lose Them"),
    1: ("Lost", "Lost", "At Risk", "At Risk", "Cannot Lose Them"),
}
"""Segment by r_score (row) and by spending level (position, 1 to 5).

The spending level is the mean of f_score and m_score; halves go outwards: 2.5 to 2, 3.5 to 4. Rounding them
all one way would nearly empty one end: where most customers bought once, they tie at f_score 2, and only
halves rounded down then reach level 1.
"""


def score_rfm(features: pl.DataFrame) -> pl.DataFrame:
    """Score recency, frequency and spend of every customer and name the segment.

    A score is the fifth of the buyers in which a customer's middle rank lies: with n buyers and average rank
    k among ties, `ceil(5 * (k - 0.5) / n)`. Without ties the five scores get equally many buyers; equal
    values always get the same score, the one of the middle of their tie; a better value never gets a lower
    score.

    Args:
        features: Rows of `customer_features` of one as_of_date; only the columns in `FEATURES` are read.

    Returns:
        One row per customer in the columns of `customer_rfm`, sorted by customer_id. Customers without a paid
        purchase have status `insufficient_data`, no scores and no segment.
    """
    customers = features.select(pl.col(name).cast(dtype) for name, dtype in FEATURES.items())
    is_buyer = (pl.col("purchase_count") > 0) & pl.col("days_since_last_purchase").is_not_null()
    grid = pl.DataFrame(
        [
            {"r_score": r_score, "spending_level": level, "rfm_segment": segment}
            for r_score, segments in SEGMENT_GRID.items()
            for level, segment in enumerate(segments, start=1)
        ],
        schema={"r_score": pl.Int64, "spending_level": pl.Int64, "rfm_segment": pl.String},
    )
    return (
        customers.with_columns(
            pl.col("purchase_count").fill_null(0),
            # A plain 0 would widen the decimal.
            pl.col("spend_amount").fill_null(pl.lit(0, dtype=FEATURES["spend_amount"])),
        )
        .with_columns(is_buyer=is_buyer.fill_null(False))
        .with_columns(
            r_score=_score(-pl.col("days_since_last_purchase")),
            f_score=_score(pl.col("purchase_count")),
            m_score=_score(pl.col("spend_amount")),
        )
        .with_columns(spending_level=_spending_level(pl.col("f_score") + pl.col("m_score")))
        .join(grid, on=["r_score", "spending_level"], how="left", validate="m:1")
        .select(
            "customer_id",
            "as_of_date",
            pl.when("is_buyer").then(pl.lit("scored")).otherwise(pl.lit("insufficient_data")).alias("status"),
            "days_since_last_purchase",
            "purchase_count",
            "spend_amount",
            "purchase_span_days",
            "r_score",
            "f_score",
            "m_score",
            "rfm_segment",
        )
        .sort("customer_id")
    )


def _spending_level(score_sum: pl.Expr) -> pl.Expr:
    """Half the sum of two scores as a whole number, 1 to 5, halves away from the middle."""
    return pl.when(score_sum <= 6).then(score_sum // 2).otherwise((score_sum + 1) // 2)


def _score(value: pl.Expr) -> pl.Expr:
    """The score of a value among the buyers, 5 = highest; null for others.

    In whole numbers, because 5 * (k - 0.5) / n in floats can land on the wrong side of a limit.
    """
    among_buyers = pl.when("is_buyer").then(value)
    twice_rank = (among_buyers.rank("average") * 2).cast(pl.Int64)
    twice_count = 2 * pl.col("is_buyer").sum().cast(pl.Int64)
    return (5 * (twice_rank - 1) + twice_count - 1) // twice_count
