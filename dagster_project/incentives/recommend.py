"""Which offer pays for whom: expected margin with the offer, less without, less what it costs.

Here: the value of a retention lift for one customer, and the choice. Not here: what offers did in the past
(`effects.py`), the churn probability and the value of a customer, which come in as tables.
"""

import numpy as np
import polars as pl

from dagster_project.incentives.effects import EFFECT_COLUMNS, segment_names
from dagster_project.incentives.offer_effects import BOUND, QUADRATURE, OfferEffects

VALUE_DAYS = 365
MONEY = pl.Decimal(18, 2)

INCENTIVE_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "customer_id": pl.String,
    "as_of_date": pl.Date,
    "status": pl.String,
    "incentive_id": pl.String,
    "incentive_name": pl.String,
    "ev_no_action_amount": MONEY,
    "ev_with_action_amount": MONEY,
    "retention_lift": pl.Float64,
    "retention_lift_standard_error": pl.Float64,
    "cost_amount": MONEY,
    "expected_roi_amount": MONEY,
    "expected_roi_p05_amount": MONEY,
    "expected_roi_p95_amount": MONEY,
    "reason": pl.String,
}


def recommend_incentives(
    features: pl.DataFrame,
    churn: pl.DataFrame,
    clv: pl.DataFrame,
    learner: OfferEffects | None,
    catalogue: pl.DataFrame,
    acceptance: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """The offer with the best expected return for each customer whose return is above 0 even at its 5 % bound, or none.

    The value is that of `customer_clv`: the margin of the next 365 days at the customer's own churn probability p,
    without an offer.

    The customer's own lift. An offer multiplies the churn hazard by HR, which `OfferEffects` learned for customers like
    this one. At the customer's own churn probability p the chance to stay goes from 1 - p to (1 - p)^HR: lift =
    (1 - p)^HR - (1 - p), as the mean over the posterior of log HR (three points of Gauss and Hermite). A customer who
    would stay anyway cannot gain. p is taken as known.

    What the lift is worth. A customer who stays through the horizon for the offer pays what is at stake
    (`value_at_stake_amount`): the offer is worth lift * that. Margin within the horizon is left out, and a saved
    customer is expected to leave later as those who stayed without an offer are: cautious both.

    Cost. (share of MRR * months * MRR + fixed amount) * share of customers who take the offer.

    The choice. The bounds of the return are its values at the 5 % and 95 % bounds of log HR under the widest prior, the
    estimate is drawn further towards doing nothing: of several noisy offers the best-looking one is claimed for less
    than it looks (the correction of the winner's curse). Of the offers whose lower bound is above 0 the one with the
    highest return is recommended; equal returns go to the first name. Who has given notice gets none: no past offer
    was made to such customers.

    Args:
        features: `customer_features` of the day, one row per customer.
        churn: `customer_churn` of the day.
        clv: `customer_clv` of the day; the horizon of `VALUE_DAYS` is looked at.
        learner: What past offers taught, or None.
        catalogue: Seed `incentive_catalogue`.
        acceptance: Result of `acceptance_shares`; offers that are not in it count as always taken.

    Returns:
        Table `customer_incentives`, sorted by customer.
    """
    customers = _customers(features, churn, clv, learner)
    judged = customers.filter(pl.col("status") == "open")
    best = _best_offers(judged, learner, _offers(learner, catalogue, acceptance))
    return (
        customers.join(best, on="customer_id", how="left", validate="1:1")
        .with_columns(_final_status())
        .with_columns(reason=_reason())
        .with_columns(
            pl.when(pl.col("status") == "offer").then(pl.col(name)).alias(name)
            for name in ("incentive_id", "incentive_name")
        )
        .select(pl.col(name).cast(kind) for name, kind in INCENTIVE_SCHEMA.items())
        .sort("customer_id")
    )


def _customers(
    features: pl.DataFrame, churn: pl.DataFrame, clv: pl.DataFrame, learner: OfferEffects | None
) -> pl.DataFrame:
    """What is needed of each customer; status `open` where an offer can be judged."""
    probability = churn.select("customer_id", "churn_probability")
    value = clv.filter(pl.col("horizon_days") == VALUE_DAYS).select(
        "customer_id", "value_at_stake_amount", ev_no_action_amount="predicted_clv_amount"
    )
    return (
        features.select(
            "customer_id",
            "as_of_date",
            "mrr_amount",
            *EFFECT_COLUMNS,
            is_subscriber=pl.col("is_subscriber").fill_null(value=False),
            has_notice=pl.col("is_cancel_at_period_end").fill_null(value=False),
        )
        .join(probability, on="customer_id", how="left", validate="1:1")
        .join(value, on="customer_id", how="left", validate="1:1")
        .with_columns(
            status=pl.when(~pl.col("is_subscriber") | pl.col("has_notice"))
            .then(pl.lit("not_eligible"))
            .when(pl.lit(learner is None) | pl.any_horizontal(pl.col(*_NEEDED).is_null()))
            .then(pl.lit("insufficient_data"))
            .otherwise(pl.lit("open")),
            has_experiment=pl.lit(learner is not None),
        )
    )


_NEEDED = ("churn_probability", "ev_no_action_amount", "value_at_stake_amount", "mrr_amount")


def _offers(
    learner: OfferEffects | None, catalogue: pl.DataFrame, acceptance: pl.DataFrame | None
) -> pl.DataFrame:
    """The offers that were tried and can be made, with the rule of cost; `position` among the learner's treatments."""
    tried = pl.DataFrame(
        {"incentive_id": [] if learner is None else learner.treatments_}, schema={"incentive_id": pl.String}
    ).with_row_index("position")
    taken = pl.DataFrame(schema={"incentive_id": pl.String, "acceptance_share": pl.Float64})
    return (
        tried.join(catalogue, on="incentive_id", how="inner", validate="1:1")
        .join(taken if acceptance is None else acceptance, on="incentive_id", how="left", validate="1:1")
        .select(
            "position",
            "incentive_id",
            "incentive_name",
            cost_months_of_mrr=pl.col("cost_share_of_mrr").cast(pl.Float64)
            * pl.col("cost_months").cast(pl.Float64),
            fixed_cost_amount=pl.col("fixed_cost_amount").cast(pl.Float64),
            acceptance_share=pl.col("acceptance_share").fill_null(1.0),
        )
        .drop_nulls(
            ["cost_months_of_mrr", "fixed_cost_amount"]
        )  # without a cost nobody can say whether it pays
        .sort("incentive_id")
    )


_OPTION_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "customer_id": pl.String,
    "incentive_id": pl.String,
    "incentive_name": pl.String,
    "segment": pl.String,
    "retention_lift": pl.Float64,
    "retention_lift_standard_error": pl.Float64,
    "gain_amount": MONEY,
    "ev_with_action_amount": MONEY,
    "cost_amount": MONEY,
    "expected_roi_amount": MONEY,
    "expected_roi_p05_amount": MONEY,
    "expected_roi_p95_amount": MONEY,
}


