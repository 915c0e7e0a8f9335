"""Measures of probabilities, against hand-made cases, scikit-learn and resampling."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from dagster_project.churn.measures import (
    UNKNOWN,
    CalibrationBin,
    area_under_curve,
    calibration_bins,
    calibration_error,
    calibration_line,
    measure,
)


def repeated_customers(seed: int, customer_count: int = 200, repeats: int = 4):
    random = np.random.default_rng(seed)
    customer = np.repeat(np.arange(customer_count), repeats)
    habit = np.repeat(random.normal(size=customer_count), repeats)
    is_churned = random.random(len(customer)) < 0.4  # most customers have rows of both kinds
    probability = 1 / (1 + np.exp(-(habit + 0.8 * is_churned + 0.3 * random.normal(size=len(customer)))))
    return np.round(probability, 2), is_churned, customer


def test_auc_equals_that_of_scikit_learn_with_ties():
    probability, is_churned, customer = repeated_customers(0)
    assert area_under_curve(probability, is_churned, customer).value == pytest.approx(
        roc_auc_score(is_churned, probability)
    )


def test_standard_error_of_auc_is_the_spread_over_new_customers():
    estimates = [area_under_curve(*repeated_customers(seed)) for seed in range(300)]
    seen = np.std([estimate.value for estimate in estimates])
    estimated = np.mean([estimate.standard_error for estimate in estimates])
    assert estimated == pytest.approx(seen, rel=0.12)


def test_auc_is_empty_without_two_customers_of_each_kind():
    assert (
        area_under_curve(np.array([0.1, 0.2, 0.3]), np.array([True, True, False]), np.array([1, 1, 2]))
        is None
    )


def test_calibration_error_of_a_constant_is_its_distance_from_the_share():
    assert calibration_error(np.full(10, 0.5), np.arange(10) < 2) == pytest.approx(0.3)


def test_calibration_error_of_true_probabilities_is_small():
    random = np.random.default_rng(0)
    probability = random.random(20_000)
    assert calibration_error(probability, random.random(20_000) < probability) < 0.02


@given(st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=1, max_size=200))
def test_bins_hold_every_row_once_in_ascending_order(rows):
    probability, is_churned = np.array([row[0] / 20 for row in rows]), np.array([row[1] for row in rows])
    bins = calibration_bins(probability, is_churned)
    assert 1 <= len(bins) <= 10
    assert sum(found.example_count for found in bins) == len(rows)
    assert sum(found.churned_count for found in bins) == is_churned.sum()
    assert sum(found.predicted * found.example_count for found in bins) == pytest.approx(probability.sum())
    assert all(before.highest < after.lowest for before, after in pairwise(bins))
    for found in bins:
        assert found.lowest <= found.predicted + 1e-12
        assert found.predicted <= found.highest + 1e-12
        lower, upper = found.bounds
        assert 0 <= lower <= found.seen <= upper <= 1


def test_bins_of_wrong_probabilities_say_what_was_seen_instead():
    random = np.random.default_rng(3)
    truth = random.random(20_000)
    bins = calibration_bins(truth**2, random.random(20_000) < truth)
    assert len(bins) == 10
    assert {found.example_count for found in bins} == {2_000}
    assert all(found.bounds[0] <= np.sqrt(found.predicted) + 0.02 for found in bins)
    assert all(found.bounds[1] >= np.sqrt(found.predicted) - 0.02 for found in bins)
    assert sum(found.bounds[0] > found.predicted for found in bins) >= 8  # and so the distortion shows


@pytest.mark.parametrize(
    ("churned", "examples", "bounds"),
    [
        (81, 263, (0.2553, 0.3662)),
        (15, 148, (0.0624, 0.1605)),
        (0, 20, (0, 0.1611)),
        (1, 29, (0.0061, 0.1718)),
    ],
)
def test_bounds_of_the_seen_share_are_wilsons(churned, examples, bounds):
    """Newcombe (1998), Two-sided confidence intervals for the single proportion, table I."""
    found = CalibrationBin(0.1, 0.2, 0.15, examples, churned)
    assert found.bounds == pytest.approx(bounds, abs=5e-5)


def test_no_churned_row_leaves_ranking_empty():
    values = measure(np.array([0.1, 0.2]), np.array([False, False]), np.array([0, 1]), base_rate=0.1)
    assert values["auc"] == values["average_precision"] == values["calibration_slope"] == UNKNOWN
    assert values["brier_score"][0] == pytest.approx(0.025)


def test_intervals_are_as_wide_as_new_customers_make_the_measures_vary():
    seen = [measure(*repeated_customers(seed), base_rate=0.4, has_interval=False) for seed in range(120)]
    told = [measure(*repeated_customers(seed), base_rate=0.4) for seed in range(4)]
    for name in (
        "log_loss",
        "brier_score",
        "average_precision",
        "calibration_slope",
        "top_decile_lift",
        "accuracy",
    ):
        wanted = 2 * 1.96 * np.std([found[name][0] for found in seen])
        assert np.mean([found[name][2] - found[name][1] for found in told]) == pytest.approx(
            wanted, rel=0.25
        ), name


def test_the_share_of_churned_among_the_riskiest_splits_those_who_share_a_probability():
    is_churned = np.arange(100) < 20
    alike = measure(np.full(100, 0.2), is_churned, np.arange(100), 0.2, has_interval=False)
    assert alike["top_decile_lift"][0] == pytest.approx(1)
    assert alike["top_5_percent_capture_share"][0] == pytest.approx(0.05)
    perfect = measure(np.where(is_churned, 0.9, 0.1), is_churned, np.arange(100), 0.2, has_interval=False)
    assert perfect["top_decile_lift"][0] == pytest.approx(5)


def test_the_calibration_line_of_true_probabilities_is_one_and_zero():
    random = np.random.default_rng(3)
    log_odds = random.normal(-2, 1, 100_000)
    slope, intercept = calibration_line(expit(log_odds), random.random(100_000) < expit(log_odds))
    assert (slope, intercept) == (pytest.approx(1, abs=0.05), pytest.approx(0, abs=0.08))
    assert calibration_line(np.full(10, 0.2), np.arange(10) < 2) is None
