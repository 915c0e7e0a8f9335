"""Which churn model scores a day: trained once a month, and only a better one takes over.

Here: the champion of a day, when a challenger is trained, and what it takes to be promoted. Not here: learning
(`trained.py`) and the registry (`tracking.py`).
"""

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from dagster_project.churn.calibration import log_losses
from dagster_project.churn.feature_matrix import feature_columns
from dagster_project.churn.model import CODE_VERSION
from dagster_project.churn.tracking import (
    Registered,
    log_churn_model,
    read_model,
    registered_models,
    withdraw,
)
from dagster_project.churn.trained import MEASURE_SCHEMA, TrainedChurn, train_churn

FloatArray = npt.NDArray[np.float64]

FEWEST_FRESH_CHURNED = 10
"""Customers who left among the outcomes that neither model has learned from; with fewer there is nothing to compare."""
NORMAL_95 = 1.959964


@dataclass(frozen=True)
class Gain:
    """Log-loss of the champion less that of the challenger, per row, on outcomes that neither has learned from.

    Attributes:
        mean: Above 0 where the challenger is better; None without a comparison.
        low, high: Its 95 % interval, customers taken as wholes.
        churned_count: Customers who left among these rows.
    """

    mean: float | None
    low: float | None
    high: float | None
    churned_count: int

    @property
    def is_better(self) -> bool:
        """Whether the whole interval lies above 0."""
        return self.low is not None and self.low > 0


NO_GAIN = Gain(None, None, None, 0)


@dataclass(frozen=True)
class Choice:
    """The model of a day and how it came to be.

    Attributes:
        model: That scores.
        gain: Of the challenger that was trained today.
        words: What was decided.
    """

    model: TrainedChurn
    gain: Gain
    words: str

    def as_text(self) -> str:
        """What was decided, as JSON."""
        return json.dumps(
            {"scores": self.model.model_version, "gain": asdict(self.gain), "words": self.words}
        )

    def with_measures(self) -> TrainedChurn:
        """The model with one more measure: the decision of the day, in the data set `promotion`."""
        row = ("promotion", "log_loss_gain", self.gain.mean, self.gain.low, self.gain.high, self.words)
        told = pl.DataFrame([row], schema=MEASURE_SCHEMA, orient="row")
        return replace(self.model, measures=pl.concat([self.model.measures, told]).sort("dataset", "metric"))


def model_of(
    tracking_dir: Path,
    features: pl.DataFrame,
    snapshots: Callable[[], pl.DataFrame],
    as_of_date: dt.date,
    horizon_days: int,
    random_state: int = 0,
) -> Choice:
    """The model that scores a day: the champion, or one that is trained today.

    The champion of a day is the version promoted last on or before it. The first run of a calendar month trains a
    challenger on what is known on its day; it takes over when its log-loss on outcomes that neither has learned from is
    lower beyond the 95 % interval of the paired difference. So a day that runs again has the model that it had, a
    backfilled day that of its own time, and a day before all training one of its own. Where there was too little to
    learn from, every day tries again.

    Args:
        tracking_dir: Of the registry.
        features: `customer_features` of the day; a champion that looks at other columns does not count.
        snapshots: Reads `customer_feature_snapshots`; called when a model is trained.
        as_of_date: The day.
        horizon_days: Length of the churn horizon; a champion of another one does not count.
        random_state: Seed.

    Raises:
        ModelFilesError: The champion's files are not those that were registered.
    """
    known = registered_models(tracking_dir)
    champion = champion_of(known, as_of_date)
    model = read_model(tracking_dir, champion) if champion else None
    if model is not None and not _is_usable(model, horizon_days, features):
        model = None
    if model is not None and not is_due(known, as_of_date):
        # The day of a training again says what it said, unless what was chosen then has been withdrawn since.
        decided = [json.loads(one.decisions[as_of_date]) for one in known if as_of_date in one.decisions]
        for kept in decided:
            if kept["scores"] == model.model_version:
                return Choice(model, Gain(**kept["gain"]), kept["words"])
        return Choice(model, NO_GAIN, f"Scored by the model trained as of {model.trained_as_of}")
    challenger = train_churn(snapshots(), as_of_date, horizon_days, random_state)
    if model is None or challenger.model_version == model.model_version:
        words = "The first model" if model is None else "The same model again: nothing new to learn from"
        choice = Choice(challenger, NO_GAIN, f"{words}, trained as of {as_of_date}")
        log_churn_model(tracking_dir, challenger, is_promoted=True, decision=choice.as_text())
        return choice
    gain = gain_of(challenger, model)
    is_withdrawn = any(one.is_withdrawn and one.model_version == challenger.model_version for one in known)
    is_promoted = gain.is_better and not is_withdrawn
    fresh = f"on outcomes of {gain.churned_count} churned customers that neither has learned from"
    why = "withdrawn" if is_withdrawn else "too new" if gain.mean is None else "not better beyond chance"
    words = (
        f"Promoted: better than the model of {model.trained_as_of} {fresh}"
        if is_promoted
        else f"Kept the model of {model.trained_as_of}: the one of {as_of_date} is {why} {fresh}"
    )
    choice = Choice(challenger if is_promoted else model, gain, words)
    log_churn_model(tracking_dir, challenger, is_promoted, choice.as_text())
    return choice


