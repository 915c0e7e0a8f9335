"""The calendar of the simulation: day numbers, unix seconds, and how systems write them.

Here: conversions only. Not here: what happens on a day.
"""

import datetime as dt

import numpy as np
import polars as pl
from numpy.typing import NDArray

HISTORY_START = dt.date(2024, 10, 1)
HISTORY_DAYS = 730
"""Length of the default history, 2024-10-01 to 2026-09-30; it also sets the pace at which customers join."""

SECONDS_PER_DAY = 86_400
LAST_BILLING_DAY_OF_MONTH = 28

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

_EPOCH_OFFSET = (HISTORY_START - dt.date(1970, 1, 1)).days


def day_of(date: dt.date) -> int:
    """The day number of a date; 2024-10-01 is day 0."""
    return (date - HISTORY_START).days


def date_of(day: int) -> dt.date:
    """The date of a day number."""
    return HISTORY_START + dt.timedelta(days=day)


def unix_seconds(day: Ints | int, second_of_day: Ints | int = 0) -> Ints:
    """Seconds since 1970, UTC, of a second within a day."""
    return np.asarray((np.asarray(day, dtype=np.int64) + _EPOCH_OFFSET) * SECONDS_PER_DAY + second_of_day)


def day_of_second(second: pl.Expr) -> pl.Expr:
    """The day number of a column of unix seconds."""
    return second // SECONDS_PER_DAY - _EPOCH_OFFSET


def add_months(day: Ints, months: Ints | int) -> Ints:
    """The same day some months later; days after the 28th move to the 28th, which every month has.

    Args:
        day: Day numbers, shape (n,).
        months: Months to add, shape (n,) or one number.

    Returns:
        Day numbers, shape (n,).
    """
    dates = (np.asarray(day, dtype=np.int64) + _EPOCH_OFFSET).astype("datetime64[D]")
    first_of_month = dates.astype("datetime64[M]")
    offset = np.minimum((dates - first_of_month).astype(np.int64), LAST_BILLING_DAY_OF_MONTH - 1)
    moved = (first_of_month + np.asarray(months, dtype="timedelta64[M]")).astype("datetime64[D]")
    return np.asarray(moved.astype(np.int64) + offset - _EPOCH_OFFSET)


def zulu_text(second: pl.Expr) -> pl.Expr:
    """Unix seconds as `2024-10-16T08:00:00Z`; null stays null."""
    return pl.from_epoch(second, "s").dt.strftime("%Y-%m-%dT%H:%M:%SZ")


def salesforce_text(second: pl.Expr) -> pl.Expr:
    """Unix seconds as `2024-10-16T08:00:00.000+0000`; null stays null."""
    return pl.from_epoch(second, "s").dt.strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def date_text(second: pl.Expr) -> pl.Expr:
    """Unix seconds as the date `2024-10-16`; null stays null."""
    return pl.from_epoch(second, "s").dt.strftime("%Y-%m-%d")
