"""The front door: any flat table goes in, honest probabilities with exact reasons come out."""

import datetime as dt
import json
import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.special import expit, logit

from benchmarks.churn_yardsticks import telco_table, telco_yardsticks
from benchmarks.yardsticks import DATA_DIR, TELCO_FILE
from dagster_project.churn.classifier import ChurnClassifier

DOCUMENTED = Path(__file__).resolve().parents[3] / "docs" / "any_labelled_table.md"
TELCO = DATA_DIR / TELCO_FILE


def table(count: int, seed: int, signal: float = 1.0):
    """A flat table of a made-up trade, and the true chances to leave."""
    random = np.random.default_rng(seed)
    frame = pl.DataFrame(
        {
            "stays_nights_count": random.poisson(6, count),
            "spend_amount": random.lognormal(4, 1, count),
            "has_card": random.random(count) < 0.4,
            "region": random.choice(["north", "south", "far away"], count, p=[0.6, 0.39, 0.01]),
            "rating": np.where(random.random(count) < 0.3, np.nan, random.integers(1, 6, count)),
        }
    ).with_columns(pl.col("rating").fill_nan(None))
    score = (
        -1.2
        - 0.25 * (frame["stays_nights_count"].to_numpy() - 6)
        + 0.8 * (frame["region"] == "south").to_numpy()
    )
    score += 0.6 * (3 - frame["rating"].fill_null(3).to_numpy()) - 0.5 * np.log(
        frame["spend_amount"].to_numpy() / 55
    )
    true = expit(-1.2 + signal * (score + 1.2))
    return frame, random.random(count) < true, true


@pytest.fixture(scope="module")
def fitted():
    frame, left, true = table(6_000, seed=0)
    return ChurnClassifier().fit(frame[:4_000], left[:4_000]), frame[4_000:], true[4_000:]


def test_probabilities_come_near_the_true_ones(fitted):
    model, frame, true = fitted
    probability = model.predict_proba(frame)
    assert model.status_ == "fitted"
    assert probability.sum(axis=1) == pytest.approx(1)
    assert np.corrcoef(logit(probability[:, 1]), logit(true))[0, 1] > 0.95
    assert probability[:, 1].mean() == pytest.approx(true.mean(), abs=0.02)
    _, counts = np.unique(probability[:, 1], return_counts=True)
    assert counts.max() <= 0.02 * len(frame)


def test_what_the_features_add_sums_to_the_log_odds(fitted):
    model, frame, _ = fitted
    parts, base = model.explain(frame)
    assert parts.shape == (len(frame), 5)
    assert parts.sum(axis=1) + base == pytest.approx(logit(model.predict_proba(frame)[:, 1]), abs=1e-9)
    strongest = parts[:, list(frame.columns).index("rating")]
    assert strongest[(frame["rating"] == 1).fill_null(value=False).to_numpy()].mean() > 0.5


def test_a_stored_model_predicts_and_explains_the_same(fitted):
    model, frame, _ = fitted
    again = ChurnClassifier.from_parameters(json.loads(json.dumps(model.parameters())), model.booster())
    assert (again.predict_proba(frame) == model.predict_proba(frame)).all()
    assert (again.explain(frame)[0] == model.explain(frame)[0]).all()


def test_new_words_gaps_and_rows_of_unknowns_are_scored(fitted):
    model, frame, _ = fitted
    odd = frame.head(2).with_columns(
        region=pl.lit("elsewhere"), rating=None, spend_amount=pl.Series([1e12, None])
    )
    assert np.isfinite(model.predict_proba(odd)).all()
    assert model.predict_proba(frame.clear()).shape == (0, 2)


@pytest.mark.parametrize("seed", range(3))
def test_noise_gives_everybody_the_base_rate(seed):
    frame, left, _ = table(1_500, seed, signal=0.0)
    model = ChurnClassifier().fit(frame, left)
    assert model.status_ == "no_signal"
    assert "base rate" in model.note_
    assert np.ptp(model.predict_proba(frame)[:, 1]) == 0
    assert model.predict_proba(frame)[0, 1] == pytest.approx(left.mean(), abs=0.03)