def champion_of(known: list[Registered], as_of_date: dt.date) -> Registered | None:
    """The version that was promoted last on or before a day, of those that are not withdrawn."""
    promoted = [
        (day, one.number, one)
        for one in known
        if not one.is_withdrawn
        for day in one.promoted_as_of
        if day <= as_of_date
    ]
    return max(promoted, key=lambda found: found[:2])[2] if promoted else None


def is_due(known: list[Registered], as_of_date: dt.date) -> bool:
    """Whether nothing was trained in the calendar month of a day, on or before it."""
    return not any(
        (day.year, day.month) == (as_of_date.year, as_of_date.month) and day <= as_of_date
        for one in known
        for day in one.trained_as_of
    )


def gain_of(challenger: TrainedChurn, champion: TrainedChurn) -> Gain:
    """How much better a challenger predicts what neither has learned from.

    These are the rows that judged the challenger, predicted by it before it learned from them, as far as their outcome
    was not known yet on the day of the champion's training.
    """
    if challenger.judged.is_empty():
        return NO_GAIN
    fresh = challenger.judged.filter(pl.col("label_known_date") > champion.trained_as_of)
    churned = fresh["is_churned"].cast(pl.Boolean).to_numpy()
    churned_count = fresh.filter(pl.col("is_churned"))["customer_id"].n_unique()
    if churned_count < FEWEST_FRESH_CHURNED:
        return Gain(None, None, None, churned_count)
    return paired_gain(
        fresh["probability"].to_numpy(), champion.probabilities(fresh), churned, fresh["customer_id"]
    )


def paired_gain(
    challenger: FloatArray, champion: FloatArray, is_churned: npt.NDArray[np.bool_], customer: pl.Series
) -> Gain:
    """The gain on rows of one or more per customer, with the interval of clustered standard errors.

    Args:
        challenger: Its probabilities, shape (n,).
        champion: Those of the champion, shape (n,).
        is_churned: What came of each row, shape (n,).
        customer: Whose row it is.
    """
    difference = log_losses(champion, is_churned) - log_losses(challenger, is_churned)
    mean = float(difference.mean())
    code = customer.rank("dense").to_numpy().astype(np.int64) - 1
    per_customer = np.bincount(code, weights=difference - mean)
    margin = NORMAL_95 * float(np.sqrt((per_customer**2).sum())) / len(difference)
    return Gain(mean, mean - margin, mean + margin, customer.filter(pl.Series(is_churned)).n_unique())


def roll_back(tracking_dir: Path) -> tuple[Registered, Registered] | None:
    """Withdraw the champion; the version promoted before it scores from the next run on.

    Returns:
        What was withdrawn, and what is the champion now; None where there is no version before.
    """
    known = registered_models(tracking_dir)
    champion = champion_of(known, dt.date.max)
    before = champion_of([one for one in known if one != champion], dt.date.max)
    if champion is None or before is None:
        return None
    withdraw(tracking_dir, champion)
    return champion, before


def _is_usable(model: TrainedChurn, horizon_days: int, features: pl.DataFrame) -> bool:
    """Whether the model looks as far, and at what there is to be looked at now."""
    looked_at = tuple(feature_columns(features).columns)
    return (
        model.horizon_days == horizon_days
        and model.code_version == CODE_VERSION
        and model.classifier.encoding_.features == looked_at
    )
