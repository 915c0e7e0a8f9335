"""Kinds of customers that offers are compared within: one rule for past experiments and for today.

Here: the rule and its words. Not here: what the offers did (`effects.py`).
"""

import polars as pl

LOW_USE_BELOW_DAYS = 8
"""Fewer active days in the last 30 are low use: less than about two days a week."""

ALL_CUSTOMERS = "all"
OTHER_CUSTOMERS = "other"
"""Kinds without past offers."""


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


def _billing(yearly: str, shorter: str, unknown: str) -> pl.Expr:
    """Yearly customers decide once a year: an offer may be what reminds them of it."""
    interval = pl.col("billing_interval").cast(pl.String)
    return (
        pl.when(interval.is_null())
        .then(pl.lit(unknown))
        .when(interval == "year")
        .then(pl.lit(yearly))
        .otherwise(pl.lit(shorter))
    )


def customer_segment() -> pl.Expr:
    """Plan, use and billing, e.g. `Starter, low use, yearly`; only what can be seen at the time of the offer."""
    billing = _billing("yearly", "not yearly", "unknown billing")
    return pl.format("{}, {}, {}", _plan(), _use(), billing).alias("customer_segment")


def segment_words() -> pl.Expr:
    """The same for a sentence, e.g. `Starter customers with low use and yearly billing`."""
    billing = _billing("yearly billing", "shorter billing", "unknown billing")
    return pl.format("{} customers with {} and {}", _plan(), _use(), billing).alias("segment_words")
