"""Customer lifetime value: which model values which customer, and the rows that come of it.

Here: from features and purchases to the models and back to the rows of `customer_clv` and `clv_model_parameters`. Not
here: values of buyers (`buyer_values.py`) and of subscribers (`subscriber_values.py`), and which model is best
(`contest.py`).
"""

import datetime as dt

import polars as pl

from dagster_project.value.buyer_values import value_buyers
from dagster_project.value.buyers import purchases_without_contract
from dagster_project.value.own_survival import OwnRisks
from dagster_project.value.subscriber_values import subscribers_of, value_subscribers
from dagster_project.value.value_rows import AMOUNTS, HORIZONS_DAYS, MONEY, STAKES, Terms

FEATURES = {
    "customer_id": pl.String(),
    "as_of_date": pl.Date(),
    "spend_amount": MONEY,
    "has_ever_subscribed": pl.Boolean(),
    "is_subscriber": pl.Boolean(),
    "subscribed_days": pl.Int64(),
    "unseen_subscribed_days": pl.Int64(),
    "mrr_amount": MONEY,
    "paused_mrr_amount": MONEY,
    "days_until_resumption": pl.Int64(),
    "days_until_renewal": pl.Int64(),
    "is_cancel_at_period_end": pl.Boolean(),
}
"""The columns of `customer_features` that are read."""

CHURN = {"customer_id": pl.String(), "churn_probability": pl.Float64()}
"""The columns of `customer_churn` that are read."""

CHANGE_DAYS = 90
BEFORE = {"customer_id": pl.String(), "horizon_days": pl.Int64(), "predicted_clv_amount": MONEY}
"""The columns of `customer_clv` of an earlier day that are read."""


def score_clv(
    features: pl.DataFrame,
    purchase_days: pl.DataFrame,
    contest: pl.DataFrame,
    churn: pl.DataFrame,
    churn_horizon_days: int,
    terms: Terms,
    before: pl.DataFrame | None = None,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Value every customer over the next 90, 365 and 1,095 days.

    - A customer who has or had a paid subscription is valued by how long it lasts: at the customer's own churn
      probability, by the survival of all where there is none. Who left is a former customer, worth 0 and in a tier of
      its own.
    - Any other customer with a paid purchase is valued by the winner of the contest. Purchases of one day are one
      purchase; refunds are not modelled.
    - The others, and all customers of a model that has too little history to learn from, have `insufficient_data`.

    Args:
        features: Rows of `customer_features` of one as_of_date; only the columns in `FEATURES` are read.
        purchase_days: Rows of `purchase_days`; later ones are not looked at.
        contest: `clv_model_contest` of the day.
        churn: `customer_churn` of the day; only the columns in `CHURN` are read.
        churn_horizon_days: How far its probabilities look.
        terms: Margin and discount.
        before: `customer_clv` of 90 days before; none when that day was not run.

    Returns:
        The rows of `customer_clv`, sorted by customer_id and horizon, and of `clv_model_parameters`, sorted by model
        and parameter.

    Raises:
        ValueError: The features are of several days.
    """
    customers = features.select(pl.col(name).cast(kind) for name, kind in FEATURES.items()).sort(
        "customer_id"
    )
    if customers["as_of_date"].n_unique() > 1:
        raise ValueError("score_clv values the customers of one as_of_date at a time")
    as_of_date: dt.date | None = customers["as_of_date"].max()  # type: ignore[assignment]
    day = as_of_date or dt.date.min
    probabilities = churn.select(pl.col(name).cast(kind) for name, kind in CHURN.items())
    subscribers = subscribers_of(customers.join(probabilities, on="customer_id", how="left", validate="1:1"))
    risks = OwnRisks.of(subscribers, churn_horizon_days)
    of_subscribers, curve = value_subscribers(subscribers, risks, terms)
    purchases = purchases_without_contract(purchase_days, customers, day)
    of_buyers, parameters = value_buyers(purchases, contest, day, terms)
    earlier = pl.DataFrame(schema=BEFORE) if before is None else before
    values = (
        customers.join(pl.DataFrame({"horizon_days": HORIZONS_DAYS}), how="cross")
        .join(
            pl.concat([of_subscribers, of_buyers]),
            on=["customer_id", "horizon_days"],
            how="left",
            validate="1:1",
        )
        .join(
            earlier.select(
                pl.col("customer_id").cast(pl.String),
                pl.col("horizon_days").cast(pl.Int64),
                earlier_amount=pl.col("predicted_clv_amount").cast(MONEY),
            ),
            on=["customer_id", "horizon_days"],
            how="left",
            validate="1:1",
        )
        .with_columns(pl.col("status").fill_null("insufficient_data"))
        .with_columns(
            standing=pl.when(pl.col("status") != "former").then("predicted_clv_amount")  # who left has none
        )
        .select(
            "customer_id",
            "as_of_date",
            "horizon_days",
            "status",
            "model",
            # A plain 0 would widen the decimal.
            pl.col("spend_amount").fill_null(pl.lit(0, dtype=MONEY)).alias("historical_value_amount"),
            *AMOUNTS,
            (pl.col("predicted_clv_amount") - pl.col("earlier_amount"))
            .cast(MONEY)
            .alias("change_over_90_days_amount"),
            "probability_alive",
            "expected_purchases",
            _worth_less_share(pl.col("standing")).over("horizon_days").alias("value_percentile_share"),
            pl.when(pl.col("status") == "former")
            .then(pl.lit("FORMER"))
            .otherwise(_value_tier(pl.col("standing")).over("horizon_days"))
            .alias("value_tier"),
            *STAKES,
        )
        .sort("customer_id", "horizon_days")
    )
    learned = pl.concat([curve, parameters]).select(
        pl.lit(as_of_date, dtype=pl.Date).alias("as_of_date"), pl.all()
    )
    return values, learned.sort("model", "parameter")


def _worth_less_share(amount: pl.Expr) -> pl.Expr:
    """Share of the other valued customers who are worth less, ties counted half: 0 the least, 1 the most."""
    others = amount.count() - 1
    return pl.when(others > 0).then((amount.rank("average") - 1) / others)


def _value_tier(amount: pl.Expr) -> pl.Expr:
    """The tier of an amount among the valued customers; a tie that does not fit into a tier goes below it.

    Customers with this amount or more are at most a fifth (HIGH) or a half (HIGH and MEDIUM) of all valued.
    """
    count_as_good = amount.rank("max", descending=True).cast(pl.Int64)
    return (
        pl.when(amount.is_null())
        .then(pl.lit(None, dtype=pl.String))
        .when(count_as_good * 5 <= amount.count())
        .then(pl.lit("HIGH"))
        .when(count_as_good * 2 <= amount.count())
        .then(pl.lit("MEDIUM"))
        .otherwise(pl.lit("LOW"))
    )
