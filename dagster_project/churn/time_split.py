"""Which examples may teach, choose and judge: split by time where there are dates, never by random rows.

Here: the guard that lets only labels known on the day enter, and the folds with their gaps. Not here: the models.
"""

import datetime as dt
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

IntArray = npt.NDArray[np.int64]
Fold = tuple[IntArray, IntArray]
"""Rows to learn from, and rows that are predicted."""

SNAPSHOT_SHARE = 0.15  # of the labelled snapshots, each for choosing and for judging
MAXIMUM_SNAPSHOTS = 6  # half a year of month-ends judges well enough; the rest is better used to learn
FOLDS = 5
JUDGED_SHARE = 0.2
TUNING_FOLDS = 2


@dataclass(frozen=True)
class Split:
    """How examples are used; places of rows.

    Attributes:
        choosing: Folds on whose predictions the model and its calibration are chosen.
        judging: The fold on which the choice is measured: its rows were never chosen by.
    """

    choosing: tuple[Fold, ...]
    judging: Fold

    @property
    def sets(self) -> dict[str, IntArray]:
        """Rows of each data set by name; the training rows are those that taught what was chosen."""
        chosen = np.concatenate([test for _, test in self.choosing])
        taught = np.unique(np.concatenate([train for train, _ in self.choosing]))
        return {"training": taught, "calibration": chosen, "evaluation": self.judging[1]}


def labelled_examples(snapshots: pl.DataFrame, as_of_date: dt.date, horizon_days: int) -> pl.DataFrame:
    """Subscribers of past snapshots whose label was known on the day, sorted by key.

    Args:
        snapshots: `customer_feature_snapshots`.
        as_of_date: Labels known later do not exist yet.
        horizon_days: Length of the label window; must be the one the labels were made with.

    Returns:
        The rows that may be learned from, all columns kept, sorted by (as_of_date, customer_id).

    Raises:
        ValueError: A label window has another length than `horizon_days`.
    """
    known = snapshots.filter(
        pl.col("is_subscriber")
        & pl.col("is_churned").is_not_null()
        & (pl.col("label_known_date") <= as_of_date)
    ).sort("as_of_date", "customer_id")
    window_days = (known["label_known_date"] - known["as_of_date"]).dt.total_days()
    if (window_days != horizon_days).any():
        raise ValueError(
            f"labels look {window_days.unique().sort().to_list()} days ahead, not {horizon_days}"
        )
    return known


def split_by_time(day: IntArray, gap_days: int) -> Split | None:
    """Oldest examples teach, later ones choose, the latest judge; no outcome of one reaches into the next.

    Choosing and judging take 15 % of the dates each (at most 6, fewer in a short history); there are at least as many
    to learn from. What judges is predicted by a model that has learned from everything known by the first of its dates.

    Args:
        day: Number of the day of each example, shape (n,).
        gap_days: How long after its day an outcome is known.

    Returns:
        None when the history is too short for three sets with gaps.
    """
    days = np.unique(day)
    most = max(1, min(MAXIMUM_SNAPSHOTS, round(SNAPSHOT_SHARE * len(days))))
    for size in range(most, 0, -1):
        judged = days[-size:]
        before = days[days + gap_days <= judged[0]]
        chosen = before[-size:]
        taught = before[before + gap_days <= chosen[0]] if len(chosen) == size else before[:0]
        if len(taught) >= size:
            rows = [np.flatnonzero(np.isin(day, some)) for some in (taught, chosen, before, judged)]
            return Split(((rows[0], rows[1]),), (rows[2], rows[3]))
    return None


def split_by_customer(customer: IntArray, seed: int) -> Split:
    """Without dates: a fifth of the customers judges, the others are predicted by each other in five folds.

    Args:
        customer: Integer code of the customer of each example, shape (n,); all rows of one stay together.
        seed: Of the shuffle.
    """
    codes, code = np.unique(customer, return_inverse=True)
    place = np.random.default_rng(seed).permutation(len(codes))[code]
    is_judged = place < JUDGED_SHARE * len(codes)
    fold = place % FOLDS
    others = np.flatnonzero(~is_judged)
    choosing = tuple((others[fold[others] != one], others[fold[others] == one]) for one in range(FOLDS))
    return Split(choosing, (others, np.flatnonzero(is_judged)))


def tuning_folds(rows: IntArray, day: IntArray | None, customer: IntArray, gap_days: int) -> list[Fold]:
    """Folds within the rows that teach, as places among them: forward in time where there are dates.

    Args:
        rows: Places of the rows that teach.
        day: Number of the day of each example, or None.
        customer: Integer code of the customer of each example.
        gap_days: How long after its day an outcome is known.
    """
    if day is None:
        part = customer[rows] % (TUNING_FOLDS + 1)
        return [(np.flatnonzero(part != one), np.flatnonzero(part == one)) for one in range(TUNING_FOLDS)]
    days = np.unique(day[rows])
    blocks = np.array_split(days[len(days) // 2 :], TUNING_FOLDS)
    folds = []
    for later in blocks:
        if len(later):
            earlier = days[days + gap_days <= later[0]]
            fold = np.flatnonzero(np.isin(day[rows], earlier)), np.flatnonzero(np.isin(day[rows], later))
            folds += [fold] if len(fold[0]) else []
    return folds
