"""Which offer pays for whom: expected margin with the offer, less without, less what it costs.

Here: the value of a retention lift for one customer, and the choice. Not here: what offers did in the past
(`effects.py`), the churn probability and the value of a customer, which come in as tables.
"""

import polars as pl

from dagster_project.incentives.segment import (
    ALL_CUSTOMERS,
    OTHER_CUSTOMERS,
    customer_segment,
    segment_words,
)

EVIDENCE_STANDARD_ERRORS = 1.645
"""One-sided 95 %: an offer that harms costs money and trust, one that is left out costs only money. In simulated
experiments with useful offers 1.0 earned about four fifths more; where offers help some kinds of customers and harm
others, it also claimed returns that were not there."""

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
    "reason": pl.String,
}


def recommend_incentives(
    features: pl.DataFrame,
    churn: pl.DataFrame,
    clv: pl.DataFrame,
    effects: pl.DataFrame,
    catalogue: pl.DataFrame,
    horizon_days: int = 90,
    acceptance: pl.DataFrame | None = None,
    evidence_standard_errors: float = EVIDENCE_STANDARD_ERRORS,
) -> pl.DataFrame:
    """The offer with the best positive expected return for each customer, or none.

    The value at the customer's own risk. `customer_clv` values a subscriber by the survival of all; here the same
    monthly margin (predicted_clv_amount / expected_purchases) is paid as long as the customer's own churn
    probability p over H days lets expect: a constant hazard -ln(1 - p) / H gives (1 - (1 - p)^(365 / H)) / hazard
    days of the next 365. A customer who has all but left is worth little without an offer.

    The customer's own lift. An offer multiplies the churn hazard of a kind of customer by HR. At the customer's
    own churn probability p the chance to stay goes from 1 - p to (1 - p)^HR: lift = (1 - p)^HR - (1 - p). A
    customer who would stay anyway cannot gain. Its standard error is that of log HR times the slope
    HR * -ln(1 - p) * (1 - p)^HR (delta method; p is taken as known).

    What the lift is worth. V is that value, H the horizon. Up
    to H nothing changes (customers saved early within H are left out: cautious). The margin after H is
    proportional to the chance of still being there: V_after * (1 - p + lift) / (1 - p). With a constant
    hazard, under which margin comes in proportion to the survival curve (1 - p)^(t / H), V_after / (1 - p) is
    V * g with g = (1 - (1 - p)^((365 - H) / H)) / (1 - (1 - p)^(365 / H)). So the offer is worth lift * V *
    g, where g grows from (365 - H) / 365 at no risk to 1 at certain churn: no division by a small 1 - p can
    blow it up, and a saved customer is never worth more than V. A saved customer keeps today's risk after H:
    cautious again.

    Cost. (share of MRR * months * MRR + fixed amount) * share of customers who take the offer.

    The choice. An offer is considered only when -ln HR is above 0 by `evidence_standard_errors` standard
    errors: with several offers per customer the best-looking of useless ones would be chosen otherwise. Of
    those considered the one with the highest return is recommended when that is above 0; equal returns go to
    the first name.

    Args:
        features: `customer_features` of the day, one row per customer.
        churn: `customer_churn` of the day.
        clv: `customer_clv` of the day; the horizon of `VALUE_DAYS` is looked at.
        effects: `incentive_effects` of the day.
        catalogue: Seed `incentive_catalogue`.
        horizon_days: Length of the churn horizon.
        acceptance: Result of `acceptance_shares`; offers that are not in it count as always taken.
        evidence_standard_errors: How many standard errors -ln HR must be above 0.

    Returns:
        Table `customer_incentives`, sorted by customer.
    """
    customers = _customers(features, churn, _value_at_own_risk(clv, churn, horizon_days), effects)
    options = _options(
        customers.filter(pl.col("status") == "open"), _offers(effects, catalogue, acceptance), horizon_days
    )
    convincing = options.filter(
        -pl.col("hazard_ratio").log() > evidence_standard_errors * pl.col("log_hazard_ratio_standard_error")
    )
    best = convincing.sort(
        ["customer_id", "expected_roi_amount", "incentive_id"], descending=[False, True, False]
    ).unique("customer_id", keep="first", maintain_order=True)
    return (
        customers.join(best.drop("ev_no_action_amount"), on="customer_id", how="left", validate="1:1")
        .with_columns(_final_status())
        .with_columns(reason=_reason())
        .with_columns(
            pl.when(pl.col("status") == "offer").then(pl.col(name)).alias(name)
            for name in ("incentive_id", "incentive_name")
        )
        .select(pl.col(name).cast(kind) for name, kind in INCENTIVE_SCHEMA.items())
        .sort("customer_id")
    )