def _best_offers(customers: pl.DataFrame, learner: OfferEffects | None, offers: pl.DataFrame) -> pl.DataFrame:
    """The best offer of each customer: those whose lower bound pays before all others, then by return, then by name.

    Customers whom the best one would not keep have none.
    """
    if learner is None or customers.is_empty() or offers.is_empty():
        return pl.DataFrame(schema=_OPTION_SCHEMA)
    customers = customers.sort("customer_id")
    position = offers["position"].to_numpy()
    value = customers["ev_no_action_amount"].cast(pl.Float64).to_numpy()
    revenue = customers["mrr_amount"].cast(pl.Float64).to_numpy()
    worth = customers["value_at_stake_amount"].cast(pl.Float64).to_numpy()
    cost = (
        np.outer(revenue, offers["cost_months_of_mrr"].to_numpy()) + offers["fixed_cost_amount"].to_numpy()
    ) * offers["acceptance_share"].to_numpy()

    mean, spread = (each[:, position] for each in learner.predict(customers))
    wide, wide_spread = (each[:, position] for each in learner.predict(customers, widest=True))
    own = 1 - customers["churn_probability"].cast(pl.Float64).to_numpy()[:, None]
    points = [(own ** np.exp(mean + point * spread) - own, weight) for point, weight in QUADRATURE]
    lift = sum(weight * each for each, weight in points)
    square = sum(weight * each**2 for each, weight in points)
    low, high = (own ** np.exp(wide + side * BOUND * wide_spread) - own for side in (1, -1))
    gain = (lift * worth[:, None]).round(2)
    cost = cost.round(2)
    expected = gain - cost
    lowest, highest = (each * worth[:, None] - cost for each in (low, high))
    lowest, highest = np.minimum(lowest.round(2), expected), np.maximum(highest.round(2), expected)

    # Rounded, so that a difference in the last bit does not decide.
    pays = lowest.round(2) > 0
    rank = np.where(pays, expected.round(2) + 2 * np.abs(expected).max() + 1, expected.round(2))
    best = rank.argmax(axis=1)
    chosen = np.arange(len(best)), best
    return (
        pl.DataFrame(
            {
                "customer_id": customers["customer_id"],
                "incentive_id": offers["incentive_id"].gather(best),
                "incentive_name": offers["incentive_name"].gather(best),
                "segment": segment_names(learner, customers),
                "retention_lift": lift[chosen],
                "retention_lift_standard_error": np.sqrt((square - lift**2).clip(0))[chosen],
                "gain_amount": gain[chosen],
                "ev_with_action_amount": value + gain[chosen],
                "cost_amount": cost[chosen],
                "expected_roi_amount": expected[chosen],
                "expected_roi_p05_amount": lowest[chosen],
                "expected_roi_p95_amount": highest[chosen],
            }
        )
        .filter(pl.col("retention_lift") > 0)
        .select(
            (pl.col(name).round(2).cast(kind) if kind == MONEY else pl.col(name).cast(kind))
            for name, kind in _OPTION_SCHEMA.items()
        )
    )


