"""What past randomised offers did to retention: the experiment as a table, and as what recommendations learn from.

Here: which outcomes count, and what the learner says of kinds of customers. Not here: the learner (`offer_effects.py`)
and who gets an offer today (`recommend.py`).
"""

import datetime as dt

import numpy as np
import polars as pl

from dagster_project.incentives.offer_effects import OfferEffects

CONTROL = "no_offer"
ALL_CUSTOMERS = "all"
EFFECT_COLUMNS = ["plan", "billing_interval", "active_day_last_30_days_count"]
"""What effects may differ by: what customers pay for, how often they decide, how much they use it."""
KNOWN_COLUMNS = [
    *EFFECT_COLUMNS,
    "seat_count",
    "subscription_tenure_days",
    "days_until_renewal",
    "failed_payment_last_90_days_count",
]
"""What churn without an offer is expected from."""
DRAWS = 400

EFFECT_SCHEMA = {
    "as_of_date": pl.Date,
    "incentive_id": pl.String,
    "customer_segment": pl.String,
    "treated_count": pl.Int64,
    "control_count": pl.Int64,
    "treated_retained_share": pl.Float64,
    "control_retained_share": pl.Float64,
    "raw_retention_lift": pl.Float64,
    "retention_lift": pl.Float64,
    "retention_lift_standard_error": pl.Float64,
    "hazard_ratio": pl.Float64,
    "log_hazard_ratio_standard_error": pl.Float64,
}


def learn_effects(outcomes: pl.DataFrame, as_of_date: dt.date) -> OfferEffects | None:
    """What offers change for whom, from the outcomes known by a day; None without an offer or without a control.

    Args:
        outcomes: One row per past randomised offer with `outcome_id`, `incentive_id` (`no_offer` is the control),
            `propensity_probability`, `is_retained`, `observed_until_date`, and `KNOWN_COLUMNS` of the customer at the
            month-end before the offer.
        as_of_date: Outcomes whose observation ended later do not exist yet.

    Returns:
        The learner; its outcome is to leave.
    """
    known = _known_outcomes(outcomes, as_of_date)
    is_control = known["incentive_id"] == CONTROL
    if not is_control.any() or is_control.all():
        return None
    return OfferEffects(CONTROL, EFFECT_COLUMNS).fit(
        known.select(KNOWN_COLUMNS),
        known["incentive_id"],
        ~known["is_retained"],
        known["propensity_probability"],
    )


def estimate_effects(
    outcomes: pl.DataFrame, as_of_date: dt.date, minimum_arm_count: int = 10
) -> pl.DataFrame:
    """Effect of each offer against no offer, over all customers and in the kinds that the learner found most likely.

    Shares are weighted by one over the chance of being drawn (Hajek's ratio form of Horvitz and Thompson 1952), so
    that an experiment whose chances differed between customers or changed over time still compares like with like.

    `retention_lift` is the mean difference of the chances to stay over the customers of the experiment, exp(-h HR) -
    exp(-h), at the hazard h expected of each without an offer; `hazard_ratio` the geometric mean of theirs. Errors are
    spreads of joint draws from the posterior.

    Args:
        outcomes: As of `learn_effects`.
        as_of_date: Outcomes whose observation ended later do not exist yet.
        minimum_arm_count: Kinds with fewer customers on either side have no raw lift; the model takes them all.

    Returns:
        Table `incentive_effects`, sorted by key; empty when there is no offer or no control.
    """
    learner = learn_effects(outcomes, as_of_date)
    if learner is None:
        return pl.DataFrame(schema=EFFECT_SCHEMA)
    known = _known_outcomes(outcomes, as_of_date)
    known = known.with_columns(
        customer_segment=segment_names(learner, known), hazard=pl.Series(learner.expected(known))
    )
    everybody = known.with_columns(customer_segment=pl.lit(ALL_CUSTOMERS))
    return (
        pl.concat([_compared(each, minimum_arm_count) for each in (known, everybody)])
        .join(
            pl.concat([_estimates(learner, each) for each in (known, everybody)]),
            on=["incentive_id", "customer_segment"],
            how="inner",
            validate="1:1",
        )
        .with_columns(as_of_date=pl.lit(as_of_date))
        .select(pl.col(name).cast(kind) for name, kind in EFFECT_SCHEMA.items())
        .sort("incentive_id", "customer_segment")
    )