def _value_at_own_risk(clv: pl.DataFrame, churn: pl.DataFrame, horizon_days: int) -> pl.DataFrame:
    """Expected margin of the next 365 days of each customer, at the customer's own churn probability."""
    stay = 1 - pl.col("churn_probability").clip(1e-6, 1 - 1e-6)
    expected_days = (1 - stay ** (VALUE_DAYS / horizon_days)) / (-stay.log() / horizon_days)
    payments = pl.col("expected_purchases")
    monthly_margin = pl.when(payments > 0).then(pl.col("predicted_clv_amount").cast(pl.Float64) / payments)
    return (
        clv.filter(pl.col("horizon_days") == VALUE_DAYS)
        .join(churn.select("customer_id", "churn_probability"), on="customer_id", how="left", validate="1:1")
        .select(
            "customer_id",
            ev_no_action_amount=(monthly_margin * expected_days * 12 / VALUE_DAYS).round(2).cast(MONEY),
        )
    )


def _customers(
    features: pl.DataFrame, churn: pl.DataFrame, value: pl.DataFrame, effects: pl.DataFrame
) -> pl.DataFrame:
    """What is needed of each customer; status `open` where an offer can be judged."""
    probability = churn.select("customer_id", "churn_probability")
    return (
        features.select(
            "customer_id",
            "as_of_date",
            "mrr_amount",
            customer_segment(),
            segment_words(),
            is_subscriber=pl.col("is_subscriber").fill_null(value=False),
        )
        .join(probability, on="customer_id", how="left", validate="1:1")
        .join(value, on="customer_id", how="left", validate="1:1")
        .with_columns(
            status=pl.when(~pl.col("is_subscriber"))
            .then(pl.lit("not_eligible"))
            .when(pl.lit(effects.is_empty()) | pl.any_horizontal(pl.col(*_NEEDED).is_null()))
            .then(pl.lit("insufficient_data"))
            .otherwise(pl.lit("open")),
            has_experiment=pl.lit(not effects.is_empty()),
        )
    )


_NEEDED = ("churn_probability", "ev_no_action_amount", "mrr_amount")


def _offers(effects: pl.DataFrame, catalogue: pl.DataFrame, acceptance: pl.DataFrame | None) -> pl.DataFrame:
    """Effects of the offers that can be made, with the rule of cost."""
    taken = pl.DataFrame(schema={"incentive_id": pl.String, "acceptance_share": pl.Float64})
    return (
        effects.filter(pl.col("customer_segment") != ALL_CUSTOMERS)
        .join(catalogue, on="incentive_id", how="inner", validate="m:1")
        .join(taken if acceptance is None else acceptance, on="incentive_id", how="left", validate="m:1")
        .select(
            "incentive_id",
            "incentive_name",
            "customer_segment",
            "hazard_ratio",
            "log_hazard_ratio_standard_error",
            segment_lift="retention_lift",
            cost_months_of_mrr=pl.col("cost_share_of_mrr").cast(pl.Float64)
            * pl.col("cost_months").cast(pl.Float64),
            fixed_cost_amount=pl.col("fixed_cost_amount").cast(pl.Float64),
            acceptance_share=pl.col("acceptance_share").fill_null(1.0),
        )
    )


