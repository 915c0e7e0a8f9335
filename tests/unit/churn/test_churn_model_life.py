"""Which model scores a day: trained once a month, promoted only when it is better, and never changed behind a day."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from churn_simulation import HORIZON_DAYS, as_features, empty_snapshots, month_ends, simulate_snapshots
from polars.testing import assert_frame_equal

from dagster_project.churn import model_life
from dagster_project.churn.model_life import Choice, model_of, paired_gain, roll_back
from dagster_project.churn.score import apply_churn
from dagster_project.churn.tracking import registered_models
from dagster_project.churn.trained import train_churn

DAYS = month_ends(22)
FIRST, NEXT_MONTH = DAYS[18].replace(day=20), DAYS[21]


@pytest.fixture(scope="module")
def snapshots() -> pl.DataFrame:
    return simulate_snapshots(600, 22, seed=4)


def never() -> pl.DataFrame:
    raise AssertionError("a day with a champion reads no snapshots")


def score(folder: Path, day: dt.date, snapshots: pl.DataFrame, reads: Callable[[], pl.DataFrame]) -> Choice:
    features = as_features(snapshots, DAYS[18]).with_columns(as_of_date=pl.lit(day))
    return model_of(folder, features, reads, day, HORIZON_DAYS)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory, snapshots: pl.DataFrame) -> dict[str, Choice]:
    """First run, two more days of its month, a day of a later month, and the first day again; each in its order."""
    folder = tmp_path_factory.mktemp("life")
    return {
        "first": score(folder, FIRST, snapshots, lambda: snapshots),
        "later month": score(folder, NEXT_MONTH, snapshots, lambda: snapshots),
        "first again": score(folder, FIRST, snapshots, never),
        "later month again": score(folder, NEXT_MONTH, snapshots, never),
        "folder": folder,  # type: ignore[dict-item]
        "day between": score(folder, FIRST + dt.timedelta(days=1), snapshots, never),
    }


def test_a_month_is_trained_once_and_a_day_that_runs_again_has_the_model_that_it_had(told):
    assert told["first"].words == f"The first model, trained as of {FIRST}"
    for name in ("first", "later month"):
        again = told[f"{name} again"]
        assert (again.words, again.gain) == (told[name].words, told[name].gain)
    assert told["day between"].words == f"Scored by the model trained as of {FIRST}"
    assert told["first again"].model.model_version == told["first"].model.model_version
    assert told["later month again"].model.model_version == told["later month"].model.model_version


def test_a_challenger_no_better_than_chance_does_not_take_over(told):
    choice = told["later month"]
    assert choice.words.startswith(f"Kept the model of {FIRST}")
    assert choice.gain.low < 0 < choice.gain.churned_count
    assert choice.model.model_version == told["first"].model.model_version
    assert len(registered_models(told["folder"])) >= 2
    row = choice.with_measures().measures.filter(pl.col("dataset") == "promotion").row(0, named=True)
    assert (row["value"], row["ci_low"], row["note"]) == (choice.gain.mean, choice.gain.low, choice.words)


def test_a_better_challenger_takes_over_and_a_rollback_brings_the_one_before(tmp_path, snapshots):
    """A champion that has learned from other outcomes than those that come."""
    random = np.random.default_rng(3)
    strange = snapshots.with_columns(is_churned=pl.Series(random.random(snapshots.height) < 0.6))
    first = score(tmp_path, FIRST, snapshots, lambda: strange)
    later = score(tmp_path, NEXT_MONTH, snapshots, lambda: snapshots)
    assert later.words.startswith("Promoted: better than")
    assert later.model.model_version != first.model.model_version
    withdrawn, champion = roll_back(tmp_path)
    assert (withdrawn.model_version, champion.model_version) == (
        later.model.model_version, first.model.model_version,
    )  # fmt: skip
    again = score(tmp_path, NEXT_MONTH, snapshots, never)
    assert again.model.model_version == first.model.model_version
    assert again.words == f"Scored by the model trained as of {FIRST}"
    assert roll_back(tmp_path) is None


def test_a_day_before_all_training_gets_a_model_of_its_own_and_changes_no_other_day(tmp_path, snapshots):
    late = score(tmp_path, NEXT_MONTH, snapshots, lambda: snapshots)
    early = score(tmp_path, FIRST, snapshots, lambda: snapshots)
    assert early.model.trained_as_of == FIRST
    assert early.model.model_version != late.model.model_version
    assert score(tmp_path, NEXT_MONTH, snapshots, never).model.model_version == late.model.model_version


def test_a_champion_of_another_horizon_or_of_older_code_does_not_count(tmp_path, snapshots, monkeypatch):
    score(tmp_path, FIRST, snapshots, lambda: snapshots)
    with monkeypatch.context() as patched:
        patched.setattr(model_life, "CODE_VERSION", "another")
        again = score(tmp_path, FIRST, snapshots, lambda: snapshots)
    assert again.words.startswith("The first model")
    features = as_features(snapshots, DAYS[18]).with_columns(as_of_date=pl.lit(FIRST))
    with pytest.raises(ValueError, match="labels look"):
        model_of(tmp_path, features, lambda: snapshots, FIRST, HORIZON_DAYS - 1)


def test_with_too_little_to_learn_from_every_day_tries_again(tmp_path, snapshots):
    for day in (FIRST, FIRST + dt.timedelta(days=1)):
        choice = score(tmp_path, day, snapshots, empty_snapshots)
        assert choice.model.status == "insufficient_data"
    assert score(tmp_path, FIRST, snapshots, lambda: snapshots).model.status == "fitted"


def test_a_model_from_the_registry_scores_as_the_one_that_was_trained(told, snapshots):
    features = as_features(snapshots, DAYS[18]).with_columns(as_of_date=pl.lit(FIRST))
    trained = apply_churn(train_churn(snapshots, FIRST, HORIZON_DAYS), features, FIRST)
    read = apply_churn(told["first again"].model, features, FIRST)
    assert_frame_equal(read.customers, trained.customers, check_exact=True)


def test_an_equal_challenger_wins_at_most_five_of_a_hundred():
    """Two models of one quality: the truth with errors of their own, several rows of each customer."""
    random = np.random.default_rng(8)
    wins = losses = 0
    for _ in range(400):
        true = random.beta(1, 12, 500)
        left = np.repeat(random.random(500) < true, 3)
        customer = pl.Series(np.repeat(np.arange(500), 3))
        one, other = (
            np.repeat(1 / (1 + np.exp(-(np.log(true / (1 - true)) + random.normal(0, 0.5, 500)))), 3).clip(
                1e-6, 1 - 1e-6
            )
            for _ in range(2)
        )
        gain = paired_gain(one, other, left, customer)
        wins += gain.is_better
        losses += gain.high < 0
    assert wins <= 0.05 * 400
    assert losses <= 0.05 * 400
    assert wins + losses > 0  # the interval is no wider than it must be


def test_a_better_challenger_wins_nearly_always():
    random = np.random.default_rng(9)
    true = random.beta(1, 6, 2_000)
    left = random.random(2_000) < true
    worse = np.full(2_000, true.mean())
    gain = paired_gain(true.clip(1e-6, 1), worse, left, pl.Series(np.arange(2_000)))
    assert gain.is_better
    assert gain.low < gain.mean < gain.high


def test_decisions_are_told_with_the_measures_of_the_model(told):
    measures = told["first"].with_measures().measures
    assert measures.filter(pl.col("dataset") == "promotion")["note"].to_list() == [told["first"].words]
    assert measures.height == told["first"].model.measures.height + 1
