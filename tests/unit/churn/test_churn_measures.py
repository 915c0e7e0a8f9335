"""Measures of probabilities, against hand-made cases, scikit-learn and resampling."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from dagster_project.churn.calibration import fit_calibration
from dagster_project.churn.measures import area_under_curve, calibration_error, measure


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


def test_no_churned_row_leaves_ranking_empty():
    values = measure(np.array([0.1, 0.2]), np.array([False, False]), np.array([0, 1]), base_rate=0.1)
    assert values["auc"] is None
    assert values["average_precision"] is None
    assert values["brier_score"] == pytest.approx(0.025)


@pytest.mark.parametrize("churned_customer_count", [10, 10_000])
def test_calibration_undoes_a_known_distortion(churned_customer_count):
    random = np.random.default_rng(1)
    true_log_odds = random.normal(-1.5, 1.2, 30_000)
    is_churned = random.random(30_000) < 1 / (1 + np.exp(-true_log_odds))
    distorted = (true_log_odds - 0.7) * 2
    curve = fit_calibration(distorted, is_churned, churned_customer_count)
    for log_odds in (-3.0, -1.5, 0.0):
        wanted = 1 / (1 + np.exp(-log_odds))
        assert curve.probability(np.array([(log_odds - 0.7) * 2]))[0] == pytest.approx(wanted, abs=0.04)


def test_a_reversed_ranking_is_calibrated_flat():
    log_odds = np.linspace(-2, 2, 100)
    curve = fit_calibration(log_odds, log_odds < -1, churned_customer_count=25)
    assert np.ptp(curve.probability(log_odds)) == 0
    assert curve.probability(log_odds)[0] == pytest.approx(0.26, abs=0.02)


@pytest.mark.parametrize("churned_customer_count", [10, 10_000])
def test_a_perfect_separation_gives_no_certainty(churned_customer_count):
    log_odds = np.linspace(-2, 2, 100)
    probability = fit_calibration(log_odds, log_odds > 0, churned_customer_count).probability(log_odds)
    assert 0 < probability.min() < 0.1
    assert 0.9 < probability.max() < 1
