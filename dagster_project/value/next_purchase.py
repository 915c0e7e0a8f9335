"""The next purchase of customers without a contract: when, and for how much.

Here: dates and amounts with their intervals, and the rows of `customer_next_purchase`. Not here: the models, and how
much is bought in all (`clv.py`).
"""

import datetime as dt

import numpy as np
import polars as pl

from dagster_project.value.buyers import Buyers, buyers_at, purchases_without_contract
from dagster_project.value.contest import best_purchase_model
from dagster_project.value.maximum_likelihood import FloatArray, NotEnoughHistory
from dagster_project.value.purchase_histories import checked_histories, compressed
from dagster_project.value.purchase_models import WITH_SPEND, FittedModels, PurchaseModel, fit_models

FEATURES = {"customer_id": pl.String(), "as_of_date": pl.Date(), "has_ever_subscribed": pl.Boolean()}
"""The columns of `customer_features` that are read."""

SEARCH_DAYS = 1095
"""Beyond that a date is no forecast: it is left out."""
GONE_BELOW = 0.5
"""A customer who buys again within `SEARCH_DAYS` with a lower chance is probably gone."""
LOWER, UPPER = 0.10, 0.90
_HALVINGS = 17  # 1,095 days to a hundredth of a day

MONEY = pl.Decimal(18, 2)
NEXT_PURCHASE_SCHEMA: dict[str, pl.DataType] = {
    "customer_id": pl.String(),
    "as_of_date": pl.Date(),
    "status": pl.String(),
    "model": pl.String(),
    "purchase_probability": pl.Float64(),
    "next_purchase_date": pl.Date(),
    "next_purchase_earliest_date": pl.Date(),
    "next_purchase_latest_date": pl.Date(),
    "next_purchase_amount": MONEY,
    "next_purchase_low_amount": MONEY,
    "next_purchase_high_amount": MONEY,
}


FORETOLD = tuple(name for name in NEXT_PURCHASE_SCHEMA if name.startswith("next_purchase_"))


def score_next_purchase(
    features: pl.DataFrame, purchase_days: pl.DataFrame, contest: pl.DataFrame, as_of_date: dt.date
) -> pl.DataFrame:
    """When each customer without a contract buys next, and for how much.

    The date is the median of the time to the next purchase, and its interval the middle 80 % of it, by the best model
    of purchases in the contest. "Never" counts as late. Where more than a tenth of the chance is that nothing comes
    within 1,095 days, the interval has no end and begins where the first fifth ends: 80 % again. Where more than half
    is, the customer is probably gone and has no date.

    The amount is that of Gamma-Gamma. Its interval is what the last purchases of all who came back were worth, over
    what their purchases before let expect: Gamma-Gamma sees means of customers only, and real baskets differ more than
    it says (on CDNOW two thirds were within its 80 %).

    Args:
        features: `customer_features` of the day; only the columns in `FEATURES` are read.
        purchase_days: Rows of `purchase_days`; later ones are not looked at.
        contest: `clv_model_contest` of the day.
        as_of_date: The day.

    Returns:
        The rows of `customer_next_purchase`, sorted by customer.
    """
    customers = features.select(pl.col(name).cast(kind) for name, kind in FEATURES.items())
    purchases = purchases_without_contract(purchase_days, customers, as_of_date)
    buyers = buyers_at(purchases, as_of_date)
    known = pl.DataFrame({"customer_id": buyers.customer_ids})
    name = best_purchase_model(contest)
    try:
        models = fit_models(buyers, [name])
    except NotEnoughHistory:
        found = known.with_columns(status=pl.lit("insufficient_data"))
    else:
        found = known.with_columns(
            *_status(buyers, models, name),
            *_dates(buyers, models, name, as_of_date),
            *_amounts(buyers, models, purchases),
            model=pl.lit(name + WITH_SPEND),
        ).with_columns(
            pl.when(pl.col("status") != "probably_gone").then(column).alias(column) for column in FORETOLD
        )
    missing = [
        pl.lit(None).alias(name) for name in NEXT_PURCHASE_SCHEMA.keys() - {*found.columns, "as_of_date"}
    ]
    no_purchase = (
        pl.when(pl.col("has_ever_subscribed").fill_null(False))
        .then(pl.lit("contract"))
        .otherwise(pl.lit("not_a_buyer"))
    )
    return (
        customers.join(found.with_columns(missing), on="customer_id", how="left", validate="1:1")
        .with_columns(pl.col("status").fill_null(no_purchase))
        .select(pl.col(name).cast(kind) for name, kind in NEXT_PURCHASE_SCHEMA.items())
        .sort("customer_id")
    )


