"""Kinds of customers that offers are compared within: one rule for past experiments and for today.

Here: the rule and its words. Not here: what the offers did (`effects.py`).
"""

import polars as pl

LOW_USE_BELOW_DAYS = 8
"""Fewer active days in the last 30 are low use: less than about two days a week."""

ALL_CUSTOMERS = "all"
OTHER_CUSTOMERS = "other"
"""Kinds without past offers."""

SEGMENT_COLUMNS = ("plan", "active_day_last_30_days_count")


def _plan() -> pl.Expr:
    return pl.col("plan").cast(pl.String).fill_null("unknown")


def _use() -> pl.Expr:
    active_days = pl.col("active_day_last_30_days_count")
    return (
        pl.when(active_days.is_null())
        .then(pl.lit("unknown use"))
        .when(active_days < LOW_USE_BELOW_DAYS)
        .then(pl.lit("low use"))
        .otherwise(pl.lit("high use"))
    )


def customer_segment() -> pl.Expr:
    """Plan and use, e.g. `Starter, low use`; only what can be seen at the time of the offer."""
    return pl.format("{}, {}", _plan(), _use()).alias("customer_segment")


def segment_words() -> pl.Expr:
    """The same for a sentence, e.g. `Starter customers with low use`."""
    return pl.format("{} customers with {}", _plan(), _use()).alias("segment_words")
