"""What customers with a contract are worth: their monthly margin as long as subscriptions last.

Here: values of subscribers, of those who pause, and of those who left. Not here: how long each stays
(`own_survival.py`) and buyers without a contract (`buyer_values.py`).
"""

import numpy as np
import polars as pl

from dagster_project.value.maximum_likelihood import FloatArray, NotEnoughHistory
from dagster_project.value.own_survival import LEAST_PROBABILITY, OwnRisks, share_who_stay
from dagster_project.value.survival import MONTH_DAYS, SubscriberSurvival
from dagster_project.value.value_rows import (
    HORIZONS_DAYS,
    QUANTILES,
    Terms,
    no_values,
    parameter_rows,
    value_rows,
    with_stake,
)

MODEL = "subscriber_survival"
SURVIVAL_DAYS = (30, 90, 180, 365, 730, 1095)
"""Tenures at which the survival curve is reported."""


def subscribers_of(customers: pl.DataFrame) -> pl.DataFrame:
    """Customers who have or had a paid subscription of known length (and price, while it runs)."""
    return customers.with_columns(pl.col("is_subscriber").fill_null(False)).filter(
        pl.col("has_ever_subscribed"),
        pl.col("subscribed_days") >= 0,
        pl.col("mrr_amount").is_not_null() | ~pl.col("is_subscriber"),
    )


def value_subscribers(
    subscribers: pl.DataFrame, risks: OwnRisks, terms: Terms
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Values of subscribers at every horizon, and the curve behind them.

    A month of 365/12 days is paid when its end is reached: P(months paid >= k) is the chance to stay k months
    (`own_survival.py`). Mean and quantiles of the months paid follow from that without any draw, and margin grows with
    them. Who pauses pays again once the pause is over, at the list price, and the months that end before then are not
    paid; where nobody says when it is over, at once. Who left is worth nothing.

    At stake is what leaving within the churn horizon forfeits: the margin of the months after it, within the valued
    horizon, of a customer who is still there when it ends. It holds no chance to leave before, unlike the value. At
    risk is the churn probability times that. For example: 100 of margin a month, 30 % churn within 90 days, a year
    valued. The customer is expected to pay 6.65 of the twelve months, a value of 664.73. Ten months end after the
    horizon; who is still there when it ends pays 7.14 of them: 714.06 are at stake, and 0.30 * 714.06 = 214.22 at risk.

    Args:
        subscribers: Result of `subscribers_of`.
        risks: Of the same customers in the same order.
        terms: Margin and discount.

    Returns:
        Rows in `VALUE_SCHEMA` and in `PARAMETER_SCHEMA`; none without a subscriber.
    """
    tenure_days = subscribers["subscribed_days"].to_numpy()
    is_active = subscribers["is_subscriber"].to_numpy()
    try:
        unseen_days = subscribers["unseen_subscribed_days"].fill_null(0).to_numpy()
        model = SubscriberSurvival().fit(tenure_days, ~is_active, unseen_days)
    except NotEnoughHistory:
        return no_values()
    paused_revenue = subscribers["paused_mrr_amount"].cast(pl.Float64).fill_null(0.0).to_numpy()
    paying_revenue = subscribers["mrr_amount"].cast(pl.Float64).fill_null(0.0).to_numpy()
    wait_days = subscribers["days_until_resumption"].fill_null(0).clip(0).to_numpy()
    statuses = pl.select(
        pl.when(~pl.lit(subscribers["is_subscriber"]))
        .then(pl.lit("former"))
        .when(pl.lit(pl.Series(paused_revenue > 0)))
        .then(pl.lit("paused"))
        .otherwise(pl.lit("scored"))
    ).to_series()
    month_ends = MONTH_DAYS * np.arange(1, round(max(HORIZONS_DAYS) / MONTH_DAYS) + 1, dtype=np.float64)
    stays = share_who_stay(model, tenure_days, risks, month_ends) * is_active[:, np.newaxis]
    outlasts = share_who_stay(model, tenure_days, risks, np.array([float(risks.churn_horizon_days)]))
    is_later = month_ends > risks.churn_horizon_days
    later = np.where(is_later, stays / np.maximum(outlasts, LEAST_PROBABILITY), 0.0)
    pays_now = (paying_revenue > 0) | (paused_revenue == 0)
    rows = []
    for horizon_days in HORIZONS_DAYS:
        ends = month_ends[: round(horizon_days / MONTH_DAYS)]
        is_resumed = (ends > wait_days[:, np.newaxis]).astype(np.float64)
        paying = _months(stays[:, : len(ends)], np.ones_like(is_resumed), terms.factor(ends))
        paused = _months(stays[:, : len(ends)], is_resumed, terms.factor(ends))
        months_at_stake = later[:, : len(ends)]
        at_stake = paying_revenue * months_at_stake.sum(axis=1)
        at_stake += paused_revenue * (months_at_stake * is_resumed).sum(axis=1)
        of_horizon = value_rows(
            subscribers["customer_id"],
            horizon_days,
            statuses,
            MODEL,
            is_active.astype(np.float64),
            np.where(pays_now, paying[0], paused[0]),
            (paying * paying_revenue + paused * paused_revenue) * terms.gross_margin_share,
        )
        rows.append(with_stake(of_horizon, at_stake * terms.gross_margin_share, risks.churn_probability))
    parameters = parameter_rows(
        (MODEL, f"survival_day_{day}", share, model.standard_error(day), None, model.customer_count_)
        for day, share in zip(SURVIVAL_DAYS, model.survival(SURVIVAL_DAYS).tolist(), strict=True)
    )
    return pl.concat(rows), parameters


def _months(reached: FloatArray, is_paid: FloatArray, factor: FloatArray) -> FloatArray:
    """Months paid in a horizon, shape (8, n), in the order of `AMOUNTS`: mean and quantiles, then both discounted.

    Args:
        reached: Chance that each month is reached, shape (n, k).
        is_paid: 1 where the month is paid when it is reached, shape (n, k).
        factor: What a payment of each month is worth today, shape (k,).
    """
    found = []
    for worth in (np.ones(len(factor)), factor):
        paid = is_paid * worth
        sums = np.concatenate([np.zeros((len(paid), 1)), np.cumsum(paid, axis=1)], axis=1)
        found.append((reached * paid).sum(axis=1))
        # Months lived have the u-quantile m, the fewest with P(more than m) <= 1 - u; what is paid grows with them.
        lived = [np.sum(reached > 1 - share, axis=1) for share in QUANTILES]
        found += [np.take_along_axis(sums, months[:, np.newaxis], axis=1)[:, 0] for months in lived]
    return np.array(found)
