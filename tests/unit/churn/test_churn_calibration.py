"""Curves from log-odds to probabilities: true to what happens, and strictly rising whatever they are fitted on."""

import json
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from dagster_project.churn.calibration import Calibration, fit_calibration


def fitted(log_odds, is_churned, **more) -> Calibration:
    return fit_calibration(log_odds, is_churned, np.arange(len(log_odds)), **more)


@pytest.mark.parametrize(("count", "tolerance"), [(3_000, 0.1), (30_000, 0.06)])
@pytest.mark.parametrize(
    "distort",
    [lambda x: (x - 0.7) * 2, lambda x: np.where(x < -1, x, -1 + 4 * (x + 1)), lambda x: np.sinh(x)],
    ids=["shifted and stretched", "too sure above", "too sure at both ends"],
)
def test_a_known_distortion_is_undone(count, tolerance, distort):
    random = np.random.default_rng(1)
    log_odds = random.normal(-1.5, 1.2, count)
    curve = fitted(distort(log_odds), random.random(count) < expit(log_odds))
    for wanted in (-3.0, -1.5, 0.0, 1.0):
        assert curve.probability(distort(np.array([wanted])))[0] == pytest.approx(
            expit(wanted), abs=tolerance
        )


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    count=st.integers(20, 600),
    steps=st.integers(1, 60),
    signal=st.floats(-2, 4),
)
def test_a_curve_rises_strictly_and_never_promises_certainty(seed, count, steps, signal):
    random = np.random.default_rng(seed)
    log_odds = np.round(random.normal(-1, 1, count) * steps) / steps
    is_churned = random.random(count) < expit(signal * log_odds)
    curve = fitted(log_odds, is_churned, moment=random.integers(0, 5, count))
    probability = curve.probability(np.unique(log_odds))
    assert (np.diff(probability) > 0).all()
    assert probability.min() > 0
    assert probability.max() < 1


def test_many_events_make_no_plateaus():
    random = np.random.default_rng(2)
    log_odds = random.normal(-3, 1, 60_000)
    curve = fitted(np.sinh(log_odds) / 3, random.random(60_000) < expit(log_odds))
    assert curve.method != "logistic"
    assert len(np.unique(curve.probability(np.sinh(log_odds) / 3))) > 59_900


def test_a_perfect_separation_gives_no_certainty():
    log_odds = np.linspace(-2, 2, 100)
    probability = fitted(log_odds, log_odds > 0).probability(log_odds)
    assert 0 < probability.min() < 0.1
    assert 0.9 < probability.max() < 1


def test_a_reversed_ranking_is_calibrated_nearly_flat():
    log_odds = np.linspace(-2, 2, 100)
    probability = fitted(log_odds, log_odds < -1).probability(log_odds)
    assert np.ptp(probability) < 0.01
    assert probability.mean() == pytest.approx(0.26, abs=0.02)


def test_the_level_follows_newer_outcomes_as_far_as_they_are_no_chance():
    random = np.random.default_rng(4)
    moment = np.repeat(np.arange(6), 4_000)
    log_odds = random.normal(-2.5, 1, len(moment))
    steady = random.random(len(moment)) < expit(log_odds)
    drifted = random.random(len(moment)) < expit(log_odds + 0.15 * moment)
    assert abs(fitted(log_odds, steady, moment=moment).level) < 0.06
    newest = moment == 5
    curve = fitted(log_odds, drifted, moment=moment)
    assert curve.probability(log_odds[newest]).mean() == pytest.approx(drifted[newest].mean(), rel=0.06)
    assert fitted(log_odds, drifted).probability(log_odds[newest]).mean() < 0.85 * drifted[newest].mean()


def test_a_curve_survives_json():
    random = np.random.default_rng(2)
    log_odds = random.normal(-3, 1, 20_000)
    curve = fitted(np.sinh(log_odds) / 3, random.random(20_000) < expit(log_odds))
    again = Calibration.from_dict(json.loads(json.dumps(asdict(curve))))
    assert (again.probability(log_odds) == curve.probability(log_odds)).all()