def _status(buyers: Buyers, models: FittedModels, name: str) -> list[pl.Series]:
    probability = models.purchases[name].purchase_probability(SEARCH_DAYS / 7, *buyers.histories)
    words = np.where(
        probability < GONE_BELOW, "probably_gone", np.where(buyers.repeat_count == 0, "prior_only", "scored")
    )
    return [
        pl.Series("status", words.tolist(), dtype=pl.String),
        pl.Series("purchase_probability", probability),
    ]


def _dates(buyers: Buyers, models: FittedModels, name: str, as_of_date: dt.date) -> list[pl.Series]:
    different = compressed(checked_histories(*buyers.histories))
    middle, early, later, late = (
        days_until_purchase(models.purchases[name], share, *different.histories.T)[different.places]
        for share in (0.5, LOWER, 1 - UPPER + LOWER, UPPER)
    )
    days = {
        "next_purchase_date": middle,
        "next_purchase_earliest_date": np.where(np.isnan(late), later, early),
        "next_purchase_latest_date": late,
    }
    return [
        pl.select(
            (pl.lit(as_of_date) + pl.duration(days=pl.lit(pl.Series(ahead)).fill_nan(None).ceil())).alias(
                column
            )
        ).to_series()
        for column, ahead in days.items()
    ]


def _amounts(buyers: Buyers, models: FittedModels, purchases: pl.DataFrame) -> list[pl.Series]:
    expected = models.spend.expected_spend(*buyers.spends)
    lower, upper = _amount_ratios(buyers, models, purchases)
    amounts = {
        "next_purchase_amount": expected,
        "next_purchase_low_amount": expected * lower,
        "next_purchase_high_amount": expected * upper,
    }
    return [pl.Series(column, values).round(2) for column, values in amounts.items()]


def _amount_ratios(buyers: Buyers, models: FittedModels, purchases: pl.DataFrame) -> tuple[float, float]:
    """What the last purchases were worth over what those before let expect: the quantiles `LOWER` and `UPPER`."""
    last = (
        purchases.group_by("customer_id", maintain_order=True).agg(pl.col("spend").last())["spend"].to_numpy()
    )
    came_back = buyers.repeat_count > 0
    before_count = buyers.repeat_count[came_back] - 1
    total = buyers.average_spend[came_back] * buyers.spend_count[came_back]
    before = np.maximum(total - last[came_back], 0) / np.maximum(before_count, 1)
    expected = models.spend.expected_spend(np.where(before > 0, before_count, 0), before)
    lower, upper = np.quantile(last[came_back] / expected, [LOWER, UPPER])
    return float(lower), float(upper)


def days_until_purchase(
    model: PurchaseModel, share: float, x: FloatArray, t_x: FloatArray, age: FloatArray
) -> FloatArray:
    """Days within which the next purchase comes with a chance of `share`, by halving; NaN beyond `SEARCH_DAYS`.

    Args:
        model: A fitted model.
        share: The chance.
        x: Repeat purchases, shape (n,).
        t_x: Weeks to the last one, shape (n,).
        age: Weeks observed, shape (n,).
    """
    alive = model.probability_alive(x, t_x, age)
    low, high = np.zeros(len(alive)), np.full(len(alive), float(SEARCH_DAYS))
    is_beyond = alive * model.purchase_probability_if_alive(high / 7, x, t_x, age) < share
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        is_early = alive * model.purchase_probability_if_alive(middle / 7, x, t_x, age) < share
        low, high = np.where(is_early, middle, low), np.where(is_early, high, middle)
    return np.where(is_beyond, np.nan, high)
