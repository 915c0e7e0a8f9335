"""What customers without a contract are worth: purchases to come, times what each brings.

Here: means in closed form, quantiles from simulated futures, for every horizon. Not here: the models, which of them won
(`contest.py`) and customers with a contract (`subscriber_values.py`).
"""

import datetime as dt

import numpy as np
import polars as pl

from dagster_project.value.buyers import Buyers, buyers_at
from dagster_project.value.contest import best_purchase_model, corrections, winner_of
from dagster_project.value.maximum_likelihood import FloatArray, NotEnoughHistory
from dagster_project.value.purchase_models import WITH_SPEND, FittedModels, fit_models
from dagster_project.value.value_rows import (
    HORIZONS_DAYS,
    QUANTILES,
    Terms,
    no_values,
    parameter_rows,
    value_rows,
)

DRAW_COUNT = 500
SPAN_ENDS_DAYS = (90, 365, 730, 1095)
"""Ends of the spans whose simulated spend is discounted alike; every horizon is one of them."""
MEAN_STEP_DAYS = 45
"""Steps of the closed form over time, for the discounted mean."""
CHUNK = 1_000  # customers whose futures are in memory at a time
SEED = 20240930


def value_buyers(
    purchases: pl.DataFrame, contest: pl.DataFrame, as_of_date: dt.date, terms: Terms
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Values of buyers at every horizon, and the parameters of all models.

    The mean is the closed form of the best model of purchases, times the mean spend of Gamma-Gamma; the quantiles are
    those of `DRAW_COUNT` futures of each customer. Where another candidate won the contest, both are multiplied by what
    it says over what the model says (`contest.corrections`), at every horizon alike.

    Args:
        purchases: Result of `purchases_without_contract`.
        contest: `clv_model_contest` of the day.
        as_of_date: The day.
        terms: Margin and discount.

    Returns:
        Rows in `VALUE_SCHEMA` and in `PARAMETER_SCHEMA`; none where there is too little to learn from.
    """
    buyers = buyers_at(purchases, as_of_date)
    try:
        models = fit_models(buyers)
    except NotEnoughHistory:
        return no_values()
    base = best_purchase_model(contest)
    name = winner_of(contest) or base + WITH_SPEND
    try:
        factor = corrections(contest, models, purchases, buyers, as_of_date)
    except NotEnoughHistory:
        name, factor = base + WITH_SPEND, np.ones(len(buyers))
    margin = terms.gross_margin_share * factor
    # A customer who bought once says nothing of its own but when that was.
    statuses = pl.select(
        pl.when(pl.lit(pl.Series(buyers.repeat_count > 0)))
        .then(pl.lit("scored"))
        .otherwise(pl.lit("prior_only"))
    ).to_series()
    alive = models.purchases[base].probability_alive(*buyers.histories)
    quantiles = simulated_quantiles(models, base, buyers, terms)
    rows = []
    for place, horizon_days in enumerate(HORIZONS_DAYS):
        expected, discounted = _expected_purchases(models, base, buyers, horizon_days, terms)
        spend = models.spend.expected_spend(*buyers.spends)
        amounts = np.stack([expected * spend, *quantiles[place, 0], discounted * spend, *quantiles[place, 1]])
        rows.append(
            value_rows(buyers.customer_ids, horizon_days, statuses, name, alive, expected, amounts * margin)
        )
    return pl.concat(rows), _parameters(models)


def simulated_quantiles(models: FittedModels, name: str, buyers: Buyers, terms: Terms) -> FloatArray:
    """Quantiles of the revenue of each buyer, from simulated futures.

    Args:
        models: Fitted models.
        name: The model of purchases whose futures are drawn.
        buyers: Their histories.
        terms: Discount; no margin is taken here.

    Returns:
        By horizon, by undiscounted and discounted, by quantile, by buyer: shape (3, 2, 3, n).
    """
    ends = np.array(SPAN_ENDS_DAYS, dtype=np.float64)
    worth = terms.mean_factor(np.concatenate([[0.0], ends[:-1]]), ends)
    places = [SPAN_ENDS_DAYS.index(days) for days in HORIZONS_DAYS]
    found = np.zeros((len(HORIZONS_DAYS), 2, len(QUANTILES), len(buyers)))
    for number, begin in enumerate(range(0, len(buyers), CHUNK)):
        rows = slice(begin, begin + CHUNK)
        random = np.random.default_rng([SEED, number])
        histories = [values[rows] for values in buyers.histories]
        counts = models.purchases[name].simulate_purchases(random, ends / 7, DRAW_COUNT, *histories)
        spend = models.spend.simulate_spend(
            random, counts, buyers.spend_count[rows], buyers.average_spend[rows]
        )
        for kind, amounts in enumerate((spend, spend * worth)):
            total = np.cumsum(amounts, axis=2)
            for place, span in enumerate(places):
                found[place, kind, :, rows] = np.quantile(total[:, :, span], QUANTILES, axis=1)
    return found


def _expected_purchases(
    models: FittedModels, name: str, buyers: Buyers, horizon_days: int, terms: Terms
) -> tuple[FloatArray, FloatArray]:
    """Expected purchases of a horizon, and the same with each worth what it is worth today."""
    ends = np.append(np.arange(MEAN_STEP_DAYS, horizon_days, MEAN_STEP_DAYS, dtype=np.float64), horizon_days)
    so_far = np.stack([models.expected_purchases(name, float(end), buyers) for end in ends])
    within = np.diff(so_far, axis=0, prepend=0.0)
    worth = terms.mean_factor(np.concatenate([[0.0], ends[:-1]]), ends)
    return so_far[-1], worth @ within


def _parameters(models: FittedModels) -> pl.DataFrame:
    fitted = [*models.purchases.items(), ("gamma_gamma", models.spend)]
    return parameter_rows(
        (
            name,
            parameter,
            getattr(model, f"{parameter}_"),
            error,
            model.log_likelihood_,
            model.customer_count_,
        )
        for name, model in fitted
        for parameter, error in model.standard_errors_.items()
    )
