"""The contest of the value models: which of them would have said best what buyers then spent.

Here: the candidates, the closed window that they are judged on, the measures and the rule of who wins. Not here: the
models, and what the winner says of the days to come (`clv.py`).
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from dagster_project.value.boosted_spend import boosted_spend
from dagster_project.value.buyers import Buyers, bought_within, buyers_at, purchases_without_contract
from dagster_project.value.forecast_measures import measures_of
from dagster_project.value.maximum_likelihood import FloatArray, NotEnoughHistory
from dagster_project.value.purchase_models import PURCHASE_MODELS, WITH_SPEND, FittedModels, fit_models

MAX_WINDOW_DAYS = 365
MIN_WINDOW_DAYS = 28
MIN_CUSTOMERS = 50
LAST_PERIOD, LAST_YEAR, BOOSTED, BLEND = (
    "same_as_last_period",
    "same_period_last_year",
    "boosted_tweedie",
    "blend",
)
CANDIDATES = (*(name + WITH_SPEND for name in PURCHASE_MODELS), BOOSTED, BLEND, LAST_PERIOD, LAST_YEAR)
NAIVE = (LAST_PERIOD, LAST_YEAR)
"""They have neither an interval nor a horizon of their own, so they cannot win: they are what a model must beat."""
LEVEL_LIMITS = (0.5, 2.0)
CORRECTION_LIMITS = (0.1, 10.0)

CONTEST_SCHEMA: dict[str, pl.DataType] = {
    "as_of_date": pl.Date(),
    "model": pl.String(),
    "status": pl.String(),
    "is_winner": pl.Boolean(),
    "train_until_date": pl.Date(),
    "window_days": pl.Int64(),
    "customer_count": pl.Int64(),
    "actual_spend_amount": pl.Decimal(18, 2),
    "predicted_spend_amount": pl.Decimal(18, 2),
    "normalised_gini": pl.Float64(),
    "total_error_ratio": pl.Float64(),
    "mean_absolute_error_amount": pl.Decimal(18, 2),
    "loss": pl.Float64(),
    "purchase_mean_absolute_error": pl.Float64(),
    "purchase_total_error_ratio": pl.Float64(),
    "purchase_rank_correlation": pl.Float64(),
    "level_ratio": pl.Float64(),
    "note": pl.String(),
}


@dataclass(frozen=True)
class Forecasts:
    """What the candidates said of a window before it began.

    Attributes:
        customer_ids: The buyers that were known then, sorted.
        spend: Spend in the window by candidate, shape (n,) each; those that could say nothing are not in it.
        purchases: Purchase days in the window, of those that count them.
        reasons: Why the others could say nothing.
    """

    customer_ids: pl.Series
    spend: dict[str, FloatArray] = field(default_factory=dict)
    purchases: dict[str, FloatArray] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)


def run_contest(purchase_days: pl.DataFrame, features: pl.DataFrame, as_of_date: dt.date) -> pl.DataFrame:
    """Judge every candidate on the last window that is over, for buyers who were known when it began.

    The window is as long as half of the history, 365 days at most: what comes before it is left to learn from. The loss
    of a candidate is (1 - normalised Gini) + |total error| + mean absolute error / mean spend: order, level and the
    single customer, each a part of 1 and each as heavy. The smallest loss of those that can win wins.

    The blend is the mean of the boosted trees and of the purchase models, taken to the level of the window before: what
    buyers spent then over what it said of them; 1 where there is no window before. `level_ratio` is that of the judged
    window, for the days to come.

    Args:
        purchase_days: Rows of `purchase_days`; later ones are not looked at.
        features: `customer_features` of the day.
        as_of_date: The last day of the window.

    Returns:
        The rows of `clv_model_contest`, one per candidate, sorted by model; without enough history none is judged and
        none wins.
    """
    purchases = purchases_without_contract(purchase_days, features, as_of_date)
    window_days = contest_window_days(purchases, as_of_date)
    begin = as_of_date - dt.timedelta(window_days)
    known = buyers_at(purchases, begin)
    if window_days < MIN_WINDOW_DAYS or len(known) < MIN_CUSTOMERS:
        return _rows(
            as_of_date, {}, {}, dict.fromkeys(CANDIDATES, "too few buyers or days to close a window")
        )
    forecasts = forecast(purchases, begin, window_days)
    if BLEND in forecasts.spend:
        level = _level_before(purchases, begin, window_days)
        forecasts.spend[BLEND] = forecasts.spend[BLEND] * level
    day_counts, spend = bought_within(purchases, forecasts.customer_ids, begin, as_of_date)
    judged = {
        name: measures_of(predicted, spend, forecasts.purchases.get(name), day_counts)
        for name, predicted in forecasts.spend.items()
    }
    if BLEND in judged:
        judged[BLEND]["level_ratio"] = _level(spend, forecasts.spend[BLEND] / level)
    shared = {
        "train_until_date": begin,
        "window_days": window_days,
        "customer_count": len(known),
        "actual_spend_amount": spend.sum(),
    }
    return _rows(as_of_date, shared, judged, forecasts.reasons)


def contest_window_days(purchases: pl.DataFrame, day: dt.date) -> int:
    """Length of the last window that is over: half of the history, 365 days at most."""
    first: dt.date | None = purchases["purchase_date"].min()  # type: ignore[assignment]
    return 0 if first is None else min(MAX_WINDOW_DAYS, (day - first).days // 2)


def forecast(purchases: pl.DataFrame, day: dt.date, window_days: int) -> Forecasts:
    """What each candidate says at the end of a day of the days after it; the blend without its level."""
    buyers = buyers_at(purchases, day)
    found = Forecasts(buyers.customer_ids)
    _forecast_as_before(found, purchases, day, window_days)
    try:
        models = fit_models(buyers)
    except NotEnoughHistory as error:
        found.reasons.update({name + WITH_SPEND: str(error) for name in PURCHASE_MODELS})
    else:
        for name in PURCHASE_MODELS:
            found.purchases[name + WITH_SPEND] = models.expected_purchases(name, window_days, buyers)
            found.spend[name + WITH_SPEND] = models.expected_spend(name, window_days, buyers)
    try:
        _, found.spend[BOOSTED] = boosted_spend(purchases, day, window_days)
    except NotEnoughHistory as error:
        found.reasons[BOOSTED] = str(error)
    if BOOSTED in found.spend and PURCHASE_MODELS.keys() <= {
        name.removesuffix(WITH_SPEND) for name in found.purchases
    }:
        found.spend[BLEND] = blended(
            found.spend[BOOSTED], [found.spend[name + WITH_SPEND] for name in PURCHASE_MODELS]
        )
    else:
        found.reasons[BLEND] = "a part of the blend is missing"
    return found


def blended(boosted: FloatArray, of_models: list[FloatArray]) -> FloatArray:
    """The mean of the boosted trees and of the mean of the purchase models, before its level."""
    return np.asarray((boosted + np.mean(of_models, axis=0)) / 2)


def winner_of(contest: pl.DataFrame) -> str | None:
    """The model that won; None where none was judged."""
    return next(iter(contest.filter(pl.col("is_winner"))["model"]), None)


def best_purchase_model(contest: pl.DataFrame) -> str:
    """The model of purchases with the smallest loss, BG/NBD where none was judged; without `WITH_SPEND`."""
    of_models = contest.filter(pl.col("model").str.ends_with(WITH_SPEND), pl.col("loss").is_not_null())
    best = next(iter(of_models.sort("loss", "model")["model"]), "bg_nbd")
    return best.removesuffix(WITH_SPEND)


def corrections(
    contest: pl.DataFrame,
    models: FittedModels,
    purchases: pl.DataFrame,
    buyers: Buyers,
    as_of_date: dt.date,
) -> FloatArray:
    """What the winner says over what the best model of purchases says, per buyer, in the length of the judged window.

    1 where the winner is that model. Kept within `CORRECTION_LIMITS`: a forecast near 0 is no reason for a factor of
    thousands.

    Args:
        contest: Result of `run_contest`.
        models: Fitted on `buyers`.
        purchases: Result of `purchases_without_contract`.
        buyers: Those of the day.
        as_of_date: The day.

    Raises:
        NotEnoughHistory: The boosted trees have too little to learn from.
    """
    winner = winner_of(contest)
    if winner not in (BOOSTED, BLEND):
        return np.ones(len(buyers))
    row = contest.row(by_predicate=pl.col("model") == winner, named=True)
    days, level = row["window_days"], row["level_ratio"]
    if days is None:
        return np.ones(len(buyers))
    _, spend = boosted_spend(purchases, as_of_date, days)
    if winner == BLEND:
        of_models = [models.expected_spend(name, days, buyers) for name in PURCHASE_MODELS]
        spend = blended(spend, of_models) * (1.0 if level is None else level)
    base = models.expected_spend(best_purchase_model(contest), days, buyers)
    return np.clip(spend / np.maximum(base, 1e-9), *CORRECTION_LIMITS)


def _forecast_as_before(found: Forecasts, purchases: pl.DataFrame, day: dt.date, window_days: int) -> None:
    """What was bought in the window before, and in the same days a year before, where the data reach so far."""
    first: dt.date = purchases["purchase_date"].min()  # type: ignore[assignment]
    for name, days_back in ((LAST_PERIOD, window_days), (LAST_YEAR, MAX_WINDOW_DAYS)):
        begin = day - dt.timedelta(days_back)
        if begin < first - dt.timedelta(1):
            found.reasons[name] = f"the history begins after {begin}"
            continue
        until = begin + dt.timedelta(window_days)
        found.purchases[name], found.spend[name] = bought_within(purchases, found.customer_ids, begin, until)


def _level_before(purchases: pl.DataFrame, day: dt.date, window_days: int) -> float:
    """Actual over forecast spend of the blend in the last window that was over on a day; 1 where there is none."""
    before_days = min(window_days, contest_window_days(purchases, day))
    begin = day - dt.timedelta(before_days)
    if before_days < MIN_WINDOW_DAYS:
        return 1.0
    forecasts = forecast(purchases, begin, before_days)
    if BLEND not in forecasts.spend:
        return 1.0
    _, spend = bought_within(purchases, forecasts.customer_ids, begin, day)
    return _level(spend, forecasts.spend[BLEND])


def _level(actual: FloatArray, predicted: FloatArray) -> float:
    """How much higher the actual total is, kept within limits: one odd window must not turn all values."""
    return float(np.clip(actual.sum() / predicted.sum(), *LEVEL_LIMITS)) if predicted.sum() > 0 else 1.0


def _rows(
    as_of_date: dt.date,
    window: Mapping[str, object],
    judged: Mapping[str, Mapping[str, float]],
    reasons: Mapping[str, str],
) -> pl.DataFrame:
    losses = {name: float(str(measures["loss"])) for name, measures in judged.items() if name not in NAIVE}
    known = {name: loss for name, loss in losses.items() if np.isfinite(loss)}
    winner = min(known, key=lambda name: (known[name], CANDIDATES.index(name)), default=None)
    rows = [
        {
            "as_of_date": as_of_date,
            "model": name,
            "status": "judged" if name in judged else "insufficient_data",
            "is_winner": name == winner,
            "note": reasons.get(name),
            **window,
            **judged.get(name, {}),
        }
        for name in sorted(CANDIDATES)
    ]
    frame = pl.DataFrame(rows, schema_overrides={"note": pl.String}, infer_schema_length=None)
    missing = [pl.lit(None).alias(name) for name in CONTEST_SCHEMA.keys() - set(frame.columns)]
    return frame.with_columns(missing).select(_stored(frame.schema, name) for name in CONTEST_SCHEMA)


def _stored(schema: pl.Schema, name: str) -> pl.Expr:
    """A column as the table has it: no NaN, amounts to the cent."""
    column, kind = pl.col(name), CONTEST_SCHEMA[name]
    if schema.get(name) == pl.Float64:
        column = column.fill_nan(None)
        column = column.round(2) if isinstance(kind, pl.Decimal) else column
    return column.cast(kind)