def _final_status() -> pl.Expr:
    return (
        pl.when(pl.col("status") != "open")
        .then(pl.col("status"))
        .when((pl.col("expected_roi_p05_amount") > 0) & (pl.col("expected_roi_amount") > 0))
        .then(pl.lit("offer"))
        .otherwise(pl.lit("no_offer_pays"))
        .alias("status")
    )


def _reason() -> pl.Expr:
    kept = pl.format(
        "{}: by past randomised offers to customers like this one ({}) it keeps {} more of 100; worth {}, costs {}",
        pl.col("incentive_name"),
        "segment",
        (pl.col("retention_lift") * 100).round(1),
        pl.col("gain_amount"),
        pl.col("cost_amount"),
    )
    return (
        pl.when(pl.col("status") == "offer")
        .then(kept)
        .when(~pl.col("is_subscriber"))
        .then(pl.lit("No subscription to save"))
        .when(pl.col("has_notice"))
        .then(pl.lit("Has given notice: no past offer was made to such customers"))
        .when(~pl.col("has_experiment"))
        .then(pl.lit("No past randomised offers to learn from"))
        .when(pl.col("churn_probability").is_null())
        .then(pl.lit("No churn probability for this customer"))
        .when(pl.any_horizontal(pl.col("ev_no_action_amount", "value_at_stake_amount").is_null()))
        .then(pl.lit("No expected value for this customer"))
        .when(pl.col("mrr_amount").is_null())
        .then(pl.lit("Monthly revenue unknown, so that no offer has a cost"))
        .when(pl.col("incentive_name").is_null())
        .then(pl.lit("No offer that can be made is expected to keep a customer like this one"))
        .when(pl.col("expected_roi_amount") > 0)
        .then(pl.format("Too few outcomes to be sure that one pays; the likeliest is {}", kept))
        .otherwise(pl.format("None pays, the best is {}", kept))
    )