def test_few_who_left_give_the_base_rate_and_say_so():
    frame, left, _ = table(200, seed=1)
    model = ChurnClassifier().fit(frame, left & (np.arange(200) < 60))
    assert model.status_ == "insufficient_data"
    assert "too few to learn from" in model.note_
    assert 0 < model.predict_proba(frame)[0, 1] < 0.2


def test_rows_of_one_customer_never_teach_and_judge():
    """Rows that are copies of each other would make a model look perfect that has learned them by heart."""
    frame, _, _ = table(300, seed=2)
    copies = pl.concat([frame] * 10)
    left = np.tile(np.random.default_rng(0).random(300) < 0.3, 10)
    known = ChurnClassifier().fit(copies, left, customer=np.tile(np.arange(300), 10))
    assert known.status_ == "no_signal"
    assert ChurnClassifier().fit(copies, left).status_ == "fitted"


def test_with_dates_the_past_teaches_and_the_latest_judges():
    frame, left, _ = table(6_000, seed=3)
    dates = pl.Series(
        [dt.date(2026, 1, 31) + dt.timedelta(days=30 * (place // 400)) for place in range(6_000)]
    )
    model = ChurnClassifier(gap_days=60).fit(frame, left, date=dates)
    days = {name: dates.gather(rows) for name, rows in model.split_.sets.items()}
    gap = dt.timedelta(days=60)
    assert days["training"].max() + gap <= days["calibration"].min()
    assert days["calibration"].max() + gap <= days["evaluation"].min()
    assert days["evaluation"].max() == dates.max()
    assert model.status_ == "fitted"


@pytest.mark.parametrize(
    ("frame", "y", "words"),
    [
        (pl.DataFrame({"a": [1, 2]}), [True], "X has 2 rows, y has 1"),
        (pl.DataFrame({"a": [1, 2]}), [True, None], "1 outcomes are unknown: leave those rows out"),
        (pl.DataFrame({"a": [1, 2]}), [1, 2], "an outcome is true or false"),
        (pl.DataFrame({"joined": [dt.date(2026, 1, 1)] * 2}), [0, 1], "joined is Date: give a number"),
    ],
)
def test_what_cannot_be_learned_from_is_refused_in_words(frame, y, words):
    with pytest.raises(ValueError, match=words):
        ChurnClassifier().fit(frame, y)


def test_a_missing_column_is_named(fitted):
    model, frame, _ = fitted
    with pytest.raises(ValueError, match="are missing: rating, region|are missing: region, rating"):
        model.predict_proba(frame.drop("rating", "region"))


def test_the_documented_lines_can_be_typed(tmp_path, monkeypatch):
    frame, left, _ = table(3_000, seed=5)
    rows = pl.Series("customer", range(3_000)) % 1_000
    days = pl.Series(
        "day", [dt.date(2026, 1, 31) + dt.timedelta(days=30 * (place // 200)) for place in range(3_000)]
    )
    frame.with_columns(rows, days, left=pl.Series(left)).write_csv(tmp_path / "customers.csv")
    monkeypatch.chdir(tmp_path)
    (lines,) = re.findall(r"```python\n(.*?)```", DOCUMENTED.read_text(), re.DOTALL)
    said: dict[str, object] = {}
    exec(lines, said)  # noqa: S102 - the project's own page
    assert said["model"].status_ == "fitted"
    assert said["contributions"].shape == (3_000, 5)


@pytest.mark.skipif(not TELCO.exists(), reason="third-party data, not there: shared/data/telco")
def test_on_a_public_table_it_is_ahead_of_trees_out_of_the_box():
    known, left = telco_table(TELCO)
    some = (
        np.random.default_rng(0).permutation(len(left)) < 2 * len(left) // 5
    )  # light: `make yardsticks` takes all
    found = {each.name: each.value for each in telco_yardsticks(known.filter(some), left[some], folds=2)}
    assert found["AUC"] > 0.82
    assert found["log-loss"] < 0.44
    assert found["calibration error"] < 0.04