def segment_names(learner: OfferEffects, customers: pl.DataFrame) -> pl.Series:
    """Kind of each customer by the most likely kinds, e.g. `Starter, year, up to 10 active days`."""
    parts = []
    for split in learner.model_.splits_:
        column = pl.col(EFFECT_COLUMNS[split.column])
        if split.cut is None:
            parts.append(column.cast(pl.String).fill_null(f"unknown {EFFECT_COLUMNS[split.column]}"))
        else:
            cut = int(split.cut)
            parts.append(
                pl.when(column > split.cut)
                .then(pl.lit(f"over {cut} active days"))
                .otherwise(pl.lit(f"up to {cut} active days"))
            )
    name = pl.concat_str(parts, separator=", ") if parts else pl.lit("everybody", dtype=pl.String)
    return customers.select(name.alias("customer_segment")).to_series()


def acceptance_shares(outcomes: pl.DataFrame, as_of_date: dt.date, minimum_count: int = 20) -> pl.DataFrame:
    """Share of the customers drawn for an offer who took it: an offer that was not taken cost nothing.

    Args:
        outcomes: As for `estimate_effects`, with `cost_amount`.
        as_of_date: Outcomes whose observation ended later do not exist yet.
        minimum_count: Offers with fewer known costs are left out; they count as always taken.

    Returns:
        Columns `incentive_id`, `acceptance_share` (0 to 1), sorted by offer.
    """
    return (
        _known_outcomes(outcomes, as_of_date)
        .filter((pl.col("incentive_id") != CONTROL) & pl.col("cost_amount").is_not_null())
        .group_by("incentive_id")
        .agg(count=pl.len(), acceptance_share=(pl.col("cost_amount") > 0).mean().cast(pl.Float64))
        .filter(pl.col("count") >= minimum_count)
        .select("incentive_id", "acceptance_share")
        .sort("incentive_id")
    )


def _known_outcomes(outcomes: pl.DataFrame, as_of_date: dt.date) -> pl.DataFrame:
    usable = (
        (pl.col("observed_until_date") <= as_of_date)
        & pl.col("is_retained").is_not_null()
        & pl.col("incentive_id").is_not_null()
        & (pl.col("propensity_probability") > 0)
        & (pl.col("propensity_probability") <= 1)
    )
    return outcomes.filter(usable).sort("outcome_id")  # sums of floats depend on their order


def _compared(known: pl.DataFrame, minimum_arm_count: int) -> pl.DataFrame:
    """Each offer beside the control of the same kind, with the raw difference where both have customers."""
    weight = 1 / pl.col("propensity_probability")
    cells = known.group_by("customer_segment", "incentive_id", maintain_order=True).agg(
        count=pl.len().cast(pl.Int64),
        share=(weight * pl.col("is_retained").cast(pl.Float64)).sum() / weight.sum(),
    )
    control = cells.filter(pl.col("incentive_id") == CONTROL).drop("incentive_id")
    enough = pl.min_horizontal("count", "count_control") >= minimum_arm_count
    return (
        cells.filter(pl.col("incentive_id") != CONTROL)
        .join(control, on="customer_segment", how="left", suffix="_control", validate="m:1")
        .with_columns(pl.col("count_control").fill_null(0))
        .select(
            "incentive_id",
            "customer_segment",
            treated_count="count",
            control_count="count_control",
            treated_retained_share="share",
            control_retained_share="share_control",
            raw_retention_lift=pl.when(enough).then(pl.col("share") - pl.col("share_control")),
        )
    )


def _estimates(learner: OfferEffects, known: pl.DataFrame) -> pl.DataFrame:
    """What the learner says of the customers of each kind."""
    alike = (
        known.group_by("customer_segment", *EFFECT_COLUMNS, maintain_order=True)
        .agg(pl.col("hazard").mean(), count=pl.len())
        .sort("customer_segment", *EFFECT_COLUMNS)
    )
    log_ratio = learner.draws(alike, DRAWS, seed=0)
    hazard = alike["hazard"].to_numpy()[:, None]
    lift = np.exp(-hazard * np.exp(log_ratio)) - np.exp(-hazard)
    segments = alike["customer_segment"].unique(maintain_order=True).to_list()
    member = (alike["customer_segment"].to_numpy() == np.array(segments)[:, None]) * alike["count"].to_numpy()
    share = member / member.sum(axis=1, keepdims=True)
    mean_ratio, mean_lift = (np.einsum("sr,dro->dso", share, each) for each in (log_ratio, lift))
    return pl.DataFrame(
        {
            "incentive_id": learner.treatments_ * len(segments),
            "customer_segment": np.repeat(segments, len(learner.treatments_)),
            "retention_lift": mean_lift.mean(axis=0).ravel(),
            "retention_lift_standard_error": mean_lift.std(axis=0).ravel(),
            "hazard_ratio": np.exp(mean_ratio.mean(axis=0)).ravel(),
            "log_hazard_ratio_standard_error": mean_ratio.std(axis=0).ravel(),
        }
    )
