"""What past randomised offers did to retention, per offer and kind of customer.

Here: the counts of the experiment, and what its hazard model says in shares of customers. Not here: the model
itself (`pooling.py`) and who gets an offer today (`recommend.py`).
"""

import datetime as dt

import numpy as np
import numpy.typing as npt
import polars as pl

from dagster_project.incentives.pooling import PooledHazards
from dagster_project.incentives.segment import ALL_CUSTOMERS, OTHER_CUSTOMERS, customer_segment

FloatArray = npt.NDArray[np.float64]

CONTROL = "no_offer"

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
_ESTIMATES = list(EFFECT_SCHEMA)[-4:]


def estimate_effects(
    outcomes: pl.DataFrame, as_of_date: dt.date, minimum_arm_count: int = 10
) -> pl.DataFrame:
    """Effect of each offer against no offer, per kind of customer.

    All offers and kinds are estimated together by one hazard model (`pooling.py`): what an offer does is a
    factor on the churn hazard, so that a kind that hardly churns is not promised points of retention, and the
    control that the offers of a kind share is in the errors of all of them.

    Shares are weighted by one over the chance of being drawn (Hajek's ratio form of Horvitz and Thompson
    1952), so that an experiment whose chances differed between customers or changed over time still compares
    like with like. The model takes each arm of a kind with its weighted share and the effective count of Kish,
    (sum w)^2 / sum w^2: where all had the same chance these are the plain counts, and elsewhere the weights do
    not pass for more customers than they are worth.

    `retention_lift` is the difference of the chances to stay, exp(-h HR) - exp(-h), at the hazard h that the
    model gives the kind without an offer; its error follows from those of h and HR (delta method).

    Two rows are added per offer: `all` with the offer's own effect mu, and `other`, the same as a guess for
    kinds without past offers, with the spread between kinds in its error. Their lift is the mean over the
    kinds of all outcomes.

    Args:
        outcomes: One row per past randomised offer with `outcome_id`, `incentive_id` (`no_offer` is the
            control), `propensity_probability`, `is_retained`, `observed_until_date`, and the features of the
            customer at the month-end before the offer that `segment.py` needs.
        as_of_date: Outcomes whose observation ended later do not exist yet.
        minimum_arm_count: Kinds with fewer customers on either side have no raw lift; the model takes them all.

    Returns:
        Table `incentive_effects`, sorted by key; empty when there is no offer or no control.
    """
    known = _known_outcomes(outcomes, as_of_date)
    cells = _arms(known, customer_segment())
    is_control = pl.col("incentive_id") == CONTROL
    if cells.filter(is_control).is_empty() or cells.filter(~is_control).is_empty():
        return pl.DataFrame(schema=EFFECT_SCHEMA)
    everybody = _compared(_arms(known, pl.lit(ALL_CUSTOMERS)), minimum_arm_count)
    nobody = everybody.with_columns(
        pl.lit(OTHER_CUSTOMERS).alias("customer_segment"),
        pl.lit(0, dtype=pl.Int64).alias("treated_count"),
        pl.lit(0, dtype=pl.Int64).alias("control_count"),
        *(
            pl.lit(None, dtype=pl.Float64).alias(name)
            for name in ("treated_retained_share", "control_retained_share", "raw_retention_lift")
        ),
    )
    rows = pl.concat([_compared(cells, minimum_arm_count), everybody, nobody])
    return (
        rows.join(_estimates(cells), on=["incentive_id", "customer_segment"], how="inner", validate="1:1")
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
    """Count, weighted share who stayed and effective count, per kind and arm, sorted."""
    weight = 1 / pl.col("propensity_probability")
    retained = pl.col("is_retained").cast(pl.Float64)
    return (
        known.sort("outcome_id")  # sums of floats depend on their order
        .group_by(segment.alias("customer_segment"), "incentive_id", maintain_order=True)
        .agg(
            count=pl.len().cast(pl.Int64),
            share=(weight * retained).sum() / weight.sum(),
            effective_count=weight.sum() ** 2 / (weight**2).sum(),
        )
        .sort("incentive_id", "customer_segment")
    )


def _compared(cells: pl.DataFrame, minimum_arm_count: int) -> pl.DataFrame:
    """Each offer beside the control of the same kind, with the raw difference where both have customers."""
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


def _estimates(cells: pl.DataFrame) -> pl.DataFrame:
    """The four columns that the model gives, per offer and kind and for `all` and `other`."""
    offers = sorted(set(cells["incentive_id"]) - {CONTROL})
    kinds = sorted(set(cells["customer_segment"]))
    arm = cells["incentive_id"].replace_strict([CONTROL, *offers], range(len(offers) + 1)).to_numpy()
    kind = cells["customer_segment"].replace_strict(kinds, range(len(kinds))).to_numpy()
    count = cells["effective_count"].to_numpy()
    churned = (count * (1 - cells["share"].to_numpy())).clip(0, count)
    model = PooledHazards().fit(arm, kind, count, churned)

    treated = cells.filter(pl.col("incentive_id") != CONTROL).select("incentive_id", "customer_segment")
    cell_kind = np.eye(len(kinds))[kind[arm > 0]]
    customers = np.bincount(kind, weights=cells["count"].to_numpy())
    mixture = np.tile(customers / customers.sum(), (len(offers), 1))
    effect_start = len(kinds) + len(offers)
    mean_rows = np.arange(len(kinds), effect_start)
    return pl.concat(
        [
            _rows(treated, model, cell_kind, np.arange(effect_start, effect_start + treated.height), 0.0),
            *(
                _rows(
                    pl.DataFrame({"incentive_id": offers}).with_columns(customer_segment=pl.lit(name)),
                    model,
                    mixture,
                    mean_rows,
                    extra_variance,
                )
                for name, extra_variance in (
                    (ALL_CUSTOMERS, 0.0),
                    (OTHER_CUSTOMERS, model.segment_spread_**2),
                )
            ),
        ]
    )


def _rows(
    keys: pl.DataFrame,
    model: PooledHazards,
    mixture: FloatArray,
    position: npt.NDArray[np.intp],
    extra_variance: float,
) -> pl.DataFrame:
    """Lift and hazard ratio of some effects of the model, at a mixture of the levels of its kinds.

    Args:
        keys: Offer and kind of each row.
        model: The fitted model.
        mixture: Share of each kind in the row's customers, shape (rows, kinds).
        position: Where the row's log hazard ratio stands in the model's covariance, shape (rows,).
        extra_variance: Added to the variance of the log hazard ratio.

    Returns:
        The keys with the four estimates.
    """
    level_count = model.level_.size
    log_ratio = np.concatenate([model.level_, model.offer_, model.effect_])[position]
    variance = np.diag(model.covariance_)[position] + extra_variance
    hazard = np.exp(model.level_)
    with_offer = np.exp(log_ratio)[:, None] * hazard
    lift = (mixture * (np.exp(-with_offer) - np.exp(-hazard))).sum(axis=1)
    by_level = mixture * (hazard * np.exp(-hazard) - with_offer * np.exp(-with_offer))
    by_ratio = -(mixture * with_offer * np.exp(-with_offer)).sum(axis=1)
    between = model.covariance_[:level_count, position].T
    lift_variance = (
        ((by_level @ model.covariance_[:level_count, :level_count]) * by_level).sum(axis=1)
        + 2 * by_ratio * (by_level * between).sum(axis=1)
        + by_ratio**2 * variance
    )
    estimates = (lift, np.sqrt(lift_variance.clip(0)), np.exp(log_ratio), np.sqrt(variance))
    return keys.with_columns(
        pl.Series(name, values, dtype=pl.Float64) for name, values in zip(_ESTIMATES, estimates, strict=True)
    )
