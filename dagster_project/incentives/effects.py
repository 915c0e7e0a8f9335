"""What past randomised offers did to retention, per offer and kind of customer.

Here: the comparison of offer and control, and its noise. Not here: who gets an offer today (`recommend.py`).
"""

import datetime as dt

import numpy as np
import numpy.typing as npt
import polars as pl

from dagster_project.incentives.pooling import PooledEffects, pool_effects
from dagster_project.incentives.segment import ALL_CUSTOMERS, OTHER_CUSTOMERS, customer_segment

FloatArray = npt.NDArray[np.float64]

CONTROL = "no_offer"
SPREAD_SCALE = 0.10
"""Prior scale of how far kinds of customers differ in their answer to one offer: ten points of retention."""

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
}


def estimate_effects(
    outcomes: pl.DataFrame,
    as_of_date: dt.date,
    minimum_arm_count: int = 10,
    spread_scale: float = SPREAD_SCALE,
) -> pl.DataFrame:
    """Effect of each offer against no offer, per kind of customer.

    Shares are weighted by one over the chance of being drawn (Hájek's ratio form of Horvitz and Thompson
    1952), so that an experiment whose chances differed between customers or changed over time still compares
    like with like. Kinds are then pooled per offer (`pooling.py`): the best of many noisy differences is
    otherwise mostly luck.

    Two rows are added per offer: `all`, whose raw lift takes all customers together and whose pooled lift is
    the mean of the kinds, and `other`, the same mean as a guess for kinds without past offers, with the
    standard error of such a guess.

    Args:
        outcomes: One row per past randomised offer with `customer_id`, `incentive_id` (`no_offer` is the
            control), `propensity_probability`, `is_retained`, `observed_until_date`, and the features of the
            customer at the month-end before the offer that `segment.py` needs.
        as_of_date: Outcomes whose observation ended later do not exist yet.
        minimum_arm_count: Kinds with fewer customers on either side have no raw lift and take the mean.
        spread_scale: See `pool_effects`.

    Returns:
        Table `incentive_effects`, sorted by key; empty when no offer has enough outcomes in any kind.
    """
    known = _known_outcomes(outcomes, as_of_date)
    cells = pl.concat([_arms(known, customer_segment()), _arms(known, pl.lit(ALL_CUSTOMERS))])
    control = cells.filter(pl.col("incentive_id") == CONTROL).drop("incentive_id")
    compared = (
        cells.filter(pl.col("incentive_id") != CONTROL)
        .join(control, on="customer_segment", how="left", suffix="_control", validate="m:1")
        .with_columns(pl.col("count_control").fill_null(0))
        .with_columns(
            is_compared=(pl.col("count") >= minimum_arm_count)
            & (pl.col("count_control") >= minimum_arm_count)
        )
        .with_columns(
            raw_retention_lift=pl.when("is_compared").then(pl.col("share") - pl.col("share_control")),
            variance=pl.when("is_compared").then(pl.col("variance") + pl.col("variance_control")),
        )
        .sort("incentive_id", "customer_segment")
    )
    offers = [
        _pool_offer(offer, spread_scale)
        for offer in compared.partition_by("incentive_id", maintain_order=True)
    ]
    pooled = [offer for offer in offers if offer is not None]
    if not pooled:
        return pl.DataFrame(schema=EFFECT_SCHEMA)
    return (
        pl.concat(pooled)
        .with_columns(as_of_date=pl.lit(as_of_date))
        .select(pl.col(name).cast(kind) for name, kind in EFFECT_SCHEMA.items())
        .sort("incentive_id", "customer_segment")
    )


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
    return outcomes.filter(usable)


def _arms(known: pl.DataFrame, segment: pl.Expr) -> pl.DataFrame:
    """Weighted share who stayed and its variance, per kind and arm.

    The variance is p(1-p) over the effective count of Kish, (sum w)^2 / sum w^2. For it, p is drawn by two
    pseudo-customers towards one half (Agresti and Caffo 2000): an arm where everybody stayed is not free of
    noise.
    """
    weight = 1 / pl.col("propensity_probability")
    retained = pl.col("is_retained").cast(pl.Float64)
    effective = pl.col("weight_sum") ** 2 / pl.col("square_sum")
    smoothed = (pl.col("share") * effective + 1) / (effective + 2)
    return (
        known.sort("outcome_id")  # sums of floats depend on their order
        .group_by(segment.alias("customer_segment"), "incentive_id", maintain_order=True)
        .agg(
            count=pl.len().cast(pl.Int64),
            weight_sum=weight.sum(),
            square_sum=(weight**2).sum(),
            share=(weight * retained).sum() / weight.sum(),
        )
        .with_columns(variance=smoothed * (1 - smoothed) / (effective + 2))
        .select("customer_segment", "incentive_id", "count", "share", "variance")
    )


def _pool_offer(offer: pl.DataFrame, spread_scale: float) -> pl.DataFrame | None:
    """Rows of one offer with pooled lifts; None when no kind could be compared."""
    kinds = offer.filter(pl.col("customer_segment") != ALL_CUSTOMERS)
    compared = kinds.filter("is_compared")
    if compared.is_empty():
        return None
    pooled = pool_effects(
        compared["raw_retention_lift"].to_numpy(), compared["variance"].to_numpy(), spread_scale
    )
    rows = pl.concat(
        [_with_lift(compared, pooled.effect, pooled.standard_error), _mean_rows(offer, kinds, pooled)]
    )
    return rows.select(
        "incentive_id",
        "customer_segment",
        "raw_retention_lift",
        "retention_lift",
        "retention_lift_standard_error",
        treated_count="count",
        control_count="count_control",
        treated_retained_share="share",
        control_retained_share="share_control",
    )


def _mean_rows(offer: pl.DataFrame, kinds: pl.DataFrame, pooled: PooledEffects) -> pl.DataFrame:
    """Kinds with too few outcomes, `other` and `all`: they all take the mean of the kinds."""
    sparse = kinds.filter(~pl.col("is_compared"))
    everybody = offer.filter(pl.col("customer_segment") == ALL_CUSTOMERS)
    nobody = everybody.with_columns(
        pl.lit(OTHER_CUSTOMERS).alias("customer_segment"),
        pl.lit(0, dtype=pl.Int64).alias("count"),
        pl.lit(0, dtype=pl.Int64).alias("count_control"),
        *(
            pl.lit(None, dtype=pl.Float64).alias(name)
            for name in ("share", "share_control", "raw_retention_lift")
        ),
    )
    guessed = pl.concat([sparse, nobody])
    return pl.concat(
        [
            _with_lift(
                guessed,
                np.full(guessed.height, pooled.mean),
                np.full(guessed.height, pooled.new_group_standard_error),
            ),
            _with_lift(everybody, np.array([pooled.mean]), np.array([pooled.mean_standard_error])),
        ]
    )


def _with_lift(rows: pl.DataFrame, lift: FloatArray, standard_error: FloatArray) -> pl.DataFrame:
    return rows.with_columns(
        pl.Series("retention_lift", lift, dtype=pl.Float64),
        pl.Series("retention_lift_standard_error", standard_error, dtype=pl.Float64),
    )
