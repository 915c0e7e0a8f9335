"""Boosted trees that forecast spend: no story of how customers buy, only what followed what in the past.

Here: what the trees look at, and how they learn from past windows. Not here: how good they are (`contest.py`).
"""

import datetime as dt
from math import pi

import numpy as np
import numpy.typing as npt
import polars as pl

from dagster_project.value.buyers import bought_within
from dagster_project.value.maximum_likelihood import FloatArray, NotEnoughHistory

WINDOW_COUNT = 6
TREE_COUNT = 120
MIN_WINDOW_DAYS = 14
MIN_EXAMPLES = 100
MAX_EXAMPLES = 300_000
_PARAMETERS = {
    "objective": "reg:tweedie",
    "tweedie_variance_power": 1.5,  # between counts (1) and amounts (2): most spend nothing, some much
    "eta": 0.08,
    "max_depth": 4,
    "min_child_weight": 20,
    "subsample": 0.8,
    "colsample_bytree": 0.8,
    "nthread": 1,  # the order in which threads add up floats is not fixed
    "seed": 20240930,
}


def boosted_spend(purchases: pl.DataFrame, day: dt.date, horizon_days: int) -> tuple[pl.Series, FloatArray]:
    """Expected spend of each buyer of a day in the next days, learned from windows that ended by then.

    The windows of the past are as long as the horizon where there is history for it, else half of the history; their
    spend is taken to the length of the horizon in proportion.

    Args:
        purchases: Result of `purchases_without_contract`; what is later than the day is not looked at.
        day: The day.
        horizon_days: Days to forecast.

    Returns:
        Customers, sorted, and what each is expected to spend.

    Raises:
        NotEnoughHistory: Too short a history, too few examples, or nobody who spent anything.
    """
    import xgboost  # takes a second

    known = purchases.filter(pl.col("purchase_date") <= day)
    if known.is_empty():
        raise NotEnoughHistory("boosted trees need purchases; there are none")
    first: dt.date = known["purchase_date"].min()  # type: ignore[assignment]
    window_days = min(horizon_days, (day - first).days // 2)
    if window_days < MIN_WINDOW_DAYS:
        raise NotEnoughHistory(f"boosted trees need {2 * MIN_WINDOW_DAYS} days of purchases")
    steps = [step * max(window_days // 4, 7) for step in range(WINDOW_COUNT)]
    begins = [day - dt.timedelta(window_days + step) for step in steps]
    begins = [begin for begin in begins if (begin - first).days >= window_days // 2] or begins[:1]
    matrices, labels = [], []
    for begin in begins:
        customer_ids, matrix = _matrix(known, begin, window_days)
        _, spend = bought_within(known, customer_ids, begin, begin + dt.timedelta(window_days))
        matrices.append(matrix)
        labels.append(spend * (horizon_days / window_days))
    matrix, label = np.concatenate(matrices), np.concatenate(labels)
    if len(label) < MIN_EXAMPLES or not label.any():
        raise NotEnoughHistory(
            f"boosted trees need {MIN_EXAMPLES} examples, and spend; there are {len(label)}"
        )
    if len(label) > MAX_EXAMPLES:
        chosen = np.random.default_rng(len(label)).choice(len(label), MAX_EXAMPLES, replace=False)
        matrix, label = matrix[chosen], label[chosen]
    unit = float(label.mean())
    trees = xgboost.train(
        _PARAMETERS,
        xgboost.DMatrix(matrix, label=label / unit, nthread=1),
        num_boost_round=TREE_COUNT,
    )
    customer_ids, matrix = _matrix(known, day, window_days)
    predicted = trees.predict(xgboost.DMatrix(matrix, nthread=1)).astype(np.float64)
    return customer_ids, predicted * unit


def _matrix(
    purchases: pl.DataFrame, day: dt.date, window_days: int
) -> tuple[pl.Series, npt.NDArray[np.float32]]:
    """What the trees look at, of each buyer at the end of a day: habit, trend and calendar."""
    before = (pl.lit(day) - pl.col("purchase_date")).dt.total_days()
    spend = pl.col("spend")
    short, middle = max(window_days // 4, 7), max(window_days // 2, 7)

    def within(begin: int, end: int) -> pl.Expr:
        return (before >= begin) & (before < end)

    middle_of_window = day + dt.timedelta(window_days // 2)
    angle = 2 * pi * middle_of_window.timetuple().tm_yday / 365.25
    frame = (
        purchases.filter(pl.col("purchase_date") <= day)
        .group_by("customer_id", maintain_order=True)
        .agg(
            days_since_last=before.last(),
            days_since_first=before.first(),
            day_count=pl.len(),
            spend=spend.sum(),
            mean_spend=spend.mean(),
            largest_spend=spend.max(),
            last_spend=spend.last(),
            mean_gap_days=(before.first() - before.last()) / pl.len(),
            spend_in_window=spend.filter(within(0, window_days)).sum(),
            days_in_window=within(0, window_days).sum(),
            spend_in_short=spend.filter(within(0, short)).sum(),
            days_in_short=within(0, short).sum(),
            spend_trend=spend.filter(within(0, middle)).sum()
            - spend.filter(within(middle, 2 * middle)).sum(),
            spend_a_year_before=spend.filter(within(365 - window_days, 365)).sum(),
        )
        .with_columns(season_sine=pl.lit(np.sin(angle)), season_cosine=pl.lit(np.cos(angle)))
    )
    return frame["customer_id"], frame.drop("customer_id").to_numpy().astype(np.float32)
