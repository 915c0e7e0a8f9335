"""Which past snapshots may teach, calibrate and judge the model: split by time, never by random rows.

Here: the guard that lets only labels known on the day enter, and the split with its gaps. Not here: the
model.
"""

import datetime as dt
from dataclasses import dataclass

import polars as pl

SNAPSHOT_SHARE = 0.15  # of the labelled snapshots, each for calibration and for evaluation
MAXIMUM_SNAPSHOTS = 6  # half a year of month-ends judges well enough; the rest is better used to learn


@dataclass(frozen=True)
class TimeSplit:
    """Three sets of examples in order of time; no label window of one reaches a snapshot of the next.

    Attributes:
        training: Oldest examples.
        calibration: Later ones; each training label was known by the first of these snapshots.
        evaluation: The latest; each calibration label was known by the first of these snapshots.
        before_evaluation: Every example whose label was known by the first evaluation snapshot.
    """

    training: pl.DataFrame
    calibration: pl.DataFrame
    evaluation: pl.DataFrame
    before_evaluation: pl.DataFrame


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


def split_by_time(examples: pl.DataFrame) -> TimeSplit | None:
    """Oldest snapshots train, then a gap, calibration, a gap, and the latest labelled snapshots evaluate.

    Snapshots in a gap belong to no set: their label windows reach into the next one. Calibration and
    evaluation take 15 % of the snapshots each (at most 6, fewer in a short history); training keeps at least
    as many.

    Args:
        examples: Result of `labelled_examples`.

    Returns:
        The split, or None when the history is too short for three sets with gaps.
    """
    snapshot_dates = examples["as_of_date"].unique().sort()
    most = max(1, min(MAXIMUM_SNAPSHOTS, round(SNAPSHOT_SHARE * len(snapshot_dates))))
    for size in range(most, 0, -1):
        split = _split_with(examples, snapshot_dates, size)
        if split is not None and split.training["as_of_date"].n_unique() >= size:
            return split
    return None


def _split_with(examples: pl.DataFrame, snapshot_dates: pl.Series, size: int) -> TimeSplit | None:
    evaluation = examples.filter(pl.col("as_of_date").is_in(snapshot_dates.tail(size).implode()))
    before_evaluation = _known_before(examples, evaluation)
    calibration_dates = before_evaluation["as_of_date"].unique().sort().tail(size)
    calibration = before_evaluation.filter(pl.col("as_of_date").is_in(calibration_dates.implode()))
    training = _known_before(before_evaluation, calibration)
    if training.is_empty():
        return None
    return TimeSplit(training, calibration, evaluation, before_evaluation)


def _known_before(examples: pl.DataFrame, later: pl.DataFrame) -> pl.DataFrame:
    if later.is_empty():
        return examples.clear()
    return examples.filter(pl.col("label_known_date") <= later["as_of_date"].min())