def _options(customers: pl.DataFrame, offers: pl.DataFrame, horizon_days: int) -> pl.DataFrame:
    """Every offer for every customer, with its worth, cost and return in money to the cent."""
    known_kinds = offers.select("incentive_id", "customer_segment", is_known_kind=pl.lit(value=True))
    stay = 1 - pl.col("churn_probability")
    ratio = pl.col("hazard_ratio")
    slope = -ratio * stay.clip(1e-12, 1).log() * stay**ratio
    value = pl.col("ev_no_action_amount").cast(pl.Float64)
    gain = pl.col("retention_lift") * value * _share_still_to_come(horizon_days)
    cost = (
        pl.col("cost_months_of_mrr") * pl.col("mrr_amount").cast(pl.Float64) + pl.col("fixed_cost_amount")
    ) * pl.col("acceptance_share")
    return (
        customers.select("customer_id", "customer_segment", "segment_words", *_NEEDED)
        .join(offers.select("incentive_id").unique(), how="cross")
        .join(known_kinds, on=["incentive_id", "customer_segment"], how="left", validate="m:1")
        .with_columns(
            is_known_kind=pl.col("is_known_kind").fill_null(value=False),
            matched=pl.when("is_known_kind").then("customer_segment").otherwise(pl.lit(OTHER_CUSTOMERS)),
        )
        .drop("customer_segment")
        .join(
            offers,
            left_on=["incentive_id", "matched"],
            right_on=["incentive_id", "customer_segment"],
            how="inner",
            validate="m:1",
        )
        .with_columns(
            retention_lift=stay**ratio - stay,
            retention_lift_standard_error=slope * pl.col("log_hazard_ratio_standard_error"),
        )
        .with_columns(gain_amount=gain.round(2).cast(MONEY), cost_amount=cost.round(2).cast(MONEY))
        .with_columns(
            ev_with_action_amount=(pl.col("ev_no_action_amount") + pl.col("gain_amount")).cast(MONEY),
            expected_roi_amount=(pl.col("gain_amount") - pl.col("cost_amount")).cast(MONEY),
        )
        .select(
            "customer_id",
            "is_known_kind",
            "incentive_id",
            "incentive_name",
            "segment_lift",
            "retention_lift",
            "retention_lift_standard_error",
            "hazard_ratio",
            "log_hazard_ratio_standard_error",
            "ev_no_action_amount",
            "ev_with_action_amount",
            "gain_amount",
            "cost_amount",
            "expected_roi_amount",
        )
    )


def _share_still_to_come(horizon_days: int) -> pl.Expr:
    """The factor g of `recommend_incentives`, per customer."""
    stay = 1 - pl.col("churn_probability").clip(1e-6, 1 - 1e-6)
    after = max(VALUE_DAYS - horizon_days, 0) / horizon_days
    return (1 - stay**after) / (1 - stay ** (VALUE_DAYS / horizon_days))


def _final_status() -> pl.Expr:
    return (
        pl.when(pl.col("status") != "open")
        .then(pl.col("status"))
        .when(pl.col("expected_roi_amount") > 0)
        .then(pl.lit("offer"))
        .otherwise(pl.lit("no_offer_pays"))
        .alias("status")
    )


def _reason() -> pl.Expr:
    kind = pl.when("is_known_kind").then("segment_words").otherwise(pl.lit("customers of all kinds"))
    kept = pl.format(
        "{}: in past randomised offers to {} it kept {} more of 100; worth {}, costs {}",
        pl.col("incentive_name"),
        kind,
        (pl.col("segment_lift") * 100).round(1),
        pl.col("gain_amount"),
        pl.col("cost_amount"),
    )
    return (
        pl.when(pl.col("status") == "offer")
        .then(kept)
        .when(pl.col("status") == "not_eligible")
        .then(pl.lit("No subscription to save"))
        .when(~pl.col("has_experiment"))
        .then(pl.lit("No past randomised offers to learn from"))
        .when(pl.col("churn_probability").is_null())
        .then(pl.lit("No churn probability for this customer"))
        .when(pl.col("ev_no_action_amount").is_null())
        .then(pl.lit("No expected value for this customer"))
        .when(pl.col("mrr_amount").is_null())
        .then(pl.lit("Monthly revenue unknown, so that no offer has a cost"))
        .when(pl.col("incentive_name").is_null())
        .then(pl.format("No past offer kept more {} than chance would", pl.col("segment_words")))
        .otherwise(pl.format("None pays, the best is {}", kept))
    )
